/** The kernel's exact sums against integers of any size, and against the form that blocks carry. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { partSpec } from '../../../shared/aggregation.js';
import { ExactSums } from '../../../shared/codec/exact-sum.js';
import { setLayout } from '../../../shared/kernel/layout.js';
import { kernel } from '../../harness/engines.js';
import { exactly, isInexact } from '../../harness/exact-sum.js';
import { KernelMemory } from '../../harness/kernel-memory.js';

const { exports } = kernel;
const STATE = 32;
const SUM_BYTES = 24;
const FRACTION_BITS = 96n;

/** One entry of the table, with whatever is added. */
class KernelSum {
  readonly memory: KernelMemory;
  readonly entry: number;

  constructor() {
    this.memory = new KernelMemory(kernel, 2 ** 22);
    setLayout(kernel, partSpec('sum').layout);
    exports.tableInit(this.memory.room(2 ** 20), 2 ** 20, 2048);
    this.add([0]);
    this.entry = exports.tableStart() >>> 0;
  }

  add(values: readonly number[]): void {
    const keys = this.memory.put(new Uint8Array(values.length).fill(0x50));
    const ends = this.memory.putWords(values.map((_, i) => i + 1));
    exports.tableAdd(keys, ends, this.memory.putFloats(values), 0, values.length);
  }

  get words(): Uint8Array {
    return this.memory.copy(this.entry + STATE, SUM_BYTES);
  }

  set words(bytes: Uint8Array) {
    kernel.bytes.set(bytes, this.entry + STATE);
  }

  get rounded(): number {
    return exports.finishPart(this.entry, 0);
  }
}

function bytesOf(units: bigint): Uint8Array {
  const bytes = new Uint8Array(SUM_BYTES);
  for (let i = 0, rest = BigInt.asUintN(192, units); i < SUM_BYTES; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}

function unitsOf(value: number): bigint {
  // Exact: the value is a multiple of 2^-96, so that this is an integer.
  return BigInt(value * 2 ** 48 * 2 ** 48);
}

/** The number to which these units come, rounded by another part of the house, which has tests of its own. */
function roundedBy(units: bigint): { readonly value: number; readonly inexact: boolean } {
  const sums = new ExactSums();
  sums.addFixed(0, bytesOf(units), 0);
  const value = sums.finish(0);
  return { value, inexact: sums.roundedLast };
}

const edges = [
  2 ** -44,
  2 ** 54,
  2 ** 53,
  2 ** 53 - 1,
  2 ** 52 + 0.5,
  2 ** 32,
  2 ** 32 - 2 ** -20,
  1 + 2 ** -52,
  0.1,
  0.5,
  2 ** -43 * 1.1,
];
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, ...edges, ...edges.map((edge) => -edge)),
  fc.double({ noNaN: true, min: -(2 ** 54), max: 2 ** 54 }).filter((value) => Math.abs(value) >= 2 ** -44),
  fc.integer({ min: -9999, max: 9999 }).map((n) => n / 100),
);

describe('a sum in the kernel', () => {
  test('holds exactly what was added, in the form that blocks carry', () => {
    fc.assert(
      fc.property(fc.array(number, { maxLength: 40 }), (values) => {
        const sum = new KernelSum();
        sum.add(values);
        const units = values.reduce((total, value) => total + unitsOf(value), 0n);
        expect(sum.words).toEqual(bytesOf(units));
        expect(sum.rounded).toBe(exactly(values) + 0);
        expect(exports.inexact.value === 1).toBe(isInexact(values));
      }),
      { numRuns: 600 },
    );
  });

  const bits = fc.integer({ min: 0, max: 191 });
  const units = fc
    .tuple(fc.bigInt(-(2n ** 191n), 2n ** 191n - 1n), bits, fc.constantFrom(0n, 1n, -1n))
    .map(([any, shift, more]) => BigInt.asIntN(192, (any >> BigInt(shift)) + more));

  test('is rounded once, to the nearest number and ties to even, from every width', () => {
    const sum = new KernelSum();
    fc.assert(
      fc.property(units, (wanted) => {
        sum.words = bytesOf(wanted);
        const { value, inexact } = roundedBy(wanted);
        expect([sum.rounded, exports.inexact.value === 1]).toEqual([value, inexact]);
      }),
      { numRuns: 2000 },
    );
  });

  test('is rounded at every tie, and inexact only past 2^53', () => {
    const sum = new KernelSum();
    const wrong: string[] = [];
    for (let bit = 53n; bit < 190n; bit++) {
      const lowest = 1n << (bit - 52n);
      for (const mantissa of [1n << 52n, (1n << 52n) + 1n, (1n << 53n) - 1n, (1n << 53n) - 2n]) {
        for (const rest of [0n, 1n, lowest / 2n - 1n, lowest / 2n, lowest / 2n + 1n, lowest - 1n]) {
          for (const sign of [1n, -1n]) {
            const wanted = BigInt.asIntN(192, sign * (mantissa * lowest + rest));
            sum.words = bytesOf(wanted);
            const { value, inexact } = roundedBy(wanted);
            if (sum.rounded !== value) wrong.push(`${wanted}: ${sum.rounded}, not ${value}`);
            if ((exports.inexact.value === 1) !== inexact) wrong.push(`${wanted}: inexact is not ${inexact}`);
          }
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('of states is the sum of their integers, or as it was when that does not fit', () => {
    const sum = new KernelSum();
    const { memory } = sum;
    const columns = memory.room(64);
    const place = memory.room(1024);
    const [keys, ends] = [memory.put(new Uint8Array([0x50])), memory.putWords([1])];
    const added = (a: bigint, b: bigint) => {
      // One source of one row for each: what the fold has come to is the first, then both, or the first and OTHER.
      const second = memory.put(bytesOf(b));
      kernel.bytes.set(bytesOf(a), columns);
      exports.mergeInit(place, 2);
      exports.mergeLoad(0, keys, ends, columns, 0, 0, 1, 5);
      exports.mergeLoad(1, keys, ends, second, 0, 0, 1, 5);
      exports.mergeStart();
      const out = memory.room(2048);
      exports.foldPlaces(out, 2048);
      let status = exports.mergeFold();
      while (status === 1) {
        exports.mergeEnd(exports.mergeWinner());
        exports.mergeRefilled();
        status = exports.mergeFold();
      }
      return { status, bytes: memory.copy(out + STATE, SUM_BYTES) };
    };
    fc.assert(
      fc.property(units, units, (a, b) => {
        const total = a + b;
        const fits = BigInt.asIntN(192, total) === total;
        expect(added(a, b)).toEqual({ status: fits ? 0 : 3, bytes: bytesOf(fits ? total : a) });
      }),
      { numRuns: 1000 },
    );
  });

  test('is in units of 2^-96', () => {
    const sum = new KernelSum();
    sum.add([1]);
    expect(sum.words).toEqual(bytesOf(1n << FRACTION_BITS));
  });
});
