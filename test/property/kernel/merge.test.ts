/** The kernel's merge against the reference's, over sources of many blocks cut anywhere. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meanSpec, partSpec, specOfFields, type BuiltInSpec } from '../../../shared/aggregation.js';
import { compareBytes, encodeKey, type Key } from '../../../shared/codec/key.js';
import { blocksOf, framesOf, type Row } from '../../harness/blocks.js';
import { engines, kernels, reference, type Cursor, type Engine, type Frames } from '../../harness/engines.js';

interface Merged {
  readonly groups: readonly (readonly [Key, unknown])[];
  readonly found: unknown;
  readonly inexact: number;
}

function merged(
  engine: Engine,
  sources: readonly Frames[],
  openMax: number,
  spec?: BuiltInSpec,
  most = Infinity,
): Merged {
  const cursor = engine.merge(sources, { openMax, spec });
  const groups: [Key, unknown][] = [];
  while (cursor.nextGroup()) groups.push([cursor.key(), spec ? cursor.foldStates() : valuesOf(cursor, most)]);
  return { groups, found: { ...cursor.found }, inexact: cursor.inexact };
}

function valuesOf(cursor: Cursor, most: number): unknown[] {
  const values: unknown[] = [];
  while (values.length < most && cursor.nextValue()) values.push([cursor.value(), cursor.weight]);
  return values;
}

const ascending = (rows: readonly Row[]) => [...rows].sort((a, b) => compareBytes(encodeKey(a.key), encodeKey(b.key)));

const prefix = fc.constantFrom('', 'k'.repeat(7), 'k'.repeat(8), 'k'.repeat(16), 'k'.repeat(32), 'k'.repeat(300));
const key: fc.Arbitrary<Key> = fc.oneof(
  fc.tuple(prefix, fc.constantFrom('', 'a', 'a\0', 'a\0\0', 'b', '\0', 'é')).map(([a, b]) => a + b),
  fc.nat({ max: 9 }),
  fc.constantFrom('', null, 'x'.repeat(6_000), ['a', 1]),
);
const weight = fc.constantFrom(1, 1, 1, 2, 1000, 2 ** 33);
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 });
const openMax = fc.integer({ min: 2, max: 12 });

function sourcesOf(value: fc.Arbitrary<unknown>, spec?: BuiltInSpec): fc.Arbitrary<Frames[]> {
  const row = fc.record({ key, value, weight });
  const rows = fc.oneof(fc.array(row, { maxLength: 40 }), fc.array(row, { minLength: 20, maxLength: 60 }));
  const blocks = fc.tuple(rows, sizes).map(([list, cuts]) => blocksOf(ascending(list), cuts, spec));
  return fc.array(blocks, { maxLength: 10 }).map((all) => all.map(framesOf));
}

const plain = fc.oneof(
  fc.double(),
  fc.string({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 5 }),
  fc.constantFrom(null, undefined, 7n, { a: [1] }, 'z'.repeat(140_000)),
);
const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, min: -1e9, max: 1e9 }));
const exotic = fc.oneof(number, fc.constantFrom(1e300, -1e300, 1e-300, NaN, Infinity, 2 ** 94, -(2 ** 94)));
const ordered = fc.oneof(
  number,
  fc.string({ maxLength: 9 }),
  fc.bigInt({ min: -99n, max: 99n }),
  fc.constant(Infinity),
);
const ends = specOfFields([
  ['least', partSpec('min')],
  ['n', partSpec('count')],
  ['most', partSpec('max')],
]);
const all = specOfFields([
  ['mean', meanSpec],
  ['sum', partSpec('sum')],
  ['least', partSpec('min')],
  ['most', partSpec('max')],
]);

describe('the merge of values', () => {
  test('gives the rows of the reference, with their weights, for any number of open sources', () => {
    fc.assert(
      fc.property(sourcesOf(plain), openMax, (sources, open) => {
        expect(merged(kernels, sources, open)).toStrictEqual(merged(reference, sources, open));
      }),
      { numRuns: 150 },
    );
  });

  test('finds everything, whatever of a group is read', () => {
    fc.assert(
      fc.property(sourcesOf(fc.integer()), openMax, fc.nat({ max: 3 }), (sources, open, most) => {
        expect(merged(kernels, sources, open, undefined, most)).toStrictEqual(
          merged(reference, sources, open, undefined, most),
        );
      }),
      { numRuns: 80 },
    );
  });
});

describe('the merge of states', () => {
  const values = (of: fc.Arbitrary<unknown>) => fc.array(of, { minLength: 1, maxLength: 4 });

  test.each([
    ['fixed sums', partSpec('sum'), number],
    ['sums of all widths', partSpec('sum'), exotic],
    ['counts', partSpec('count'), number],
    ['minima', partSpec('min'), number],
    ['maxima of any order', partSpec('max'), ordered],
    ['means', meanSpec, number],
    ['ends of any order', ends, ordered],
    ['all parts', all, exotic.filter((value) => value === value)],
  ] as const)(
    'of %s gives the results of the reference, wide rows in the middle of a group included',
    (_, spec, of) => {
      fc.assert(
        fc.property(sourcesOf(values(of), spec), openMax, (sources, open) => {
          expect(merged(kernels, sources, open, spec)).toStrictEqual(merged(reference, sources, open, spec));
        }),
        { numRuns: 60 },
      );
    },
  );

  test('goes on beyond the fixed form where a sum overflows it, within a group of fixed rows', () => {
    const most = 2 ** 94;
    for (const sign of [1, -1]) {
      const rows = [0, 1, 2].map((i): Row => ({ key: i < 2 ? 'a' : 'b', value: [sign * most, sign * 3], weight: 2 }));
      const sources = Array.from({ length: 5 }, (_, source) =>
        framesOf(blocksOf(rows, [1, 2], partSpec('sum')), source),
      );
      for (const open of [2, 9]) {
        const found = merged(kernels, sources, open, partSpec('sum'));
        expect(found).toStrictEqual(merged(reference, sources, open, partSpec('sum')));
        expect(found.groups).toEqual([['a', sign * most * 10], ['b', sign * most * 5]]); // prettier-ignore
      }
    }
  });

  test('makes room for more groups than its memory holds, again and again', () => {
    const rows = Array.from({ length: 120 }, (_, i): Row => ({
      key: `${i}`.padStart(60_000, '0'),
      value: [i],
      weight: 1,
    }));
    const sources = [0, 1, 2].map((source) => framesOf(blocksOf(rows, [2, 3], partSpec('sum')), source));
    const { groups } = merged(kernels, sources, 3, partSpec('sum'));
    expect(groups.map(([, sum]) => sum)).toEqual(rows.map((_, i) => 3 * i));
  });
});

describe.each(engines)('$name', (engine) => {
  const rowsOf = (keys: readonly Key[]) => keys.map((one): Row => ({ key: one, value: 1, weight: 1 }));

  test.each([
    ['within a block', [['b', 'a', 'c']], [9]],
    ['from one block to the next', [['a', 'c', 'b']], [2]],
    ['in a source beside others', [['a', 'd'], ['b', 'c', 'a'], ['a']], [2]],
    ['by a zero at the end', [['a\0', 'a']], [1]],
  ] as const)('refuses keys that do not ascend %s', (_, lists, cuts) => {
    const sources = lists.map((keys, source) => framesOf(blocksOf(rowsOf(keys), cuts), source));
    for (const open of [2, 9]) {
      expect(() => merged(engine, sources, open)).toThrow(expect.objectContaining({ code: 'block-corrupt' }));
    }
  });

  test('merges none, empty and single sources', () => {
    const one = framesOf(blocksOf(rowsOf(['a', 'a', 'b']), [1]), 1);
    const none = framesOf([], 0);
    expect(merged(engine, [], 2).groups).toEqual([]);
    expect(merged(engine, [none, none, none], 2).groups).toEqual([]);
    expect(merged(engine, [none, one, none], 2).groups.map(([name]) => name)).toEqual(['a', 'b']);
  });

  test('reads groups far longer than its batches, over many blocks of each of many sources', () => {
    const rows = Array.from({ length: 9000 }, (_, i): Row => ({ key: i < 8000 ? 'a' : `b${i}`, value: i, weight: 1 }));
    const sources = [0, 1, 2, 3, 4].map((source) => framesOf(blocksOf(ascending(rows), [700, 1, 2500]), source));
    const { groups } = merged(engine, sources, 3);
    expect(groups.length).toBe(1001);
    const [first] = groups;
    const once = Array.from({ length: 8000 }, (_, i) => [i, 1]);
    expect(first?.[1]).toEqual([0, 1, 2, 3, 4].flatMap(() => once));
  });
});
