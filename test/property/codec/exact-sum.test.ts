import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ExactSums } from '../../../shared/codec/exact-sum.js';
import { exactly, isInexact } from '../../harness/exact-sum.js';

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

  test('tell whether a sum past 2^53 was rounded', () => {
    const past = fc.array(fc.oneof(fc.constantFrom(2 ** 53, -(2 ** 53), 2 ** 94, 1, 2, 3, 0.5, -1), plain), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(fc.oneof(past, lists), (values) => {
        const sums = new ExactSums();
        for (const value of values) sums.add(0, value);
        sums.finish(0);
        expect(sums.roundedLast).toBe(isInexact(values));
      }),
      { numRuns: 3000 },
    );
  });

  test('just past 2^53 are inexact where they are odd, and below it never', () => {
    const rounded = (values: readonly number[]) => {
      const sums = new ExactSums();
      for (const value of values) sums.add(0, value);
      sums.finish(0);
      return sums.roundedLast;
    };
    expect(rounded([2 ** 53, 1])).toBe(true);
    expect(rounded([-(2 ** 53), -1])).toBe(true);
    expect(rounded([2 ** 53, 2])).toBe(false);
    expect(rounded([2 ** 53])).toBe(false);
    expect(rounded([2 ** 53, -0.25])).toBe(false);
    expect(rounded([0.1, 0.2])).toBe(false);
    expect(rounded([Number.MAX_VALUE, Number.MAX_VALUE])).toBe(true);
    expect(rounded([Infinity, 1])).toBe(false);
  });

  test('of money add up', () => {
    expect(sumOf([0.1, 0.2, 0.3, -0.6])).toBe(exactly([0.1, 0.2, 0.3, -0.6]));
    expect(sumOf(Array.from({ length: 10 }, () => 0.1))).toBe(1);
    expect(sumOf([1e100, 1, -1e100])).toBe(1);
    expect(sumOf([Number.MAX_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE])).toBe(Number.MAX_VALUE);
  });
});
