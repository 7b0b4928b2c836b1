/** Tasks whose memory lies where addresses no longer fit into 31 bits, and where they end. */
import { describe, expect, test } from 'vitest';
import { meanSpec, partSpec, specOfFields } from '../../../shared/aggregation.js';
import { CombineFold } from '../../../shared/kernel/value-fold.js';
import { engineOf, kernels, PlacedKernel } from '../../harness/engines.js';
import { difference, runJobOn, type Job, type MapRecord } from '../../harness/map-reduce.js';
import { randomFrom } from '../../harness/random.js';

const MiB = 2 ** 20;
const MEMORY_BYTES = 3 * MiB;

const parts = specOfFields([
  ['mean', meanSpec],
  ['most', partSpec('max')],
]);

type Value = (i: number) => unknown;
const mixed: Value = (i) => [i, `text ${i}`, new Uint8Array([i]), { i }, 'é'.repeat(i % 90)][i % 5];
const jobs: readonly (readonly [string, Partial<Job>, Value])[] = [
  ['numbers', {}, (i) => i],
  ['texts', {}, (i) => `é ${i}`.repeat(9)],
  ['values of mixed kinds', { partitions: 5 }, mixed],
  ['sums', { spec: partSpec('sum') }, (i) => i / 4],
  ['sums of the very large', { spec: partSpec('sum') }, (i) => (i % 90 === 0 ? 1e300 : i)],
  ['several parts', { spec: parts }, (i) => i - 9000],
  ['maxima of texts', { spec: partSpec('max') }, (i) => (i % 9 === 0 ? `${i}` : i)],
  ['combined values', { fold: () => new CombineFold((a, b) => Number(a) + Number(b)) }, (i) => i],
  ['large values', {}, (i) => `${i}`.repeat(i % 900 === 0 ? 40_000 : 3)],
];

function recordsOf(value: Value): MapRecord[] {
  const random = randomFrom(23);
  return Array.from({ length: 10_000 }, (_, i) => ({
    emits: [
      [`k${random(15_000)}`, value(i)],
      [`the key of a longer name ${'.'.repeat(90)} ${random(9000)}`, value(i + 1)],
    ],
    fails: i % 11 === 0,
  }));
}

describe.each([['around 2 GiB', 2 ** 31] as const, ['at the end of 4 GiB', 'end'] as const])('%s', (where, place) => {
  const instance = new PlacedKernel(place);
  const isThere = instance.end > 2 ** 32 - 2 ** 20;
  if (!isThere)
    console.log(`skipped: this machine has no 4 GiB of address space for a kernel, but ${instance.end} bytes`);

  test.skipIf(!isThere)('tasks have their memory there', () => {
    instance.room = MEMORY_BYTES;
    expect(instance.start + MEMORY_BYTES).toBeGreaterThan(2 ** 31);
    expect(instance.start + (place === 'end' ? 0 : MEMORY_BYTES)).toBeGreaterThanOrEqual(2 ** 31);
  });

  test.skipIf(!isThere).each(jobs)('%s are what they are elsewhere, spilled or not', (_, more, value) => {
    const job: Job = { partitions: 2, tasks: [recordsOf(value), recordsOf(value).slice(0, 3000)], ...more };
    const expected = runJobOn(kernels, job, { memoryBytes: 64 * MiB, openMax: 64 });
    const engine = engineOf(where, instance);
    for (const memoryBytes of [MEMORY_BYTES, 64 * MiB]) {
      const found = runJobOn(engine, job, { memoryBytes, openMax: 2 });
      expect(difference(found, expected)).toBeUndefined();
      if (memoryBytes === MEMORY_BYTES) expect(found.bytesSpilled).toBeGreaterThan(0);
    }
  });
});
