/** Results read back for comparison: rows of all parts, whatever their order and their number of files. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The lines of the part files in a folder. */
export function partLines(output: string): string[] {
  const parts = readdirSync(output).filter((name) => name.startsWith('part-'));
  return parts.flatMap((name) => readFileSync(join(output, name), 'utf8').split('\n').filter(Boolean));
}

export function linesDigest(lines: readonly string[]): string {
  return createHash('sha256')
    .update([...lines].sort().join('\n'))
    .digest('hex');
}
