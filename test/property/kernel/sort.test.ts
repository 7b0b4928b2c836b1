/** The kernel's sort against a stable sort by the bytes of keys. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareBytes } from '../../../shared/codec/key.js';
import { partitionOf } from '../../../shared/kernel/partition.js';
import { RowSort } from '../../../shared/kernel/row-sort.js';
import { kernel } from '../../harness/engines.js';
import { KernelMemory } from '../../harness/kernel-memory.js';
import { randomFrom } from '../../harness/random.js';

const STRIDE = 16;

/** Row numbers of each partition that has any, in the kernel's order. Rows go up or down in memory. */
function byKernel(keys: readonly Uint8Array[], partitions: number, direction: 1 | -1): [number, number[]][] {
  const bytes = keys.reduce((sum, key) => sum + key.length, 0);
  const memory = new KernelMemory(kernel, bytes + keys.length * (3 * STRIDE + 2) + partitions * 4 + 2 ** 20);
  const at = memory.put(Buffer.concat(keys), 1);
  const rows = memory.room(keys.length * STRIDE);
  const start = direction > 0 ? rows : rows + Math.max(0, keys.length - 1) * STRIDE;
  const { view, exports } = kernel;
  let end = at;
  keys.forEach((key, row) => {
    view.setUint32(start + direction * row * STRIDE, end, true);
    view.setUint32(start + direction * row * STRIDE + 4, key.length, true);
    end += key.length;
  });
  const places = {
    first: memory.room(keys.length * 16),
    second: memory.room(keys.length * 16),
    chosen: memory.room(keys.length * 2),
    starts: memory.room((partitions + 1) * 4),
  };
  const found: [number, number[]][] = [];
  const table = { rows: keys.length, start, stride: direction * STRIDE };
  new RowSort(kernel, partitions, undefined).run(table, places, (partition, from, to) => {
    found.push([partition, Array.from({ length: to - from }, (_, i) => exports.sortedRow(from + i))]);
  });
  return found;
}

function byReference(keys: readonly Uint8Array[], partitions: number): [number, number[]][] {
  const found = new Map<number, number[]>();
  keys.forEach((key, row) => {
    const partition = partitionOf(key, partitions);
    const rows = found.get(partition);
    if (rows) rows.push(row);
    else found.set(partition, [row]);
  });
  const order = (a: number, b: number) => Buffer.compare(keys[a]!, keys[b]!) || a - b;
  return [...found].sort(([a], [b]) => a - b).map(([partition, rows]) => [partition, rows.sort(order)]);
}

function agree(keys: readonly Uint8Array[], partitions = 1, direction: 1 | -1 = 1): void {
  expect(byKernel(keys, partitions, direction)).toEqual(byReference(keys, partitions));
}

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'));
const prefix = fc.constantFrom(
  '',
  'p',
  '1234567',
  '12345678',
  'x'.repeat(16),
  'y'.repeat(32),
  'z'.repeat(1000),
  '\0'.repeat(8),
);
const rest = fc.oneof(
  fc.constantFrom('', 'a', 'b', '\0', 'a\0', 'a\0\0', '\0\0', '\xff', 'abcdefgh', 'abcdefgh\0', 'abcdefghi'),
  fc.string({ unit: fc.constantFrom('\0', 'a', '\xff'), maxLength: 20 }),
);
const oneKey = fc.tuple(prefix, rest).map(([a, b]) => bytesOf(`P${a}${b}`));
const lists = fc.oneof(
  fc.array(oneKey, { maxLength: 80 }),
  fc.array(oneKey, { minLength: 300, maxLength: 900, size: 'max' }),
  fc.tuple(oneKey, fc.nat({ max: 700 })).map(([key, count]) => Array.from({ length: count }, () => key)),
  fc.array(oneKey, { maxLength: 600, size: 'max' }).map((keys) => keys.sort(compareBytes)),
  fc.array(oneKey, { maxLength: 600, size: 'max' }).map((keys) => keys.sort(compareBytes).reverse()),
);

describe('the sort', () => {
  test('orders rows by partition, key and place, for all shapes of keys', () => {
    const partitions = fc.constantFrom(1, 2, 64, 10_000);
    fc.assert(
      fc.property(lists, partitions, fc.constantFrom(1 as const, -1 as const), (keys, count, direction) => {
        agree(keys, count, direction);
      }),
      { numRuns: 150 },
    );
  });

  test.each([1, 2, 64, 10_000])('of more than 64 K rows into %i partitions is stable', (partitions) => {
    const random = randomFrom(partitions);
    const tails = ['', '\0', '\0\0', 'a', 'ab'.repeat(9)];
    agree(
      Array.from({ length: 70_000 }, () => bytesOf(`P${random(30_000)}${tails[random(5)]!}`)),
      partitions,
    );
  });

  test.each([0, 1, 8, 16, 32, 1000])('of 2,000 keys that are equal in their first %i bytes', (bytes) => {
    const random = randomFrom(bytes);
    const common = 'k'.repeat(bytes);
    agree(Array.from({ length: 2000 }, () => bytesOf(`${common}${random(500)}`)));
    agree(Array.from({ length: 2000 }, () => bytesOf(`${common}${String.fromCharCode(1 + random(255))}${common}`)));
  });

  test('of keys that begin each other, with zeros behind', () => {
    const keys = Array.from({ length: 40 }, (_, i) => bytesOf(`Pa${'\0'.repeat(i)}`));
    const random = randomFrom(3);
    agree(Array.from({ length: 3000 }, () => keys[random(40)]!));
    agree(Array.from({ length: 3000 }, (_, i) => keys[i % 40]!).reverse());
  });

  test('of keys of 64 KiB that differ in their last bytes', () => {
    const random = randomFrom(5);
    const keys = Array.from({ length: 300 }, () => {
      const key = new Uint8Array(65_536).fill(7);
      key[65_535 - random(3)] = random(3);
      return key;
    });
    agree([...keys, ...keys.map((key) => key.subarray(0, 65_535))]);
  });

  test('of keys that differ at a place of their own each, so that every prefix has to be taken anew', () => {
    // Deeper than there are levels of the radix sort, with more rows at each than are sorted by comparing.
    const keys = Array.from({ length: 90 }, (_, depth) =>
      Array.from({ length: 300 }, (_, i) => bytesOf(`${'q'.repeat(depth * 9)}${String.fromCharCode(i & 7)}${i % 40}`)),
    ).flat();
    const random = randomFrom(6);
    agree([...keys].sort(() => random(3) - 1));
  });

  test('of all equal keys, and of none', () => {
    agree(Array.from({ length: 70_000 }, () => bytesOf('Pthe one key')));
    agree([]);
    agree([bytesOf('P')], 64);
  });
});
