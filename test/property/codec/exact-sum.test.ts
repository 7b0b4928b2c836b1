import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExactSums } from '../../../shared/codec/exact-sum.js';

const UNIT = 1074n;

/** The sum of doubles as an exact rational over 2^1074, rounded by searching the neighbours: nothing shared with ours. */
function exactly(values: readonly number[]): number {
  if (values.some(Number.isNaN)) return NaN;
  const up = values.includes(Infinity);
  const down = values.includes(-Infinity);
  if (up || down) return up && down ? NaN : up ? Infinity : -Infinity;
  const total = values.reduce((sum, value) => sum + unitsOf(value), 0n);
  const negative = total < 0n;
  const wanted = negative ? -total : total;
  // Positive doubles order as their bits do: the largest double not above the sum, then its upper neighbour.
  let low = 0n;
  let high = 0x7fefffffffffffffn;
  while (low < high) {
    const middle = (low + high + 1n) / 2n;
    if (unitsOf(doubleOf(middle)) <= wanted) low = middle;
    else high = middle - 1n;
  }
  const below = wanted - unitsOf(doubleOf(low));
  const next = low === 0x7fefffffffffffffn ? 1n << (1024n + UNIT) : unitsOf(doubleOf(low + 1n));
  const above = next - wanted;
  const rounded = below < above || (below === above && low % 2n === 0n) ? low : low + 1n;
  const result = doubleOf(rounded);
  return negative ? -result : result;
}

function doubleOf(bits: bigint): number {
  return new Float64Array(new BigUint64Array([bits]).buffer)[0] as number;
}

function unitsOf(value: number): bigint {
  const bits = new BigUint64Array(new Float64Array([Math.abs(value)]).buffer)[0] as bigint;
  const exponent = bits >> 52n;
  const mantissa = bits & ((1n << 52n) - 1n);
  const units = exponent === 0n ? mantissa : (mantissa | (1n << 52n)) << (exponent - 1n);
  return value < 0 ? -units : units;
}

const plain = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.integer({ min: -9999, max: 9999 }).map((n) => n / 10),
);
const small = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const any = fc.oneof(plain, small, fc.double({ noNaN: true, noDefaultInfinity: true }));
const cancelling = fc
  .array(any, { maxLength: 12 })
  .chain((list) =>
    fc
      .tuple(fc.shuffledSubarray([...list, ...list.map((n) => -n)]), fc.array(any, { maxLength: 2 }))
      .map(([a, b]) => [...a, ...b]),
  );
const edges = fc.array(
  fc.constantFrom(
    Number.MIN_VALUE,
    -Number.MIN_VALUE,
    2 ** -1022,
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    2 ** 970,
    2 ** 969,
    -(2 ** 970),
    2 ** 53,
    1,
    -1,
    0.5,
    2 ** -96,
    2 ** -97,
    2 ** 95,
    -(2 ** 95),
    2 ** 94,
    2 ** 94,
    2 ** -53,
  ),
  { maxLength: 12 },
);
const lists = fc.oneof(
  fc.array(plain),
  fc.array(small),
  fc.array(any),
  cancelling,
  edges,
  fc.array(fc.oneof(any, fc.constantFrom(NaN, Infinity, -Infinity))),
);

function sumOf(values: readonly number[]): number {
  const sums = new ExactSums();
  for (const value of values) sums.add(0, value);
  return sums.finish(0);
}

function written(values: readonly number[]): { bytes: Uint8Array; wide: boolean } {
  const sums = new ExactSums(3);
  for (const value of values) sums.add(2, value);
  const target = new Uint8Array(600);
  const wide = sums.isWide(2);
  return { bytes: target.slice(5, sums.write(2, target, 5)), wide };
}

describe('exact sums', () => {
  test('equal the rational sum rounded once', () => {
    fc.assert(
      fc.property(lists, (values) => {
        expect(sumOf(values)).toBe(exactly(values) + 0);
      }),
      { numRuns: 3000 },
    );
  });

  test('do not depend on how the numbers were cut into partial sums', () => {
    fc.assert(
      fc.property(fc.array(lists, { maxLength: 5 }), (parts) => {
        const sums = new ExactSums();
        sums.grow(2);
        for (const part of parts) {
          const { bytes, wide } = written(part);
          if (wide) sums.addWide(1, bytes, 0, bytes.length);
          else sums.addFixed(1, bytes, 0);
        }
        expect(sums.finish(1)).toBe(exactly(parts.flat()) + 0);
        expect(sums.finish(0)).toBe(0);
      }),
      { numRuns: 1500 },
    );
  });

  test('of money add up', () => {
    expect(sumOf([0.1, 0.2, 0.3, -0.6])).toBe(exactly([0.1, 0.2, 0.3, -0.6]));
    expect(sumOf(Array.from({ length: 10 }, () => 0.1))).toBe(1);
    expect(sumOf([1e100, 1, -1e100])).toBe(1);
    expect(sumOf([Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE])).toBe(Number.MAX_VALUE);
  });
});
