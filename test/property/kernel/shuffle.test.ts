import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partSpec, type BuiltInSpec } from '../../../shared/aggregation.js';
import { xxh64 } from '../../../shared/codec/checksum.js';
import { identityOf } from '../../../shared/codec/frame.js';
import { compareBytes, decodeKey, encodeKey, type Key } from '../../../shared/codec/key.js';
import { verifyShuffleObject } from '../../../shared/codec/shuffle-object.js';
import type { AggregatorName } from '../../../shared/codec/state.js';
import { engines, type Cursor, type Engine, type Frames } from '../../harness/engines.js';

const job = 'abcdefghijkl';

type Emit = readonly [Key, unknown];
interface Object {
  readonly bytes: Uint8Array;
  readonly summary: { readonly weight: number; readonly sum: bigint };
  readonly attempt: string;
}

/** Map tasks over lists of records, each a list of emits; records with an odd first emit count may fail. */
function mapTask(
  engine: Engine,
  task: number,
  emits: readonly Emit[],
  partitions: number,
  aggregator?: AggregatorName,
): Object {
  const attempt = `map-${task}.1-1`;
  const spec = aggregator && partSpec(aggregator);
  const output = engine.output({ partitions, aggregator: spec, job, attempt });
  emits.forEach(([key, value], i) => {
    output.emit(key, value);
    if (i % 3 === 2) output.recordDone();
    if (i % 5 !== 4) return;
    output.recordDone();
    output.emit(key, value);
    output.emit('a record that fails', 1);
    output.recordFailed();
  });
  output.recordDone();
  expect(output.emitted).toBe(emits.length);
  output.emit('never done', 1);
  const pieces: Uint8Array[] = [];
  const summary = output.finish((bytes) => pieces.push(bytes));
  return { bytes: new Uint8Array(Buffer.concat(pieces)), summary, attempt };
}

function framesOf(object: Object, partition: number): Frames {
  const identity = identityOf(job, object.attempt);
  const entry = verifyShuffleObject(object.bytes, identity).partitions[partition]!;
  return { bytes: object.bytes.subarray(entry.offset, entry.offset + entry.bytes), identity, partition };
}

/** The reference: plain sort and Map of plain values, keyed by what the key's bytes look like. */
function reference(tasks: readonly (readonly Emit[])[], partition: number, partitions: number): [Key, unknown[]][] {
  const groups = new Map<string, { bytes: Uint8Array; values: unknown[] }>();
  for (const [key, value] of tasks.flat()) {
    const bytes = encodeKey(key);
    if (Number(xxh64(bytes) % BigInt(partitions)) !== partition) continue;
    const name = Buffer.from(bytes).toString('hex');
    const group = groups.get(name) ?? { bytes, values: [] };
    groups.set(name, group);
    group.values.push(value);
  }
  const sorted = [...groups.values()].sort((a, b) => compareBytes(a.bytes, b.bytes));
  return sorted.map(({ bytes, values }) => [decodeKey(bytes), values]);
}

const prefix = fc.constantFrom('', 'a'.repeat(7), 'a'.repeat(8), 'b'.repeat(16), 'c'.repeat(32), 'd'.repeat(31));
const stringKey = fc
  .tuple(prefix, fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'é', '😀'), maxLength: 3 }))
  .map(([a, b]) => a + b);
const mixedKey: fc.Arbitrary<Key> = fc.oneof(
  stringKey,
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom(null, true, 5n),
  fc.tuple(fc.constantFrom('x', 'y'), fc.nat({ max: 2 })),
);
const value = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string({ maxLength: 40 }),
  fc.constantFrom(null, undefined, new Uint8Array([1, 2]), 7n),
  fc.array(fc.nat(), { maxLength: 3 }),
);

const keys = (key: fc.Arbitrary<Key>): fc.Arbitrary<Key[]> =>
  fc.oneof(
    fc.array(key, { maxLength: 60 }),
    key.chain((k) => fc.array(fc.constant(k), { maxLength: 30 })),
    fc.array(key, { maxLength: 60 }).map((list) => list.sort((a, b) => compareBytes(encodeKey(a), encodeKey(b)))),
    fc.array(key, { maxLength: 60 }).map((list) => list.sort((a, b) => compareBytes(encodeKey(b), encodeKey(a)))),
  );
const emits = (of: fc.Arbitrary<unknown>): fc.Arbitrary<Emit[]> =>
  fc
    .tuple(fc.oneof(keys(stringKey), keys(mixedKey)), fc.infiniteStream(of))
    .map(([list, values]) => list.map((key): Emit => [key, values.next().value]));

interface Merged {
  readonly groups: [Key, unknown][];
  readonly found: { records: number; weight: number; sum: bigint };
}

function merge(
  engine: Engine,
  objects: readonly Object[],
  partition: number,
  openMax: number,
  read: (cursor: Cursor) => unknown,
  spec?: BuiltInSpec,
): Merged {
  let now = 0;
  let most = 0;
  const opened = (change: 1 | -1) => {
    now += change;
    most = Math.max(most, now);
  };
  const inputs = objects.map((object) => framesOf(object, partition));
  const cursor = engine.merge(inputs, { openMax, spec, opened });
  const groups: [Key, unknown][] = [];
  while (cursor.nextGroup()) groups.push([cursor.key(), read(cursor)]);
  expect(most).toBeLessThanOrEqual(openMax);
  expect(now).toBe(0);
  expect(cursor.groups).toBe(groups.length);
  expect(cursor.nextGroup()).toBe(false);
  return { groups, found: { ...cursor.found } };
}

function valuesOf(cursor: Cursor): unknown[] {
  const values: unknown[] = [];
  while (cursor.nextValue()) values.push(cursor.value());
  return values;
}

const minusZero = (v: unknown): unknown => (v === 0 ? 0 : v);

describe.each(engines)('map output and merge of $name', (engine) => {
  test('without an aggregator: equal a plain sort, in (task, position) order, for any number of open sources', () => {
    fc.assert(
      fc.property(
        fc.array(emits(value), { maxLength: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 2, max: 9 }),
        (tasks, partitions, openMax) => {
          const objects = tasks.map((list, task) => mapTask(engine, task, list, partitions));
          for (let partition = 0; partition < partitions; partition++) {
            const expected = reference(tasks, partition, partitions).map(([key, list]) => [key, list.map(minusZero)]);
            const all = merge(engine, objects, partition, 64, valuesOf);
            expect(all.groups).toStrictEqual(expected);
            expect(merge(engine, objects, partition, openMax, valuesOf)).toStrictEqual(all);
          }
        },
      ),
      { numRuns: 250 },
    );
  });

  const results: Readonly<Record<AggregatorName, (values: unknown[]) => unknown>> = {
    count: (values) => values.length,
    sum: (values) => (values as number[]).reduce((a, b) => a + b, 0),
    min: (values) => extreme(values, -1),
    max: (values) => extreme(values, 1),
  };
  const extreme = (values: unknown[], direction: number) =>
    values.reduce((best, v) => (compareBytes(encodeKey(v), encodeKey(best)) * direction > 0 ? v : best));
  // Halves within 2^40 add up exactly in plain arithmetic too, and leave the integers' fast path.
  const half = fc.integer({ min: -(2 ** 40), max: 2 ** 40 }).map((n) => n / 2 + 0);
  const ordered = fc.oneof(
    half,
    fc.constantFrom(Infinity, -Infinity),
    fc.string({ maxLength: 20 }),
    fc.bigInt({ min: -99n, max: 99n }),
  );

  test.each([
    ['count', value],
    ['sum', half],
    ['min', half],
    ['max', ordered],
    ['min', ordered],
  ] as const)('with %s: equal the plain computation, and weights count every emit', (aggregator, values) => {
    fc.assert(
      fc.property(
        fc.array(emits(values), { maxLength: 7 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 2, max: 7 }),
        (tasks, partitions, openMax) => {
          const objects = tasks.map((list, task) => mapTask(engine, task, list, partitions, aggregator));
          let weight = 0;
          for (let partition = 0; partition < partitions; partition++) {
            const expected = reference(tasks, partition, partitions).map(([key, list]) => [
              key,
              minusZero(results[aggregator](list)),
            ]);
            const all = merge(engine, objects, partition, 64, (cursor) => cursor.foldStates(), partSpec(aggregator));
            expect(all.groups).toStrictEqual(expected);
            expect(
              merge(engine, objects, partition, openMax, (cursor) => cursor.foldStates(), partSpec(aggregator)),
            ).toStrictEqual(all);
            weight += all.found.weight;
          }
          expect(weight).toBe(tasks.flat().length);
        },
      ),
      { numRuns: 120 },
    );
  });

  test('what is found is what was written, once, whatever of it is read', () => {
    fc.assert(
      fc.property(
        fc.array(emits(value), { maxLength: 12 }),
        fc.integer({ min: 2, max: 5 }),
        fc.nat({ max: 3 }),
        (tasks, openMax, read) => {
          const objects = tasks.map((list, task) => mapTask(engine, task, list, 1));
          const { found } = merge(engine, objects, 0, openMax, (cursor) => {
            for (let i = 0; i < read; i++) cursor.nextValue();
          });
          const total = (part: (summary: Object['summary']) => bigint) =>
            objects.reduce((sum, { summary }) => BigInt.asUintN(64, sum + part(summary)), 0n);
          expect(found.records).toBe(tasks.flat().length);
          expect(BigInt(found.weight)).toBe(total((summary) => BigInt(summary.weight)));
          expect(found.sum).toBe(total((summary) => summary.sum));
        },
      ),
      { numRuns: 100 },
    );
  });
});
