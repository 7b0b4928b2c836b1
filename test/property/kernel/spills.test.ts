/** Map tasks whose memory is far too small, so that they spill again and again, against tasks that hold everything. */
import { describe, expect, test } from 'vitest';
import { meanSpec, partSpec, specOfFields, type BuiltInSpec } from '../../../shared/aggregation.js';
import { CombineFold, OwnFold } from '../../../shared/kernel/value-fold.js';
import { kernels, reference } from '../../harness/engines.js';
import { difference, runJobOn, type Job, type MapRecord } from '../../harness/map-reduce.js';
import { randomFrom } from '../../harness/random.js';

const MiB = 2 ** 20;
/** Below this, the buffers of a map task leave no room for a merge of its runs. */
const LEAST = 3 * MiB;

const parts = specOfFields([
  ['mean', meanSpec],
  ['least', partSpec('min')],
  ['most', partSpec('max')],
]);
const ends = specOfFields([
  ['least', partSpec('min')],
  ['n', partSpec('count')],
  ['most', partSpec('max')],
]);

type Random = (below: number) => number;

/** Records of a few emits each, some of which fail; a few emit very much. */
function recordsOf(count: number, random: Random, emit: (i: number) => readonly [unknown, unknown]): MapRecord[] {
  const records: MapRecord[] = [];
  for (let i = 0; i < count;) {
    const isLarge = random(400) === 0;
    const emits = Array.from({ length: 1 + random(isLarge ? 3000 : 4) }, () => emit(i++));
    records.push({ emits, fails: !isLarge && random(7) === 0 });
  }
  return records;
}

function jobOf(
  more: Partial<Job>,
  emit: (i: number, random: Random) => readonly [unknown, unknown],
  count = 30_000,
): Job {
  const random = randomFrom(17);
  const tasks = [count, count / 3, 0].map((size) => recordsOf(size, random, (i) => emit(i, random)));
  return { partitions: 3, tasks, ...more };
}

function emittedBy({ tasks }: Job): number {
  return tasks.flat().reduce((sum, { emits, fails }) => sum + (fails ? 0 : emits.length), 0);
}

function spillsAndAgrees(job: Job, memoryBytes = LEAST): void {
  const expected = runJobOn(reference, job, { memoryBytes: 512 * MiB, openMax: 64 });
  const inMemory = runJobOn(kernels, job, { memoryBytes: 256 * MiB, openMax: 64 });
  const spilled = runJobOn(kernels, job, { memoryBytes, openMax: 2 });
  expect(expected.emitted).toBe(emittedBy(job));
  expect(expected.weight).toBe(emittedBy(job));
  expect(difference(inMemory, expected)).toBeUndefined();
  expect(difference(spilled, expected)).toBeUndefined();
  expect(spilled.bytesSpilled).toBeGreaterThan(100_000);
}

const shortKey = (random: Random) => `k${random(40_000)}`;
const longKey = (random: Random) => `a key that is not packed ${random(30_000)}`;
const anyKey = (random: Random) => [shortKey(random), longKey(random), random(9000), `é${random(999)}`][random(4)];
const plainValue = (i: number, random: Random) =>
  [i, `text ${i}`, new Uint8Array([i]), null, { i }, NaN, 'x'.repeat(random(200))][random(7)];
const exotic = (random: Random) => [1e300, -1e300, 1e-300, Infinity, 2 ** 60, random(99), 0.5][random(7)];
const ordered = (random: Random) => [`s${random(99)}`, BigInt(random(99)), random(99), -Infinity, 1e-300][random(5)];

describe('a map task that spills gives what one that does not gives', () => {
  test.each<readonly [string, Partial<Job>, (i: number, random: Random) => readonly [unknown, unknown]]>([
    ['numbers', {}, (i, random) => [anyKey(random), i]],
    ['values of mixed kinds', {}, (i, random) => [anyKey(random), plainValue(i, random)]],
    ['values of 64 partitions', { partitions: 64 }, (i, random) => [longKey(random), `value ${i}`]],
  ])('of %s', (_, more, emit) => spillsAndAgrees(jobOf(more, emit)));

  test.each<readonly [string, BuiltInSpec, (random: Random) => unknown]>([
    ['counts of anything', partSpec('count'), (random) => plainValue(1, random)],
    ['sums', partSpec('sum'), (random) => random(1000) / 8],
    [
      'sums of exotic numbers among plain ones',
      partSpec('sum'),
      (random) => (random(9) === 0 ? exotic(random) : random(99)),
    ],
    ['sums of exotic numbers alone', partSpec('sum'), exotic],
    ['maxima of any order', partSpec('max'), ordered],
    ['several parts', parts, (random) => random(1000) - 500],
    ['several parts of exotic numbers', parts, exotic],
    ['ends of any order', ends, ordered],
  ])('of %s', (_, spec, value) => {
    spillsAndAgrees(jobOf({ spec }, (_i, random) => [anyKey(random), value(random)]));
    spillsAndAgrees(
      jobOf({ spec, combine: 'off', partitions: 1 }, (_i, random) => [shortKey(random), value(random)], 40_000),
    );
  });

  const trace = {
    zero: () => '',
    add: (state: unknown, value: unknown) => String(state) + String(value),
    merge: (earlier: unknown, later: unknown) => String(earlier) + String(later),
    finish: (state: unknown) => `=${String(state)}`,
  };

  test.each(['on', 'off', 'everywhere'] as const)(
    'of an associative aggregator of the job’s own, combine %s',
    (combine) => {
      const job = jobOf({ fold: () => new OwnFold(trace), combine }, (i, random) => [anyKey(random), i % 10]);
      spillsAndAgrees(job);
    },
  );

  test('of combine', () => {
    const fold = () => new CombineFold((earlier, later) => String(earlier) + String(later));
    spillsAndAgrees(jobOf({ fold }, (i, random) => [anyKey(random), `${i % 10}`]));
  });

  test('of a partition function of the job’s own', () => {
    const partition = (key: unknown, count: number) => String(key).length % count;
    spillsAndAgrees(jobOf({ partition }, (i, random) => [longKey(random), i]));
    spillsAndAgrees(jobOf({ partition, spec: partSpec('sum') }, (i, random) => [longKey(random), i]));
  });
});

describe('records that fail', () => {
  /** Every other record fails, after it has emitted a key of its own and one that others emit too. */
  const failing = (count: number, value: unknown, key: (i: number) => string): MapRecord[] =>
    Array.from({ length: count }, (_, i) => ({
      emits: [
        [key(i), value],
        [`shared ${i % 50}`, value],
        [`s${i % 50}`, value],
      ],
      fails: i % 2 === 1,
    }));

  test.each([
    ['packed keys', 50_000, 1, (i: number) => `k${i}`],
    ['long keys', 50_000, 1, (i: number) => `the long key ${i}`],
    ['exotic numbers and packed keys', 50_000, 2 ** 60, (i: number) => `k${i}`],
    ['exotic numbers and long keys', 50_000, 2 ** 60, (i: number) => `the long key ${i}`],
  ] as const)('leave nothing behind, wherever their task spills: %s', (_, count, value, key) => {
    const tasks = [failing(count, value, key)];
    spillsAndAgrees({ tasks, partitions: 2, spec: partSpec('sum') });
    spillsAndAgrees({ tasks, partitions: 2 });
  });

  test.each([
    ['packed keys', 50_000, 1, (i: number) => `k${i}`],
    ['long keys', 50_000, 1, (i: number) => `the long key ${i}`],
    ['exotic numbers', 140_000, 2 ** 60, (i: number) => `k${i}`],
  ] as const)('and that emitted more than memory holds say so, or leave nothing behind: %s', (_, count, value, key) => {
    const emits = Array.from({ length: count }, (_, i) => [key(i), value] as const);
    const job: Job = { tasks: [[{ emits, fails: true }]], partitions: 1, spec: partSpec('sum') };
    expect(() => runJobOn(kernels, job, { memoryBytes: LEAST, openMax: 2 })).toThrow(
      /emitted too much for its emits to be taken back/,
    );
    const done: Job = { ...job, tasks: [[{ emits, fails: false }]] };
    spillsAndAgrees(done);
  });
});

describe('records larger than a block', () => {
  test('are spilled and merged, as many at a time as there is room for', () => {
    const value = (i: number) => `${i}`.repeat(i % 3 === 0 ? 900_000 : 20_000);
    const emits = Array.from({ length: 120 }, (_, i) => [`k${i % 40}`, value(i)] as const);
    const job: Job = { tasks: [emits.map((emit) => ({ emits: [emit], fails: false }))], partitions: 2 };
    spillsAndAgrees(job, 16 * MiB);
  });
});

test.each([1000, 40_000, 100_000])(
  'a record whose values of %i bytes fill the memory follows records that are done',
  (bytes) => {
    const before = { emits: [['k', 'a value']] as const, fails: false };
    const emits = Array.from({ length: 8_000_000 / bytes }, (_, i) => [`k${i % 9}`, `${i % 7}`.repeat(bytes)] as const);
    const job: Job = { tasks: [[before, { emits, fails: false }, before]], partitions: 2 };
    spillsAndAgrees(job);
  },
);

test('less memory than a task needs for its buffers is refused with what to do', () => {
  for (const spec of [undefined, partSpec('sum')]) {
    const job = jobOf({ spec }, (i, random) => [longKey(random), i]);
    expect(() => runJobOn(kernels, job, { memoryBytes: MiB, openMax: 2 })).toThrow(
      expect.objectContaining({ code: 'memory-exceeded', message: expect.stringMatching(/raise 'memory'/) as string }),
    );
  }
});
