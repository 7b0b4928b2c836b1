/** `runJob` against programs that share nothing with the engine, over any records, splits and modes of combining. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runJob } from '../../../client/testing.js';
import { agg, defineJob, read, write, type Emit, type EmitRow } from '../../../shared/job/index.js';

type Pair = readonly [key: string, value: number];

const pairs = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'ab', '', 'ÿ', '😀'), fc.integer({ min: -9, max: 9 })), {
  maxLength: 40,
});
const combine = fc.constantFrom('off' as const, 'on' as const, 'everywhere' as const);
const itemsPerSplit = fc.option(fc.integer({ min: 1, max: 50 }), { nil: undefined });
const partitions = fc.integer({ min: 1, max: 3 });

/** Values by key, in the order of the input. */
function grouped(input: readonly Pair[]): ReadonlyMap<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [key, value] of input) groups.set(key, [...(groups.get(key) ?? []), value]);
  return groups;
}

const aggregators = {
  count: { make: agg.count, of: (values: number[]) => values.length },
  sum: { make: agg.sum, of: (values: number[]) => values.reduce((sum, value) => sum + value, 0) },
  min: { make: agg.min<number>, of: (values: number[]) => Math.min(...values) },
  max: { make: agg.max<number>, of: (values: number[]) => Math.max(...values) },
} as const;

function sorted(rows: readonly unknown[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

describe('a job in memory equals a plain computation', () => {
  test.each(['count', 'sum', 'min', 'max'] as const)('with agg.%s, in every mode of combining', async (name) => {
    const { make, of } = aggregators[name];
    await fc.assert(
      fc.asyncProperty(pairs, combine, itemsPerSplit, partitions, async (input, mode, split, parts) => {
        const job = defineJob({
          name: 'x',
          input: read.items<Pair>([]),
          partitions: parts,
          map: ([key, value], emit: Emit<string, number>) => emit(key, value),
          reduce: make(),
          output: write.jsonl('o'),
        });
        const options = { input, combine: mode, ...(split !== undefined && { itemsPerSplit: split }) };
        const { rows, counts } = await runJob(job, options);
        expect(sorted(rows)).toEqual(sorted([...grouped(input)].map(([key, values]) => ({ key, value: of(values) }))));
        expect(counts.shuffledInWeight).toBe(input.length);
        if (mode === 'off') expect(counts.shuffledInRecords).toBe(input.length);
        if (mode === 'on') expect(counts.shuffledInRecords).toBeLessThanOrEqual(input.length);
      }),
      { numRuns: 25 },
    );
  });

  test('with a reduce function, which sees the values of a key in the order of the input', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, combine, itemsPerSplit, partitions, async (input, mode, split, parts) => {
        const job = defineJob({
          name: 'x',
          input: read.items<Pair>([]),
          partitions: parts,
          map: ([key, value], emit: Emit<string, number>) => emit(key, value),
          reduce: (key, values, emit: EmitRow<[string, number[]]>) => emit([key, [...values]]),
          output: write.jsonl('o'),
        });
        const options = { input, combine: mode, ...(split !== undefined && { itemsPerSplit: split }) };
        expect(sorted((await runJob(job, options)).rows)).toEqual(sorted([...grouped(input)]));
      }),
      { numRuns: 50 },
    );
  });
});
