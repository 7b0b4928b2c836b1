/** Small neighbouring partitions are read together; what is kept of them is a shortcut and no more. */
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { limits } from '../../../shared/limits.js';
import { Workplace } from '../../harness/command.js';

const MAPS = limits.neighbourObjectsMin;
const job = `import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'neighbours',
  input: read.text('input.txt', { splitBytes: 65_536 }),
  map(line, emit) {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: agg.sum(),
  partitions: 64,
  output: write.jsonl('out'),
});
`;
const lines = Array.from({ length: 3600 * MAPS }, (_, i) => `word${i % 997} word${(i * 7) % 4001} line${i}`);

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
  place.write('job.ts', job);
  place.write('input.txt', `${lines.join('\n')}\n`);
});

afterEach(() => place.remove());

function kept(): string[] {
  return place.files('.gristmill').filter((file) => /\/together-[^/]*$/.test(file));
}

test('a file of them that is overwritten costs reads, and no result', async () => {
  place.hold('reduce');
  const running = place.start(['run', 'job.ts', '--workers', '1']);
  running.child.stdin?.end();
  await place.reached('reduce');
  const [file = '', ...others] = kept();
  expect(others).toEqual([]);
  expect(file).toMatch(/together-0\.0-0-16$/);
  const path = place.path(join('.gristmill', file));
  writeFileSync(path, Buffer.alloc(statSync(path).size, 7));
  place.release('reduce');
  const { code, stderr } = await running.ended;
  expect(code, stderr).toBe(0);
  const counts = new Map<string, number>();
  for (const word of lines.flatMap((line) => line.split(' '))) counts.set(word, (counts.get(word) ?? 0) + 1);
  const rows = Object.values(place.parts('out')).flatMap((text) => text.trim().split('\n'));
  const found = rows.map((row) => JSON.parse(row) as { key: string; value: number });
  expect(new Map(found.map(({ key, value }) => [key, value]))).toEqual(counts);
  expect(found).toHaveLength(counts.size);
  // None of it is a map task's fault.
  expect(stderr).not.toMatch(/run again|generation/);
});
