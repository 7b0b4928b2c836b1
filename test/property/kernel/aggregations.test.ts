/** Built-in aggregations of several parts against plain computations over all values of a key at once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meanSpec, partSpec, specOfFields, type BuiltInSpec } from '../../../shared/aggregation.js';
import { compareBytes, encodeKey, type Key } from '../../../shared/codec/key.js';
import { engines, type Engine } from '../../harness/engines.js';
import { exactly, isInexact } from '../../harness/exact-sum.js';
import { mapTasks, mergeOf } from '../../harness/map-tasks.js';
import type { Emits } from '../../harness/shuffle.js';

const key = fc.oneof(fc.constantFrom('a', 'b', 'a\0', ''), fc.nat({ max: 3 }));
const number = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.maxSafeInteger(),
  fc.integer({ min: -9999, max: 9999 }).map((n) => n / 10),
  fc.double({ noNaN: true, min: -1e300, max: 1e300 }),
);
const ordered = fc.oneof(
  number,
  fc.string({ maxLength: 12 }),
  fc.bigInt({ min: -99n, max: 99n }),
  fc.constant(-Infinity),
);

function tasksOf<V>(value: fc.Arbitrary<V>): fc.Arbitrary<(readonly [Key, V])[][]> {
  return fc.array(fc.array(fc.tuple(key, value), { maxLength: 25 }), { maxLength: 6 });
}

/** The values of each key, in no order that matters, by the key's bytes. */
function groupsOf<V>(tasks: readonly (readonly (readonly [Key, V])[])[]): [Key, V[]][] {
  const groups = new Map<string, [Key, V[]]>();
  for (const [key, value] of tasks.flat()) {
    const name = Buffer.from(encodeKey(key)).toString('hex');
    const group = groups.get(name) ?? [key, []];
    groups.set(name, group);
    group[1].push(value);
  }
  return [...groups.values()].sort(([a], [b]) => compareBytes(encodeKey(a), encodeKey(b)));
}

function run(engine: Engine, tasks: readonly Emits[], spec: BuiltInSpec, openMax: number) {
  const objects = mapTasks(engine, tasks, 1, { aggregator: spec });
  const cursor = mergeOf(engine, objects, 0, openMax, spec);
  const rows: [Key, unknown][] = [];
  while (cursor.nextGroup()) rows.push([cursor.key(), cursor.foldStates()]);
  const out = objects.reduce((sum, { summary }) => sum + summary.weight, 0);
  expect(out).toBe(tasks.flat().length);
  expect(cursor.found.weight).toBe(out);
  return { rows, inexact: cursor.inexact };
}

function extreme(values: readonly unknown[], direction: 1 | -1): unknown {
  const order = (a: unknown, b: unknown) => compareBytes(encodeKey(a), encodeKey(b)) * direction;
  const best = values.reduce((held, value) => (order(value, held) > 0 ? value : held));
  return best === 0 ? 0 : best;
}

const stats = specOfFields([
  ['mean', meanSpec],
  ['sum', partSpec('sum')],
  [
    'ends',
    specOfFields([
      ['least', partSpec('min')],
      ['most', partSpec('max')],
    ]),
  ],
  ['n', partSpec('count')],
]);
const ends = specOfFields([
  ['most', partSpec('max')],
  ['n', partSpec('count')],
  ['least', partSpec('min')],
]);
const openMax = fc.integer({ min: 2, max: 6 });

describe.each(engines)('with $name an aggregation of several parts', (engine) => {
  test('of numbers is each of its parts: sums and means are exact and rounded once, however they were cut', () => {
    fc.assert(
      fc.property(tasksOf(number), openMax, (tasks, open) => {
        const groups = groupsOf(tasks);
        const expected = groups.map(([key, values]) => {
          const sum = exactly(values) + 0;
          const most = extreme(values, 1);
          const least = extreme(values, -1);
          return [key, { mean: sum / values.length, sum, ends: { least, most }, n: values.length }];
        });
        const { rows, inexact } = run(engine, tasks, stats, open);
        expect(rows).toStrictEqual(expected);
        expect(inexact).toBe(groups.filter(([, values]) => isInexact(values)).length);
      }),
      { numRuns: 150 },
    );
  });

  test('of values of any order, mixed in one block with numbers, is each of its parts', () => {
    fc.assert(
      fc.property(tasksOf(ordered), openMax, (tasks, open) => {
        const expected = groupsOf<unknown>(tasks).map(([key, values]) => {
          return [key, { most: extreme(values, 1), n: values.length, least: extreme(values, -1) }];
        });
        expect(run(engine, tasks, ends, open).rows).toStrictEqual(expected);
      }),
      { numRuns: 120 },
    );
  });

  test('a mean does not depend on the order of the values, nor on the tasks that had them', () => {
    fc.assert(
      fc.property(tasksOf(number), (tasks) => {
        const turned = [tasks.flat().reverse()];
        expect(run(engine, turned, meanSpec, 2).rows).toStrictEqual(run(engine, tasks, meanSpec, 3).rows);
      }),
      { numRuns: 80 },
    );
  });

  test('a mean that is rounded is no inexact sum', () => {
    const tasks = [[['a', 2 ** 53] as const, ['a', 1] as const]];
    expect(run(engine, tasks, meanSpec, 2)).toEqual({ rows: [['a', 2 ** 52]], inexact: 0 });
    expect(run(engine, tasks, partSpec('sum'), 2)).toEqual({ rows: [['a', 2 ** 53]], inexact: 1 });
  });
});
