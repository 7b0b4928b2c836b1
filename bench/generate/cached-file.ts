/** Generated inputs lie in `.cache/` of the checkout, made once. */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cache = fileURLToPath(new URL('../../.cache/', import.meta.url));

/**
 * The path of the file, written by `write` if it is not there yet. It appears under its name when it is whole; so the name
 * has to say all that its bytes depend on.
 */
export function cachedFile(name: string, write: (path: string) => void): string {
  const path = join(cache, name);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  write(temporary);
  renameSync(temporary, path);
  return path;
}
