/** Runs the plain word count as a user would, through the command, and reads back what it left. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Counts } from './oracle.js';

const command = fileURLToPath(new URL('../../dist/client/main.js', import.meta.url));

export interface WordCountRun {
  /** A path or pattern. */
  readonly input: string;
  readonly partitions: number;
  readonly executors: number;
  /** A temporary folder of the caller: job file, output and private store go there. */
  readonly folder: string;
}

export interface WordCountResult {
  readonly counts: Counts;
  /** sha256 of each part file, in the order of the partitions. */
  readonly parts: readonly string[];
}

const definition = (input: string, partitions: number): string => `
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'word-count',
  input: read.text(${JSON.stringify(input)}),
  map(line, emit) {
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) emit(word, 1);
  },
  reduce: agg.sum(),
  partitions: ${partitions},
  output: write.jsonl('out'),
});
`;

export async function runWordCount({ input, partitions, executors, folder }: WordCountRun): Promise<WordCountResult> {
  const job = join(folder, `word-count-${partitions}.ts`);
  const output = join(folder, `out-${partitions}-${executors}`);
  rmSync(output, { recursive: true, force: true });
  writeFileSync(job, definition(input, partitions));
  await promisify(execFile)(
    process.execPath,
    [command, 'run', job, '--quiet', '--workers', String(executors), '--output', output],
    { cwd: folder },
  );
  const names = readdirSync(output).filter((name) => name.startsWith('part-'));
  if (!existsSync(join(output, '_SUCCESS'))) throw new Error('the run ended well and left no _SUCCESS');
  const texts = names.sort().map((name) => readFileSync(join(output, name), 'utf8'));
  rmSync(output, { recursive: true });
  return { counts: countsOf(texts), parts: texts.map((text) => createHash('sha256').update(text).digest('hex')) };
}

/** Throws when a word is in two rows, or a partition's words are not ascending. */
export function countsOf(texts: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const text of texts) {
    let before = '';
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const { key, value } = JSON.parse(line) as { key: string; value: number };
      if (counts.has(key) || key < before) throw new Error(`"${key}" is twice in the output or out of order`);
      counts.set(key, value);
      before = key;
    }
  }
  return counts;
}
