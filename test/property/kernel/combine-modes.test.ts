/** What the modes of combining promise of a map task's output: how many emits of a key each of its states stands for. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partSpec } from '../../../shared/aggregation.js';
import type { CombineMode } from '../../../shared/kernel/combine-mode.js';
import { CombineFold, OwnFold, type ValueFold } from '../../../shared/kernel/value-fold.js';
import { decodeKey } from '../../../shared/codec/key.js';
import { partitionSource, shuffleObject } from '../../harness/shuffle.js';

const emits = fc.array(fc.tuple(fc.nat({ max: 20 }), fc.integer()), { maxLength: 3000, size: 'max' });

/** The emits that each state of a key stands for, in their order. */
function weightsByKey(object: ReturnType<typeof shuffleObject>): ReadonlyMap<unknown, number[]> {
  const found = new Map<unknown, number[]>();
  const source = partitionSource(object, 0);
  for (let block = source.next(); block; block = source.next()) {
    for (let row = 0, start = 0; row < block.rows; row++) {
      const end = block.keyEnds[row] ?? 0;
      const key = decodeKey(block.keyBytes.slice(start, end));
      start = end;
      found.set(key, [...(found.get(key) ?? []), block.weights?.[row] ?? 1]);
    }
  }
  return found;
}

const promised: Readonly<Record<CombineMode, (count: number) => number[]>> = {
  off: (count) => Array.from({ length: count }, () => 1),
  on: (count) => [count],
  everywhere: (count) => Array.from({ length: count }, () => 1),
};

describe('the states of a key', () => {
  test.each(['off', 'on', 'everywhere'] as const)("with combine '%s' stand for the emits that it says", (combine) => {
    fc.assert(
      fc.property(emits, fc.constantFrom('count' as const, 'sum' as const, 'max' as const), (pairs, aggregator) => {
        const counts = new Map<unknown, number>();
        for (const [key] of pairs) counts.set(key, (counts.get(key) ?? 0) + 1);
        const spec = partSpec(aggregator);
        const object = shuffleObject({ partitions: 1, attempt: 'map-00000.1-1', aggregator: spec, combine }, pairs);
        const expected = [...counts].map(([key, count]) => [key, promised[combine](count)] as const);
        expect(weightsByKey(object)).toEqual(new Map(expected.sort(([a], [b]) => Number(a) - Number(b))));
      }),
      { numRuns: 60 },
    );
  });
});

/** Functions of a job fold where the values of a key stand together, so that they can be cut as a mode says. */
const cut: Readonly<Record<CombineMode, (count: number) => number[]>> = {
  off: (count) => Array.from({ length: count }, () => 1),
  on: (count) => [count],
  everywhere: (count) => [1, ...Array.from({ length: count >> 1 }, (_, i) => Math.min(2, count - 1 - 2 * i))],
};
const add = (a: unknown, b: unknown) => (a as number) + (b as number);
const folds: Readonly<Record<string, () => ValueFold>> = {
  'an aggregator of one’s own': () => new OwnFold({ zero: () => 0, add, merge: add, finish: (state) => state }),
  combine: () => new CombineFold(add),
};

describe.each(Object.entries(folds))('the values of a key, folded by %s', (_, fold) => {
  test.each(['off', 'on', 'everywhere'] as const)("with combine '%s' stand for the emits that it says", (combine) => {
    fc.assert(
      fc.property(emits, (pairs) => {
        const counts = new Map<unknown, number>();
        for (const [key] of pairs) counts.set(key, (counts.get(key) ?? 0) + 1);
        const object = shuffleObject({ partitions: 1, attempt: 'map-00000.1-1', fold: fold(), combine }, pairs);
        const expected = [...counts].map(([key, count]) => [key, cut[combine](count)] as const);
        expect(weightsByKey(object)).toEqual(new Map(expected.sort(([a], [b]) => Number(a) - Number(b))));
      }),
      { numRuns: 40 },
    );
  });
});
