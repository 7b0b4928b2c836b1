/** What benchmarks and acceptance programs read is the same on every machine, and what it is said to be. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eachDraw, keyOf, keysFile, keyText, tenthsOf, type KeyDraws } from '../../../bench/generate/keys.js';
import { measurementsFile, stationNames } from '../../../bench/generate/measurements.js';

/** Written anew, so that the generator is tested and not what an earlier one left. */
function textOf(file: () => string): string {
  rmSync(file());
  return readFileSync(file(), 'utf8');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

describe('measurements', () => {
  test('are the same bytes on every machine', () => {
    expect(digest(textOf(() => measurementsFile({ rows: 20_000, names: 413 })))).toBe('aa2112230e4a0e0c');
  });

  test('are as many rows as asked for, of every name, with one decimal between -99.9 and 99.9', () => {
    const lines = textOf(() => measurementsFile({ rows: 20_000, names: 413 })).split('\n');
    expect(lines.pop()).toBe('');
    expect(lines).toHaveLength(20_000);
    expect(lines.filter((line) => !/^[^;"\n]+;-?\d{1,2}\.\d$/.test(line))).toEqual([]);
    expect(new Set(lines.map((line) => line.split(';')[0]))).toEqual(new Set(stationNames(413)));
  });

  test('have names like those of stations: distinct, of moderate length, some not in ASCII', () => {
    const names = stationNames(100_000);
    expect(new Set(names).size).toBe(100_000);
    expect(Math.max(...names.map((name) => Buffer.byteLength(name)))).toBeLessThan(40);
    const beyond = names.filter((name) => Buffer.byteLength(name) > name.length).length;
    expect(beyond / names.length).toBeGreaterThan(0.1);
    expect(beyond / names.length).toBeLessThan(0.3);
  });
});

describe('keys', () => {
  test('can be read back from their texts', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 26 - 1), (key) => {
        expect(keyText(key)).toMatch(/^[a-z]{7,14}$/);
        expect(keyOf(keyText(key))).toBe(key);
      }),
    );
  });

  test('of the uniform law come once in every pass, whatever their number', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 4 }), (keys, passes) => {
        const seen = new Uint8Array(keys);
        eachDraw({ keys, draws: keys * passes, law: 'uniform' }, (key) => seen[key]!++);
        expect(seen.every((count) => count === passes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test("of Zipf's law come twice as often as those of twice their rank", () => {
    const counts = new Uint32Array(1000);
    eachDraw({ keys: 1000, draws: 400_000, law: 'zipf' }, (key) => counts[key]!++);
    for (const rank of [1, 2, 5, 10]) {
      expect(counts[rank - 1]! / counts[2 * rank - 1]!).toBeGreaterThan(1.8);
      expect(counts[rank - 1]! / counts[2 * rank - 1]!).toBeLessThan(2.2);
    }
  });

  const laws: readonly (readonly [KeyDraws['law'], string])[] = [
    ['uniform', 'd4c5c4ab9ae0d66c'],
    ['zipf', 'e0cb4503e9a4d6f4'],
  ];

  test.each(laws)('of the %s law are the same bytes on every machine, and what drawing again says', (law, expected) => {
    const spec = { keys: 5000, draws: 12_345, law };
    const drawn: string[] = [];
    const rows: string[] = [];
    eachDraw(spec, (key, index) => {
      drawn.push(keyText(key));
      rows.push(`${keyText(key)};${(tenthsOf(index) / 10).toFixed(1)}`);
    });
    const words = textOf(() => keysFile(spec, 'words'));
    expect(words.split(/[ \n]/).filter(Boolean)).toEqual(drawn);
    expect(textOf(() => keysFile(spec, 'rows'))).toBe(`${rows.join('\n')}\n`);
    expect(digest(words)).toBe(expected);
  });
});
