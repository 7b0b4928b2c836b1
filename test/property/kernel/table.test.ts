/** The combining table against a Map of the keys' bytes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partSpec } from '../../../shared/aggregation.js';
import { setLayout } from '../../../shared/kernel/layout.js';
import { kernel } from '../../harness/engines.js';
import { KernelMemory } from '../../harness/kernel-memory.js';

const { exports, view } = kernel;
const SLOTS_AT_FIRST = 2048;
const KEY_BYTES_MAX = 65_536;

interface Table {
  readonly memory: KernelMemory;
  readonly slots: number;
}

/** A table of sums with at most `slots` slots, in so many bytes. */
function tableOf(slots: number, bytes = 32 * 2 ** 20): Table {
  const memory = new KernelMemory(kernel, bytes + 2 ** 20 * 24);
  setLayout(kernel, partSpec('sum').layout);
  const at = memory.room(bytes);
  exports.tableInit(at, bytes, slots);
  return { memory, slots };
}

/** Puts a batch where the kernel reads it: one key directly after the other. */
function batchOf(memory: KernelMemory, keys: readonly Uint8Array[], values: readonly number[], shift: number) {
  let end = 0;
  const ends = keys.map((key) => (end += key.length));
  return [memory.put(Buffer.concat(keys), shift), memory.putWords(ends), memory.putFloats(values)] as const;
}

const nameOf = (key: Uint8Array) => Buffer.from(key).toString('latin1');

/** Weight and sum of each entry, in the order of the entries. */
function entriesOf(): (readonly [key: string, weight: number, sum: number])[] {
  const start = exports.tableStart() >>> 0;
  return Array.from({ length: exports.tableEntries() }, (_, i) => {
    const entry = start + i * exports.stride.value;
    const key = view.getUint32(entry, true);
    const name = nameOf(kernel.bytes.subarray(key, key + view.getUint32(entry + 4, true)));
    return [name, Number(view.getBigUint64(entry + 24, true)), exports.finishPart(entry, 0)] as const;
  });
}

function byMap(keys: readonly Uint8Array[], values: readonly number[]): (readonly [string, number, number])[] {
  const found = new Map<string, readonly [number, number]>();
  keys.forEach((key, i) => {
    const [weight, sum] = found.get(nameOf(key)) ?? [0, 0];
    found.set(nameOf(key), [weight + 1, sum + (values[i] as number)]);
  });
  return [...found].map(([name, [weight, sum]]) => [name, weight, sum] as const);
}

function addAll(table: Table, keys: readonly Uint8Array[], values: readonly number[], shift = 0): void {
  const [at, ends, floats] = batchOf(table.memory, keys, values, shift);
  expect(exports.tableAdd(at, ends, floats, 0, keys.length)).toBe(keys.length);
}

const textKey = (text: string) => new Uint8Array([0x50, ...Buffer.from(text)]);
const numbered = (number: number) => textKey(`key ${number}`);

/** Keys that differ in one place only: at their beginning, within, at their end, or by a byte more. */
const likeKeys = fc
  .tuple(fc.constantFrom(0, 6, 7, 8, 14, 15, 16, 17, 23, 24, 32, 40, 255, 300, 1000), fc.nat({ max: 255 }))
  .chain(([length, byte]) =>
    fc.record({ length: fc.constant(length), byte: fc.constant(byte), at: fc.nat({ max: Math.max(0, length - 1) }) }),
  )
  .map(({ length, byte, at }) => {
    const key = new Uint8Array(1 + length).fill(0x61);
    key[0] = 0x50;
    if (length > 0) key[1 + at] = byte;
    return key;
  });
const anyKey = fc.oneof(
  likeKeys,
  fc.uint8Array({ minLength: 1, maxLength: 20 }),
  fc.nat({ max: 30 }).map(numbered),
  fc.constantFrom('', 'a', 'a\0', 'a\0\0').map(textKey),
);

describe('the combining table', () => {
  test('adds as a Map would, in the order in which keys came', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 400, size: 'max' }), fc.nat({ max: 7 }), (keys, shift) => {
        const table = tableOf(SLOTS_AT_FIRST, 2 ** 20);
        const values = keys.map((_, i) => i / 2 - 7);
        addAll(table, keys, values, shift);
        expect(entriesOf()).toEqual(byMap(keys, values));
      }),
      { numRuns: 200 },
    );
  });

  test('knows keys of every length apart from those with another last, first or middle byte', () => {
    const keys = [1, 2, 7, 8, 9, 10, 15, 16, 17, 18, 24, 25, 31, 32, 33, 257, KEY_BYTES_MAX].flatMap((length) => {
      const key = new Uint8Array(length).fill(7);
      return [key, ...[0, length >> 1, length - 1].map((at) => key.with(at, 8))];
    });
    const table = tableOf(SLOTS_AT_FIRST, 2 ** 20);
    const twice = [...keys, ...keys];
    const values = twice.map((_, i) => i);
    addAll(table, twice, values);
    expect(entriesOf()).toEqual(byMap(twice, values));
  });

  test.each([1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 32_767, 32_768, 32_769])(
    'finds all of %i keys again, whatever it has grown to',
    (count) => {
      const table = tableOf(2 ** 17);
      const keys = Array.from({ length: count }, (_, i) => numbered(i));
      const values = keys.map((_, i) => i);
      addAll(table, keys, values);
      addAll(table, [...keys].reverse(), [...values].reverse());
      expect(entriesOf()).toEqual(keys.map((key, i) => [nameOf(key), 2, 2 * i]));
    },
  );

  test('goes on from the emit for which there was no room, once it is emptied', () => {
    const table = tableOf(SLOTS_AT_FIRST);
    const keys = Array.from({ length: 2500 }, (_, i) => numbered(i));
    const values = keys.map((_, i) => i);
    const [at, ends, floats] = batchOf(table.memory, keys, values, 3);
    const found: ReturnType<typeof entriesOf> = [];
    for (let row = 0; row < keys.length;) {
      row = exports.tableAdd(at, ends, floats, row, keys.length);
      found.push(...entriesOf());
      exports.tableClear();
    }
    expect(found).toEqual(keys.map((key, i) => [nameOf(key), 1, i]));
  });

  test('is full by the bytes of its keys too, and nothing of them reaches an entry or the index', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(8, 16, KEY_BYTES_MAX)), {
          minLength: 5,
          maxLength: 60,
        }),
        (lengths) => {
          const table = tableOf(SLOTS_AT_FIRST, 2048 * 16 + 64 + 3 * KEY_BYTES_MAX);
          const keys = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
          const values = keys.map((_, i) => i);
          const [at, ends, floats] = batchOf(table.memory, keys, values, 0);
          const found: ReturnType<typeof entriesOf> = [];
          for (let row = 0; row < keys.length;) {
            const from = row;
            row = exports.tableAdd(at, ends, floats, row, keys.length);
            expect(row).toBeGreaterThan(from);
            expect(entriesOf()).toEqual(byMap(keys.slice(from, row), values.slice(from, row)));
            found.push(...entriesOf());
            exports.tableClear();
          }
          expect(found.length).toBe(keys.length);
        },
      ),
      { numRuns: 60 },
    );
  });
});

const hashMemory = new KernelMemory(kernel);
const hashedAt = hashMemory.room(64);

function hashOf(key: Uint8Array): number {
  kernel.bytes.set(key, hashedAt);
  const word = (at: number) => view.getBigUint64(at, true);
  const first = key.length >= 8 ? word(hashedAt) : word(hashedAt) << BigInt(64 - 8 * key.length);
  const last = key.length > 8 ? word(hashedAt + key.length - 8) : 0n;
  return exports.tableHash(hashedAt, key.length, BigInt.asIntN(64, first), BigInt.asIntN(64, last)) >>> 0;
}

/** Two keys with the same hash, which differ in four bytes from `at` on: there is one among some hundred thousand. */
function twins(length: number, at: number): readonly [Uint8Array, Uint8Array] {
  const seen = new Map<number, number>();
  const keyOf = (number: number) => {
    const key = new Uint8Array(length).fill(9);
    new DataView(key.buffer).setUint32(at, number, true);
    return key;
  };
  for (let number = 0; ; number++) {
    const hash = hashOf(keyOf(number));
    const other = seen.get(hash);
    if (other !== undefined) return [keyOf(other), keyOf(number)];
    seen.set(hash, number);
  }
}

describe('keys of one hash', () => {
  test.each([
    ['their first bytes', 24, 2],
    ['their last bytes', 16, 12],
    ['the middle', 24, 10],
    ['the last bytes of the middle', 29, 17],
  ])('are told apart by %s', (_, length, at) => {
    const [one, two] = twins(length, at);
    expect(hashOf(one)).toBe(hashOf(two));
    const keys = [one, two, two, one];
    addAll(tableOf(SLOTS_AT_FIRST), keys, [1, 10, 100, 1000]);
    expect(entriesOf()).toEqual(byMap(keys, [1, 10, 100, 1000]));
  });
});

describe('keys that all want one slot', () => {
  const mask = SLOTS_AT_FIRST - 1;
  const chain: Uint8Array[] = [];
  for (let i = 0; chain.length < 300; i++) {
    const key = numbered(i);
    // The last slot, so that the chain goes on at the first one.
    if ((hashOf(key) & mask) === mask) chain.push(key);
  }

  test('make one long chain of probes, in which each is found', () => {
    const table = tableOf(SLOTS_AT_FIRST);
    const before = exports.collisions.value;
    const values = chain.map((_, i) => i);
    addAll(table, chain, values);
    expect(exports.collisions.value - before).toBe((300 * 299) / 2);
    addAll(table, [...chain].reverse(), [...values].reverse());
    expect(entriesOf()).toEqual(chain.map((key, i) => [nameOf(key), 2, 2 * i]));
  });

  test('are found again when the table has grown around them', () => {
    const table = tableOf(2 ** 14);
    const others = Array.from({ length: 3000 }, (_, i) => textKey(`other ${i}`));
    const keys = [...chain, ...others, ...chain];
    const values = keys.map((_, i) => i);
    addAll(table, keys, values);
    expect(entriesOf()).toEqual(byMap(keys, values));
  });
});

describe('entries', () => {
  test('are one for each emit where emits are appended', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { minLength: 1, maxLength: 300, size: 'max' }), (keys) => {
        const { memory } = tableOf(SLOTS_AT_FIRST, 2 ** 20);
        const values = keys.map((_, i) => i);
        const [at, ends, floats] = batchOf(memory, keys, values, 1);
        expect(exports.tableAppend(at, ends, floats, 0, keys.length)).toBe(keys.length);
        expect(entriesOf()).toEqual(keys.map((key, i) => [nameOf(key), 1, i]));
      }),
      { numRuns: 60 },
    );
  });
});
