/** Emits of short strings, whose entries are found by a cache and not by their bytes, against a Map. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partSpec } from '../../../shared/aggregation.js';
import { decodeKey } from '../../../shared/codec/key.js';
import { setLayout } from '../../../shared/kernel/layout.js';
import { PACKED_MAX, PackedEmits } from '../../../shared/kernel/packed-emits.js';
import { Regions } from '../../../shared/kernel/regions.js';
import { kernel, kernels } from '../../harness/engines.js';
import { runJobOn, type MapRecord } from '../../harness/map-reduce.js';

const { exports, view } = kernel;
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
  const SLOTS_AT_FIRST = 2048;

  /** Emits with a table of so many bytes and a cache of so many slots; `counts` are what came out of it. */
  class Emits {
    readonly counts = new Map<string, number>();
    emptied = 0;
    readonly #packed: PackedEmits;

    constructor(slots: number, tableBytes = 2 ** 24) {
      const regions = new Regions(kernel, kernel.start, 64 * MiB);
      setLayout(kernel, sum.layout);
      this.#packed = new PackedEmits({
        ...{ kernel, regions, bytes: slots * 40, countsOnes: true },
        take: (rows) => {
          for (let row = 0; (row = this.#packed.add(row, rows)) < rows;) this.empty();
        },
      });
      exports.tableInit(regions.take(tableBytes), tableBytes, 2 ** 16);
    }

    /** Each a record. */
    emit(keys: readonly string[], value = 1): void {
      for (const name of keys) {
        if (!this.#packed.emit(name, value)) throw new Error(`${JSON.stringify(name)} is not packed`);
        this.#packed.recordDone();
      }
    }

    isPacked(name: string): boolean {
      const isPacked = this.#packed.emit(name, 1);
      this.#packed.recordFailed();
      return isPacked;
    }

    /** What the table has goes to `counts`. */
    empty(): void {
      this.emptied += 1;
      this.#packed.settle();
      const start = exports.tableStart() >>> 0;
      for (let i = 0; i < exports.tableEntries(); i++) {
        const entry = start + i * exports.stride.value;
        const [at, length] = [view.getUint32(entry, true), view.getUint32(entry + 4, true)];
        const name = decodeKey(kernel.bytes.slice(at, at + length)) as string;
        const weight = Number(view.getBigUint64(entry + 24, true));
        if (exports.finishPart(entry, 0) !== weight) throw new Error(`${name} has another sum than weight`);
        this.counts.set(name, (this.counts.get(name) ?? 0) + weight);
      }
      exports.tableClear();
      this.#packed.clear();
    }

    finish(): ReadonlyMap<string, number> {
      this.#packed.finish();
      this.empty();
      return this.counts;
    }
  }

  const countsOf = (keys: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const name of keys) counts.set(name, (counts.get(name) ?? 0) + 1);
    return counts;
  };

  test('gives back each string of ASCII, of any length, and counts it for no other one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: ascii, maxLength: PACKED_MAX }), { maxLength: 300, size: 'max' }),
        (keys) => {
          const emits = new Emits(SLOTS_AT_FIRST);
          emits.emit(keys);
          expect(emits.finish()).toEqual(countsOf(keys));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('knows every string of up to two characters apart, and those of three to twelve with any one of them another', () => {
    const all = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
    const short = ['', ...all, ...all.flatMap((a) => all.map((b) => a + b))];
    const longer = Array.from({ length: 10 }, (_, i) => i + 3).flatMap((length) =>
      Array.from({ length }, (_, at) => all.map((one) => 'x'.repeat(at) + one + 'x'.repeat(length - at - 1))).flat(),
    );
    const keys = [...short, ...longer, ...short];
    const emits = new Emits(2 ** 16);
    emits.emit(keys);
    expect(emits.finish()).toEqual(countsOf(keys));
  });

  test.each([1535, 1536, 1537, 3071, 3072, 3073, 24_575, 24_576, 24_577, 30_000])(
    'keeps what it has counted for %i keys, whether it grows or is as large as it may become',
    (count) => {
      const names = Array.from({ length: count }, (_, i) => `k${i}`);
      const keys = [...names, ...names.slice(0, 1000), ...names];
      const emits = new Emits(2 ** 15);
      emits.emit(keys);
      expect(emits.finish()).toEqual(countsOf(keys));
      expect(emits.emptied).toBe(1);
    },
  );

  test('adds ones and other numbers under one key', () => {
    const emits = new Emits(SLOTS_AT_FIRST);
    emits.emit(['a', 'b', 'a']);
    // Weights are 1 each, so that the sum stays what `finish` expects only if both ways are counted.
    emits.emit(['a', 'c'], 3);
    emits.emit(['a', 'c'], -1);
    emits.emit(['a', 'b'], 1);
    expect(emits.finish()).toEqual(new Map(Object.entries({ a: 5, b: 2, c: 2 })));
  });

  test('goes on in the emptied table, as often as it is full', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `key ${i}`);
    const keys = [...names, ...names];
    const emits = new Emits(SLOTS_AT_FIRST, 2 ** 20 + 100_000);
    emits.emit(keys);
    expect(emits.finish()).toEqual(countsOf(keys));
    expect(emits.emptied).toBeGreaterThan(3);
  });

  test('packs no string that is not ASCII', () => {
    const emits = new Emits(SLOTS_AT_FIRST);
    const strange = ['é', '\x80', 'aé', 'abé', 'abcé', 'éabc', 'abcdé', 'abcdeéfgh', 'abcdefghijk\u0100', '😀'];
    expect(strange.filter((name) => emits.isPacked(name))).toEqual([]);
    expect(emits.isPacked('abcdefghijkl')).toBe(true);
    expect(emits.finish()).toEqual(new Map());
  });
});
