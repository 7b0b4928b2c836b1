/** Emits of short strings, whose entries are found by a cache and not by their bytes, against a Map. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partSpec } from '../../../shared/aggregation.js';
import { KeyCache, NO_ROOM, NOT_FOUND, ONES, PACKED_MAX } from '../../../shared/kernel/key-cache.js';
import { Regions } from '../../../shared/kernel/regions.js';
import { kernel, kernels } from '../../harness/engines.js';
import { runJobOn, type MapRecord } from '../../harness/map-reduce.js';

const MiB = 2 ** 20;
const sum = partSpec('sum');

function sumsOf(records: readonly MapRecord[]): ReadonlyMap<unknown, unknown> {
  const job = { tasks: [records], partitions: 1, spec: sum };
  return new Map(runJobOn(kernels, job, { memoryBytes: 16 * MiB, openMax: 2 }).partitions[0]);
}

function byMap(records: readonly MapRecord[]): ReadonlyMap<unknown, unknown> {
  const found = new Map<unknown, number>();
  for (const { emits, fails } of records) {
    for (const [key, value] of fails ? [] : emits) found.set(key, (found.get(key) ?? 0) + (value as number));
  }
  return found;
}

const unit = fc.constantFrom('\0', '\x01', 'a', 'b', '\x7e', '\x7f', '\x80', 'é', 'ÿ', 'Ā', '\u2028', '😀');
const ascii = fc.constantFrom('\0', 'a', '\x7f');
const key = fc.oneof(
  fc.string({ unit: ascii, maxLength: PACKED_MAX + 1 }),
  fc.string({ unit, maxLength: PACKED_MAX + 1 }),
  fc.nat({ max: PACKED_MAX + 1 }).map((length) => '\0'.repeat(length)),
);

describe('emits of short strings', () => {
  test('of 0 to 13 characters, of ASCII and not, with and without records that fail, are each under their own key', () => {
    const record = fc.record({
      emits: fc.array(fc.tuple(key, fc.integer({ min: -9, max: 9 })), { maxLength: 12 }),
      fails: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 60 }), (records) => {
        expect(sumsOf(records)).toEqual(byMap(records));
      }),
      { numRuns: 150 },
    );
  });

  test('of more keys than the cache has slots are each found again', () => {
    const keys = Array.from({ length: 150_000 }, (_, i) => `k${i}`);
    const records = [...keys, ...keys].map((name) => ({ emits: [[name, 0.5] as const], fails: false }));
    const sums = sumsOf(records);
    expect(sums.size).toBe(keys.length);
    expect([...sums.values()].every((value) => value === 1)).toBe(true);
  });

  test('leave no entry where every record that emitted the key has failed', () => {
    const records = Array.from({ length: 20_000 }, (_, i) => ({ emits: [[`k${i}`, 1] as const], fails: i % 3 !== 0 }));
    expect(sumsOf(records)).toEqual(byMap(records));
  });
});

describe('the cache', () => {
  const cache = new KeyCache(kernel, new Regions(kernel, kernel.start, 2 ** 22), 2 ** 20);
  /** Finds or keeps; what is found must be what was kept under the same string. */
  const addressOf = (addresses: Map<string, number>, name: string): number => {
    let slot = cache.find(name);
    const address = addresses.get(name) ?? 0xf0000000 + addresses.size * 64;
    addresses.set(name, address);
    if (slot === NOT_FOUND) {
      slot = cache.keep(address);
      if (cache.isFull) slot = cache.grow()?.(slot) ?? slot;
    }
    return slot === NO_ROOM ? address : cache.entryOf(slot);
  };

  test('never gives the address of another string, wherever in memory it is', () => {
    const addresses = new Map<string, number>();
    cache.clear();
    fc.assert(
      fc.property(fc.array(fc.string({ unit: ascii, maxLength: PACKED_MAX }), { maxLength: 60 }), (names) => {
        for (const name of names) expect(addressOf(addresses, name)).toBe(addresses.get(name));
      }),
      { numRuns: 500 },
    );
  });

  test('knows every string of one and of two characters apart', () => {
    const addresses = new Map<string, number>();
    cache.clear();
    let wrong = 0;
    for (let round = 0; round < 2; round++) {
      for (let a = 0; a < 128; a++) {
        for (let b = -1; b < 128; b++) {
          const name = String.fromCharCode(a) + (b < 0 ? '' : String.fromCharCode(b));
          if (addressOf(addresses, name) !== addresses.get(name)) wrong++;
        }
      }
    }
    expect([addresses.size, wrong]).toEqual([128 * 129, 0]);
  });

  test('grows, and keeps what slots have counted', () => {
    cache.clear();
    const addresses = new Map<string, number>();
    for (let i = 0; i < 40_000; i++) {
      const name = `k${i % 30_000}`;
      addressOf(addresses, name);
      const count = cache.find(name) + ONES;
      if (count >= ONES) cache.slots[count]!++;
    }
    let [slots, ones] = [0, 0];
    cache.each((slot) => {
      slots += 1;
      ones += cache.slots[slot + ONES]!;
    });
    // 2^15 slots fit, three quarters of which are used.
    expect([slots, ones]).toEqual([24_576, 24_576 + 10_000]);
    expect(cache.find('k29999')).toBe(NO_ROOM);
  });

  test('packs no string that is not ASCII, and knows none when it is cleared', () => {
    expect(cache.find('é')).toBe(NO_ROOM);
    expect(cache.find('\x80')).toBe(NO_ROOM);
    expect(cache.find('abcdefghijk\u0100')).toBe(NO_ROOM);
    addressOf(new Map(), 'a');
    cache.clear();
    expect(cache.find('a')).toBe(NOT_FOUND);
  });
});
