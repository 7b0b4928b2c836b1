/**
 * Aggregators of a job's own, and `combine`, by functions that are neither associative nor commutative: what they return
 * shows how they were called, and that is compared with plain loops over the emits of each task.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OwnAggregator } from '../../../shared/aggregation.js';
import { BlockBuilder } from '../../../shared/codec/block-builder.js';
import { valueAt, type Block } from '../../../shared/codec/block.js';
import { compareBytes, decodeKey, encodeKey, type Key } from '../../../shared/codec/key.js';
import { groupSizes } from '../../../shared/kernel/combine-mode.js';
import { foldRows, type SortedRows } from '../../../shared/kernel/fold-rows.js';
import { CombineFold, OwnFold, type ValueFold } from '../../../shared/kernel/value-fold.js';
import { engines, type Cursor, type Engine } from '../../harness/engines.js';
import { mapTasks, mergeOf } from '../../harness/map-tasks.js';

type Task = readonly (readonly [Key, unknown])[];

interface Trace {
  text: string;
}
/** The state is changed in place, as users do. */
const trace: OwnAggregator = {
  zero: (): Trace => ({ text: '0' }),
  add(state: Trace, value: unknown) {
    state.text = `(${state.text}+${String(value)})`;
    return state;
  },
  merge(earlier: Trace, later: Trace) {
    earlier.text = `[${earlier.text}|${later.text}]`;
    return earlier;
  },
  finish: ({ text }: Trace) => `=${text}`,
};
const combine = (earlier: unknown, later: unknown) => `{${String(earlier)},${String(later)}}`;

const key = fc.oneof(fc.constantFrom('a', 'b', 'aa', 'a\0'), fc.nat({ max: 2 }), fc.constant(null));
const value = fc.oneof(fc.nat({ max: 99 }), fc.string({ maxLength: 3 }), fc.constantFrom(1.5, true, null, 7n));
const tasks: fc.Arbitrary<Task[]> = fc.array(fc.array(fc.tuple(key, value), { maxLength: 20 }), { maxLength: 6 });
const openMax = fc.integer({ min: 2, max: 5 });

const nameOf = (key: Key) => Buffer.from(encodeKey(key)).toString('hex');

/** For each key in order, the emits of each task that has any, in their order. */
function valuesByTask(list: readonly Task[]): [Key, unknown[][]][] {
  const names = new Map(list.flat().map(([key]) => [nameOf(key), encodeKey(key)]));
  return [...names.entries()]
    .sort(([, a], [, b]) => compareBytes(a, b))
    .map(([name, bytes]) => [
      decodeKey(bytes),
      list
        .map((emits) => emits.filter(([key]) => nameOf(key) === name).map(([, value]) => value))
        .filter((values) => values.length > 0),
    ]);
}

function rowsOf(cursor: Cursor, read: () => unknown): [Key, unknown][] {
  const rows: [Key, unknown][] = [];
  while (cursor.nextGroup()) rows.push([cursor.key(), read()]);
  return rows;
}

function valuesOf(cursor: Cursor): unknown[] {
  const values: unknown[] = [];
  while (cursor.nextValue()) values.push(cursor.value());
  return values;
}

const added = (values: readonly unknown[]) =>
  values.reduce<string>((state, value) => `(${state}+${String(value)})`, '0');
const merged = (states: readonly string[]) => states.reduce((earlier, later) => `[${earlier}|${later}]`);
const combined = (values: readonly unknown[]) => values.reduce((earlier, later) => combine(earlier, later));

describe.each(engines)('with $name an aggregator of one’s own', (engine) => {
  test('adds each task’s values in their order, and merges the tasks’ states in theirs', () => {
    fc.assert(
      fc.property(tasks, openMax, (list, open) => {
        const objects = mapTasks(engine, list, 1, { fold: new OwnFold(trace) });
        const cursor = mergeOf(engine, objects, 0, open);
        const fold = new OwnFold(trace);
        const rows = rowsOf(cursor, () => {
          cursor.foldValues(fold);
          return fold.result();
        });
        const expected = valuesByTask(list).map(([key, lists]) => [key, `=${merged(lists.map(added))}`]);
        expect(rows).toStrictEqual(expected);
        expect(cursor.found.weight).toBe(list.flat().length);
        expect(cursor.found.records).toBe(objects.reduce((sum, { summary }) => sum + summary.records, 0));
      }),
      { numRuns: 150 },
    );
  });
});

describe.each(engines)('with $name combine', (engine) => {
  test('folds each task’s values in their order, and reduce sees one value of each task', () => {
    fc.assert(
      fc.property(tasks, openMax, (list, open) => {
        const objects = mapTasks(engine, list, 1, { fold: new CombineFold(combine) });
        const cursor = mergeOf(engine, objects, 0, open);
        const rows = rowsOf(cursor, () => valuesOf(cursor));
        expect(rows).toStrictEqual(valuesByTask(list).map(([key, lists]) => [key, lists.map(combined)]));
        objects.forEach(({ summary }, task) => {
          const emits = list[task] ?? [];
          expect(summary).toMatchObject({ combinedIn: emits.length, weight: emits.length });
          expect(summary.records).toBe(new Set(emits.map(([key]) => nameOf(key))).size);
        });
      }),
      { numRuns: 150 },
    );
  });
});

/** What a map task that spilled sees at its end: its runs, merged. */
class MergedRuns implements SortedRows {
  readonly isFolded = true;
  readonly #cursor: Cursor;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  next(): boolean {
    return this.#cursor.nextValue() || (this.#cursor.nextGroup() && this.#cursor.nextValue());
  }

  get keys(): Uint8Array {
    return this.#cursor.keyBytes;
  }

  readonly keyStart = 0;

  get keyEnd(): number {
    return this.#cursor.keyBytes.length;
  }

  value(): unknown {
    return this.#cursor.value();
  }

  get weight(): number {
    return this.#cursor.weight;
  }
}

function spilled(
  engine: Engine,
  runs: readonly Task[],
  fold: ValueFold,
  open: number,
): { rows: [Key, unknown][]; weight: number } {
  const cursor = mergeOf(engine, mapTasks(engine, runs, 1, { fold }), 0, open);
  const builder = new BlockBuilder();
  const blocks: Block[] = [];
  foldRows(new MergedRuns(cursor), fold, groupSizes.on, builder, () => blocks.push(builder.take()));
  const rows = blocks.flatMap((block) => {
    expect(block.rows).toBe(1);
    return [[decodeKey(block.keyBytes), valueAt(block, 0)] as [Key, unknown]];
  });
  return { rows, weight: blocks.reduce((sum, { weights }) => sum + (weights?.[0] ?? 1), 0) };
}

describe.each(engines)('with $name runs that a map task has spilled', (engine) => {
  test('merge their states in the order of the runs, with the weight of all emits', () => {
    fc.assert(
      fc.property(tasks, openMax, (runs, open) => {
        const { rows, weight } = spilled(engine, runs, new OwnFold(trace), open);
        const expected = valuesByTask(runs).map(([key, lists]) => [key, { text: merged(lists.map(added)) }]);
        expect(rows).toStrictEqual(expected);
        expect(weight).toBe(runs.flat().length);
      }),
      { numRuns: 100 },
    );
  });

  test('combine their values in the order of the runs', () => {
    fc.assert(
      fc.property(tasks, openMax, (runs, open) => {
        const { rows, weight } = spilled(engine, runs, new CombineFold(combine), open);
        expect(rows).toStrictEqual(valuesByTask(runs).map(([key, lists]) => [key, combined(lists.map(combined))]));
        expect(weight).toBe(runs.flat().length);
      }),
      { numRuns: 150 },
    );
  });
});
