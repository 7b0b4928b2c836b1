import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBytes, decodeKey, encodeKey, encodeKeyInto, type Atom, type Key } from '../../../shared/codec/key.js';
import { hasCode } from '../../../shared/errors.js';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\0', 'a', 'é', '￿', '😀', '\u{10ffff}') }),
);
const bytes = fc.oneof(
  fc.uint8Array(),
  fc.uint8Array({ max: 1 }),
  fc.array(fc.constantFrom(0, 255)).map((b) => Uint8Array.from(b)),
);
const atom: fc.Arbitrary<Atom> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.constantFrom(0, -0, Infinity, -Infinity, Number.MIN_VALUE, -Number.MIN_VALUE, Number.MAX_VALUE),
  fc.bigInt(),
  fc.bigInt({ min: -300n, max: 300n }),
  fc
    .integer({ min: 1000, max: 1020 })
    .chain((bits) =>
      fc.bigInt({ min: 1n << BigInt(bits - 8), max: 1n << BigInt(bits) }).chain((n) => fc.constantFrom(n, -n)),
    ),
  text,
  bytes,
);
const key: fc.Arbitrary<Key> = fc.oneof(atom, fc.array(atom, { maxLength: 4 }));

/** The documented order, said a second time without any encoding. */
function compareKeys(a: Key, b: Key): number {
  const rank = (k: Key) =>
    k === null
      ? 0
      : typeof k === 'boolean'
        ? 1
        : typeof k === 'number'
          ? 2
          : typeof k === 'bigint'
            ? 3
            : typeof k === 'string'
              ? 4
              : k instanceof Uint8Array
                ? 5
                : 6;
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  if (typeof a === 'string') {
    const left = Array.from(a, (c) => c.codePointAt(0) as number);
    const right = Array.from(b as string, (c) => c.codePointAt(0) as number);
    return compareLists(left, right, (x, y) => x - y);
  }
  if (a instanceof Uint8Array) return compareLists([...a], [...(b as Uint8Array)], (x, y) => x - y);
  if (Array.isArray(a)) return compareLists(a as Atom[], b as Atom[], compareKeys);
  const left = a as number;
  return left < (b as number) ? -1 : left > (b as number) ? 1 : 0;
}

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (x: T, y: T) => number): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compare(a[i] as T, b[i] as T);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

describe('keys', () => {
  test('the order of the bytes is the documented order of the keys', () => {
    const pair = fc.oneof(
      fc.tuple(key, key),
      fc.tuple(atom, atom),
      fc.tuple(text, text),
      fc.tuple(bytes, bytes),
      fc.tuple(text, text, atom).map(([a, b, c]): [Key, Key] => [
        [a, c],
        [b, c],
      ]),
    );
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(Math.sign(compareBytes(encodeKey(a), encodeKey(b)))).toBe(Math.sign(compareKeys(a, b)));
      }),
      { numRuns: 3000 },
    );
  });

  test('a key comes back as it was, with -0 as 0', () => {
    const plain = (k: Key): Key => (k === 0 ? 0 : Array.isArray(k) ? (k as Atom[]).map((a) => plain(a) as Atom) : k);
    fc.assert(
      fc.property(key, (k) => {
        expect(decodeKey(encodeKey(k))).toStrictEqual(plain(k));
      }),
      { numRuns: 2000 },
    );
  });

  test('a target is filled exactly, or refused with -1 and nothing outside of it touched', () => {
    fc.assert(
      fc.property(key, fc.nat({ max: 20 }), (k, offset) => {
        const encoded = encodeKey(k);
        const exact = new Uint8Array(offset + encoded.length);
        expect(encodeKeyInto(k, exact, offset)).toBe(exact.length);
        expect(exact.subarray(offset)).toEqual(encoded);
        for (let short = 0; short < encoded.length; short++) {
          expect(encodeKeyInto(k, new Uint8Array(offset + short), offset)).toBe(-1);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('bytes that are no key are refused, or are the encoding of what they decode to', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 30 }),
        fc.constantFrom(0x10, 0x20, 0x21, 0x30, 0x40, 0x70),
        (rest, tag) => {
          const noise = Uint8Array.from([tag, ...rest]);
          try {
            decodeKey(noise);
          } catch (error) {
            expect(hasCode(error, 'block-corrupt')).toBe(true);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
