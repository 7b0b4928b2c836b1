import { describe, expect, test } from 'vitest';
import { decodeValue, encodeValue } from '../../../shared/codec/value.js';

class Point {
  x = 1;
}

const cycle: { self?: unknown } = {};
cycle.self = cycle;
let deep: unknown = 1;
for (let i = 0; i < 65; i++) deep = [deep];

describe('values', () => {
  const refused: readonly [string, unknown, string][] = [
    ['a Map', { tags: ['a', 'b', new Map()] }, 'value.tags[2] is of class Map'],
    ['a Set', new Set(), 'value is of class Set'],
    ['an Error', { 'my error': new Error('x') }, 'value["my error"] is of class Error'],
    ['a class instance', [[new Point()]], 'value[0][0] is of class Point'],
    ['a function', { f: () => 1 }, 'value.f is a function'],
    ['a symbol', Symbol('s'), 'value is a symbol'],
    ['a symbol as name', { a: { [Symbol('s')]: 1 } }, 'value.a has a property whose name is a symbol'],
    ['a lone surrogate', { a: 'x\ud800' }, 'value.a has a lone surrogate'],
    ['a lone surrogate in a name', { 'x\udfff': 1 }, 'value has a property whose name has a lone surrogate'],
    ['a bigint over 64 bits', [1n << 64n], 'value[0] is a bigint of more than 64 bits'],
    ['a bigint under 64 bits', -(1n << 63n) - 1n, 'value is a bigint of more than 64 bits'],
    ['an invalid date', { at: new Date(NaN) }, 'value.at is an invalid Date'],
    ['the name __proto__', JSON.parse('{"a":{"__proto__":1}}'), 'value.a has a property named __proto__'],
    ['a cycle', cycle, 'is nested deeper than 64 levels, or refers to itself'],
    ['too deep nesting', deep, 'is nested deeper than 64 levels'],
    ['another typed array', new Float64Array(1), 'value is of class Float64Array'],
    ['a promise', { p: Promise.resolve() }, 'value.p is of class Promise'],
  ];
  test.each(refused)('%s is refused with its path', (_name, value, message) => {
    expect(() => encodeValue(value)).toThrow(expect.objectContaining({ code: 'value-invalid' }));
    expect(() => encodeValue(value)).toThrow(message);
  });

  test('-0 becomes 0, wherever it is', () => {
    expect(decodeValue(encodeValue(-0))).toBe(0);
    expect(decodeValue(encodeValue({ a: [-0] }))).toStrictEqual({ a: [0] });
  });

  test('an object without prototype and a Buffer come back plain', () => {
    const bare = Object.assign(Object.create(null) as object, { a: Buffer.from('xy') });
    expect(decodeValue(encodeValue(bare))).toStrictEqual({ a: new Uint8Array([120, 121]) });
  });

  test('a value over 16 MiB is refused', () => {
    expect(() => encodeValue('x'.repeat(16 * 1024 * 1024))).toThrow(expect.objectContaining({ code: 'value-invalid' }));
  });
});
