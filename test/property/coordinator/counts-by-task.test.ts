/** Counts that are kept by task and taken out of sums again. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countsAt, emptyCountColumns, setCounts } from '../../../coordinator/scheduler/count-columns.js';
import { addCounts, subtractCounts, zeroCounts, type Counts } from '../../../shared/counts.js';

const count = fc.nat(2 ** 40);
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const user = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 1e9 }), { noNullPrototype: true });
const counts = fc.record(
  Object.fromEntries(
    Object.entries(zeroCounts).map(([name, zero]) => [
      name,
      typeof zero === 'number' ? count : typeof zero === 'bigint' ? u64 : user,
    ]),
  ),
) as unknown as fc.Arbitrary<Counts>;

describe('counts of many tasks', () => {
  test('come back as they were set last, each of its task', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), counts), { maxLength: 12 }), (sets) => {
        const columns = emptyCountColumns(5);
        const expected = new Map<number, Counts>();
        for (const [task, one] of sets) {
          setCounts(columns, task, one);
          expected.set(task, one);
        }
        for (let task = 0; task < 5; task++) expect(countsAt(columns, task)).toEqual(expected.get(task) ?? zeroCounts);
      }),
    );
  });

  test('of a journal from before there were later counts are 0 in those', () => {
    const { bytesSpilled: _spilled, inexact: _inexact, ...earlier } = { ...zeroCounts, recordsRead: 3 };
    const columns = emptyCountColumns(1);
    setCounts(columns, 0, earlier as Counts);
    expect(countsAt(columns, 0)).toEqual({ ...zeroCounts, recordsRead: 3 });
  });

  test('taken out of a sum leave the sum of the others, checksums past 2^64 included', () => {
    fc.assert(
      fc.property(counts, counts, counts, (a, b, c) => {
        const all = [a, b, c].reduce(addCounts, zeroCounts);
        expect(subtractCounts(all, b)).toEqual(addCounts(a, c));
      }),
    );
  });
});
