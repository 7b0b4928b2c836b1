/** What a figure means nothing without: the machine and the versions. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const gristmill = join(root, 'dist/client/main.js');

function version(): string {
  const description = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return description.version;
}

export function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown processor';
  const memory = (totalmem() / 1024 ** 3).toFixed(0);
  return [
    `gristmill ${version()}, Node ${process.versions.node} (V8 ${process.versions.v8})`,
    `${availableParallelism()} cores of ${model.trim()}, ${memory} GiB, ${type()} ${release()}`,
  ].join('\n');
}
