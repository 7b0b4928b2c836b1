import { describe, expect, test } from 'vitest';
import { decodeKey, encodeKey } from '../../../shared/codec/key.js';

describe('keys that are refused', () => {
  const refused: readonly [string, unknown, RegExp][] = [
    ['NaN', NaN, /NaN/],
    ['NaN in a tuple', ['a', NaN], /key\[1\]: .*NaN/],
    ['a lone high surrogate', 'a\ud83d', /lone surrogate/],
    ['a lone low surrogate in a long string', `${'x'.repeat(100)}\udc00é`, /lone surrogate/],
    ['a Date', new Date(0), /toISOString\(\)/],
    ['a nested tuple', ['a', ['b']], /key\[1\]: .*flat/],
    ['undefined', undefined, /must not be undefined/],
    ['undefined in a tuple', [undefined], /must not hold undefined/],
    ['an object', { a: 1 }, /of type Object/],
    ['an object without prototype', Object.create(null), /of type/],
    ['a function', () => 1, /of type function/],
    ['a Map', new Map(), /of type Map/],
    ['a string over 64 KiB', 'x'.repeat(65_536), /65536 bytes/],
    ['a string over 64 KiB as UTF-8', 'é'.repeat(32_768), /65536 bytes/],
    ['bytes over 64 KiB', new Uint8Array(65_536), /65536 bytes/],
    ['a bigint over 64 KiB', 1n << 600_000n, /65536 bytes/],
    ['a tuple over 64 KiB', ['x'.repeat(40_000), 'x'.repeat(40_000)], /65536 bytes/],
  ];
  test.each(refused)('%s', (_name, key, message) => {
    expect(() => encodeKey(key)).toThrow(expect.objectContaining({ code: 'key-invalid' }));
    expect(() => encodeKey(key)).toThrow(message);
  });

  test('the longest keys are taken', () => {
    for (const key of [
      'x'.repeat(65_535),
      new Uint8Array(65_535),
      (1n << (8n * 65_532n)) - 1n,
      -((1n << (8n * 65_532n)) - 1n),
    ]) {
      expect(encodeKey(key).length).toBe(65_536);
      expect(decodeKey(encodeKey(key))).toStrictEqual(key);
    }
  });

  test('a number and the bigint of the same value are different keys', () => {
    expect(encodeKey(1)).not.toEqual(encodeKey(1n));
  });
});
