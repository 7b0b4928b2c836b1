/** Plans come from bytes alone, and read every byte once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makePlan, planMaps } from '../../../coordinator/planner.js';
import type { JobId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';
import type { Inspection, JobDescriptor, PlannedInput } from '../../../shared/plan.js';

const ends = fc.array(fc.oneof(fc.nat(50), fc.nat(5000)), { maxLength: 40 });

function inputsOf(sizes: readonly number[]): PlannedInput[] {
  return sizes.map((end, i) => ({ uri: `file:///in/${i}`, bytes: end + (i % 3), end, etag: String(i) }));
}

function inspection(
  sizes: readonly number[],
  descriptor: Partial<JobDescriptor> = {},
  splitBytes?: number,
): Inspection {
  return {
    version: 1,
    descriptor: {
      name: 'p',
      kind: 'reduce',
      source: { format: 'text', uris: [], splitBytes, itemsPerSplit: undefined },
      sink: { format: 'jsonl', uri: 'out' },
      aggregator: undefined,
      partitions: undefined,
      memoryBytes: undefined,
      ...descriptor,
    },
    params: {},
    inputs: inputsOf(sizes),
    output: 'file:///out',
    limitRecords: undefined,
  };
}

const plan = (from: Inspection) => makePlan({ job: 'j' as JobId, codeVersion: 'c', inspection: from, replaces: [] });

test('the memory of a task is the job’s or the default, and within the limits', () => {
  expect(plan(inspection([1])).memoryBytes).toBe(limits.kernelBytesMax);
  expect(plan(inspection([1], { memoryBytes: 2 ** 26 })).memoryBytes).toBe(2 ** 26);
  for (const memoryBytes of [limits.memoryBytesMin - 1, limits.memoryBytesMax + 1, 2 ** 25 + 0.5, NaN]) {
    expect(() => plan(inspection([1], { memoryBytes }))).toThrow(/^memory is .* bytes; it must be from/);
  }
});

describe('splits', () => {
  test('cover every byte of [0, end) of every input once, in input order', () => {
    fc.assert(
      fc.property(ends, fc.integer({ min: 1, max: 700 }), (sizes, splitBytes) => {
        const splits = planMaps(inputsOf(sizes), splitBytes).flat();
        let input = -1;
        let at = 0;
        for (const split of splits) {
          if (split.input !== input) {
            if (input >= 0) expect(at).toBe(sizes[input]);
            expect(split.input).toBeGreaterThan(input);
            expect(sizes.slice(input + 1, split.input).every((end) => end === 0)).toBe(true);
            input = split.input;
            at = 0;
          }
          expect(split.start).toBe(at);
          expect(split.end).toBeGreaterThan(split.start);
          at = split.end;
        }
        if (input >= 0) expect(at).toBe(sizes[input]);
        expect(sizes.slice(input + 1).every((end) => end === 0)).toBe(true);
      }),
    );
  });

  test('no map task reads more than splitBytes, and neighbouring small inputs share one', () => {
    fc.assert(
      fc.property(ends, fc.integer({ min: 1, max: 700 }), (sizes, splitBytes) => {
        const maps = planMaps(inputsOf(sizes), splitBytes);
        const bytes = maps.map((splits) => splits.reduce((sum, { start, end }) => sum + end - start, 0));
        for (const sum of bytes) expect(sum).toBeLessThanOrEqual(splitBytes);
        const isWhole = (i: number) => maps[i]?.every(({ input, start, end }) => start === 0 && end === sizes[input]);
        for (let i = 1; i < maps.length; i++) {
          if (isWhole(i - 1) && isWhole(i))
            expect(bytes[i - 1]! + sizes[maps[i]![0]!.input]!).toBeGreaterThan(splitBytes);
        }
      }),
    );
  });

  test('items are cut where their writer said', () => {
    const items = { uri: 'file:///items', bytes: 100, end: 100, etag: '', cuts: [0, 30, 60] };
    expect(planMaps([items], 10)).toEqual([
      [{ input: 0, start: 0, end: 30 }],
      [{ input: 0, start: 30, end: 60 }],
      [{ input: 0, start: 60, end: 100 }],
    ]);
  });
});

describe('plans', () => {
  test('partitions come from the definition, or from bytes', () => {
    expect(plan(inspection([10], { partitions: 7 })).partitions).toBe(7);
    expect(plan(inspection([10])).partitions).toBe(1);
    const two = plan(inspection([limits.bytesPerPartitionDefault + 1]));
    expect([two.partitions, two.maps.length]).toEqual([2, 5]);
    expect(plan(inspection(new Array<number>(100).fill(limits.bytesPerPartitionDefault))).partitions).toBe(64);
  });

  test('a map-only job has a part for each map task, and at least one', () => {
    const big = plan(inspection([30], { kind: 'map-only' }, 10));
    expect([big.maps.length, big.partitions]).toEqual([3, 3]);
    const empty = plan(inspection([], { kind: 'map-only' }));
    expect([empty.maps, empty.partitions]).toEqual([[[]], 1]);
    expect(plan(inspection([0, 0])).maps).toEqual([]);
  });

  test('what is beyond the limits is refused, saying what to change', () => {
    expect(() => plan(inspection([10], { partitions: 0 }))).toThrow('partitions is 0');
    expect(() => plan(inspection([10], { partitions: limits.partitionsMax + 1 }))).toThrow('must be from 1 to');
    expect(() => plan(inspection([limits.mapTasksMax + 1], {}, 1))).toThrow('raise splitBytes');
    expect(() => plan(inspection([1], {}, limits.splitBytesMax + 1))).toThrow('splitBytes is');
  });
});
