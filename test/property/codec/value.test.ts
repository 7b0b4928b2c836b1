import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { decodeValue, encodeValue, encodeValueInto } from '../../../shared/codec/value.js';
import { hasCode } from '../../../shared/errors.js';

const text = fc.string({ unit: 'binary', maxLength: 80 });
const leaf = fc.oneof(
  fc.constantFrom(null, undefined, true, false, 0, Infinity, -Infinity, NaN, 2 ** 31, 2 ** 32, -(2 ** 31), 2 ** 53),
  fc.integer(),
  fc.integer({ min: -40_000, max: 70_000 }),
  fc.double().map((n) => n + 0),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
  text,
  fc.uint8Array({ maxLength: 400 }),
  fc.date({ noInvalidDate: true }),
);
const value = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('array'), tie('object')),
  array: fc.array(tie('value'), { maxLength: 20 }),
  object: fc.dictionary(
    fc.oneof(fc.string({ maxLength: 40 }), text).filter((name) => name !== '__proto__'),
    tie('value'),
    { maxKeys: 20, noNullPrototype: true },
  ),
})).value;

describe('values', () => {
  test('a value comes back as it was', () => {
    fc.assert(
      fc.property(value, (v) => {
        expect(decodeValue(encodeValue(v))).toStrictEqual(v);
      }),
      { numRuns: 2000 },
    );
  });

  test('the bytes are msgpack that another library reads and writes alike', () => {
    const packr = new Packr({ useRecords: false });
    fc.assert(
      fc.property(value, (v) => {
        expect(packr.unpack(encodeValue(v))).toEqual(v);
        expect(decodeValue(packr.pack(v))).toStrictEqual(v);
      }),
      { numRuns: 500 },
    );
  });

  test('a target that is too small is refused with -1', () => {
    fc.assert(
      fc.property(value, (v) => {
        const encoded = encodeValue(v);
        for (let short = 0; short < encoded.length; short += 1 + (short >> 3)) {
          expect(encodeValueInto(v, new Uint8Array(short + 3), 3)).toBe(-1);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('any bytes are refused or decoded, never read beyond their end', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          value.map((v) => encodeValue(v).subarray(0, -1)),
        ),
        (noise) => {
          const within = new Uint8Array([...noise, 0xc0, 0xc0, 0xc0]).subarray(0, noise.length);
          try {
            decodeValue(within);
          } catch (error) {
            expect(hasCode(error, 'block-corrupt')).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('what was decoded shares no memory with its input', () => {
    const input = encodeValue({ a: new Uint8Array([1, 2, 3]) });
    const decoded = decodeValue(input) as { a: Uint8Array };
    input.fill(0xff);
    expect(decoded.a).toStrictEqual(new Uint8Array([1, 2, 3]));
    expect(decoded.a.buffer.byteLength).toBe(3);
  });
});
