/** Blocks as the kernel checks and writes them, against the codec in TypeScript. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partSpec, specOfFields, type BuiltInSpec } from '../../../shared/aggregation.js';
import {
  decodeBlock,
  decodeColumns,
  encodeBlock,
  KIND_IDS,
  totalsOf,
  type Block,
} from '../../../shared/codec/block.js';
import { hasCode } from '../../../shared/errors.js';
import { setLayout } from '../../../shared/kernel/layout.js';
import { blocksOf, type Row } from '../../harness/blocks.js';
import { engines, kernel } from '../../harness/engines.js';
import { KernelMemory } from '../../harness/kernel-memory.js';

interface Checked {
  readonly records: number;
  readonly weight: number;
  readonly sum: bigint;
}

/** What the kernel says of a payload: totals, `refused`, or that it leaves the block to the reference. */
function checked(payload: Uint8Array, shift: number): Checked | 'refused' | 'too large' {
  const memory = new KernelMemory(kernel);
  const at = memory.put(payload, shift);
  const { rows, keyBytes, keyEnds, kind, layout, values, valueEnds, weights } = decodeColumns(
    kernel.bytes.subarray(at, at + payload.length),
  );
  setLayout(kernel, layout);
  const { exports } = kernel;
  const status = exports.checkBlock(
    rows,
    keyBytes.byteOffset,
    keyBytes.length,
    keyEnds.byteOffset,
    KIND_IDS[kind],
    values.byteOffset,
    values.length,
    valueEnds?.byteOffset ?? 0,
    weights?.byteOffset ?? 0,
  );
  if (status !== 0) return status === 1 ? 'refused' : 'too large';
  const sum = BigInt.asUintN(64, exports.checkedSum.value);
  return { records: rows, weight: Number(exports.checkedWeight.value), sum };
}

function expected(payload: Uint8Array): Checked | 'refused' {
  try {
    return totalsOf(decodeBlock(payload));
  } catch (error) {
    if (!hasCode(error, 'block-corrupt')) throw error;
    return 'refused';
  }
}

const parts = specOfFields([
  ['n', partSpec('count')],
  ['sum', partSpec('sum')],
  ['least', partSpec('min')],
  ['most', partSpec('max')],
]);
const specs: readonly (BuiltInSpec | undefined)[] = [
  undefined,
  partSpec('count'),
  partSpec('sum'),
  partSpec('min'),
  parts,
];
const key = fc.oneof(fc.string({ maxLength: 30 }), fc.nat(), fc.constantFrom('', 'x'.repeat(300), 'y'.repeat(5_000)));
const plain = fc.oneof(
  { weight: 4, arbitrary: fc.double() },
  fc.string({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 40 }),
  fc.constantFrom(null, 7n, { a: [1] }, 'z'.repeat(6_000)),
);
const weight = fc.oneof(
  fc.constant(1),
  fc.maxSafeInteger().map((n) => Math.max(1, Math.abs(n) % 2 ** 40)),
);
const block: fc.Arbitrary<Block> = fc.constantFrom(...specs).chain((spec) => {
  const number = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
    fc.constantFrom(1e-300, 1e300),
  );
  const value = spec ? fc.array(number, { minLength: 1, maxLength: 4 }) : plain;
  const rows: fc.Arbitrary<Row[]> = fc.array(fc.record({ key, value, weight }), { minLength: 1, maxLength: 40 });
  return rows.map((list) => blocksOf(list, [100], spec)[0]!);
});

describe('a block that comes to a merge', () => {
  test('is counted as the codec counts it, wherever it lies', () => {
    fc.assert(
      fc.property(block, fc.nat({ max: 7 }), (one, shift) => {
        const payload = encodeBlock(one);
        expect(checked(payload, shift)).toEqual(expected(payload));
      }),
      { numRuns: 300 },
    );
  });

  test('is refused by the kernel if and only if the codec refuses it, whatever stands in its ends and weights', () => {
    let refused = 0;
    const word = fc.constantFrom(0, 1, 2, 0xffffffff, 0x80000000, 0x1fffff, 0x200000, 65_536, 65_537);
    fc.assert(
      fc.property(
        block,
        fc.constantFrom('keyEnds', 'valueEnds', 'weights'),
        fc.nat(),
        word,
        (one, which, place, to) => {
          const payload = encodeBlock(one);
          const column = decodeColumns(payload)[which];
          if (!column) return;
          const at = column.byteOffset + (place % (column.length / 4)) * 4;
          new DataView(payload.buffer, payload.byteOffset).setUint32(at - payload.byteOffset, to, true);
          const wanted = expected(payload);
          const found = checked(payload, 0);
          if (wanted === 'refused') refused++;
          // Weights beyond 2^53 in sum are added up exactly by one and rounded by the other: no task has so many emits.
          if (typeof wanted === 'object' && wanted.weight > 2 ** 52) return;
          if (found === 'too large') return;
          expect(found).toEqual(wanted);
        },
      ),
      { numRuns: 1000 },
    );
    expect(refused).toBeGreaterThan(200);
  });

  test('with a record that is too large to be hashed there is left to the codec', () => {
    const [one] = blocksOf([{ key: 'k', value: 'v'.repeat(140_000), weight: 1 }], [1]);
    expect(checked(encodeBlock(one!), 0)).toBe('too large');
  });
});

type Emit = readonly [key: unknown, value: unknown];

function objectsOf(emits: readonly Emit[], partitions: number, aggregator: BuiltInSpec | undefined): Buffer[] {
  return engines.map((engine) => {
    const output = engine.output({ partitions, aggregator, job: 'job', attempt: 'map-0.1-1' });
    for (const [key, value] of emits) {
      output.emit(key, value);
      output.recordDone();
    }
    const pieces: Buffer[] = [];
    output.finish((bytes) => void pieces.push(Buffer.from(bytes)));
    return Buffer.concat(pieces);
  });
}

describe('a shuffle object', () => {
  const values: readonly (readonly [BuiltInSpec | undefined, fc.Arbitrary<unknown>])[] = [
    [
      undefined,
      fc.oneof(
        fc.integer(),
        fc.double(),
        fc.string({ maxLength: 200 }),
        fc.uint8Array({ maxLength: 9 }),
        fc.constant(null),
      ),
    ],
    [undefined, fc.string({ maxLength: 2000, size: 'max' })],
    [undefined, fc.double()],
    [partSpec('count'), fc.constantFrom(1, 'x', null, NaN)],
    [partSpec('sum'), fc.double({ noNaN: true, min: -1e6, max: 1e6 }).filter((x) => x === 0 || Math.abs(x) > 1e-9)],
    [partSpec('max'), fc.double({ noNaN: true })],
    [parts, fc.integer({ min: -999, max: 999 }).map((n) => n / 8)],
  ];
  const keys = fc.oneof(
    fc.string({ maxLength: 14 }),
    fc.nat({ max: 50 }),
    fc.string({ minLength: 12, maxLength: 80, size: 'max' }),
  );

  test('of one task in its memory is byte for byte the same, whoever wrote it', () => {
    fc.assert(
      fc.property(
        fc
          .constantFrom(...values)
          .chain(([spec, value]) =>
            fc.tuple(fc.constant(spec), fc.array(fc.tuple(keys, value), { maxLength: 1500, size: 'max' })),
          ),
        fc.constantFrom(1, 2, 64),
        ([spec, emits], partitions) => {
          const [kernels, reference] = objectsOf(emits, partitions, spec);
          expect(kernels!.equals(reference!)).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('has the same blocks of any number of rows', () => {
    const emits = Array.from({ length: 40_000 }, (_, i): Emit => [`${(i * 7919) % 31_337}`, i % 100]);
    for (const spec of [undefined, partSpec('sum'), partSpec('min'), parts]) {
      const [kernels, reference] = objectsOf(emits, 3, spec);
      expect(kernels!.length).toBeGreaterThan(500_000);
      expect(kernels!.equals(reference!)).toBe(true);
    }
  });
});
