/** Workers that are excluded for all jobs: after three, for a time, and then on probation. */
import { expect, test } from 'vitest';
import { Exclusions } from '../../../coordinator/scheduler/exclusion.js';
import { mayBlameWorker } from '../../../coordinator/scheduler/trials.js';
import { failureOf, GristmillError, type ErrorCode } from '../../../shared/errors.js';
import { parseWorkerId, type JobId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';

const w1 = parseWorkerId('w1');
const jobs = ['a', 'b', 'c', 'd'] as unknown as readonly JobId[];

function excludedForAll(): Exclusions {
  const exclusions = new Exclusions();
  for (const job of jobs.slice(0, limits.exclusionJobs)) exclusions.excludedFor(w1, job, 0);
  return exclusions;
}

test('a worker that is excluded for three jobs is excluded for all, and the same job counts once', () => {
  const exclusions = new Exclusions();
  for (const job of ['a', 'b', 'a', 'b'] as unknown as readonly JobId[]) exclusions.excludedFor(w1, job, 0);
  expect(exclusions.allows(w1, 0, 1)).toBe(true);
  exclusions.excludedFor(w1, jobs[2] as JobId, 0);
  expect(exclusions.allows(w1, 0, 1)).toBe(false);
  expect(exclusions.excludes(w1, 1)).toBe(true);
  expect(exclusions.allows(parseWorkerId('w2'), 5, 1)).toBe(true);
});

test('after its cooldown it has one task at a time, and after the first that it wins as many as anybody', () => {
  const exclusions = excludedForAll();
  const overMs = exclusions.nextMs(0);
  expect(overMs).toBe(limits.exclusionCooldownMs);
  expect(exclusions.allows(w1, 0, overMs - 1)).toBe(false);
  expect(exclusions.allows(w1, 0, overMs)).toBe(true);
  expect(exclusions.allows(w1, 1, overMs)).toBe(false);
  exclusions.won(w1);
  expect(exclusions.allows(w1, 1, overMs)).toBe(true);
});

test('a failure on probation doubles the cooldown, up to its limit', () => {
  const exclusions = excludedForAll();
  const waits: number[] = [];
  let nowMs = 0;
  for (let n = 0; n < 6; n++) {
    const untilMs = exclusions.nextMs(nowMs);
    waits.push((untilMs - nowMs) / limits.exclusionCooldownMs);
    nowMs = untilMs;
    exclusions.failed(w1, nowMs);
  }
  expect(waits).toEqual([1, 2, 4, 8, 12, 12]);
});

test('what is long past is not held against a worker', () => {
  const exclusions = new Exclusions();
  exclusions.excludedFor(w1, jobs[0] as JobId, 0);
  exclusions.excludedFor(w1, jobs[1] as JobId, 0);
  exclusions.excludedFor(w1, jobs[2] as JobId, limits.exclusionCooldownMsMax + 1);
  expect(exclusions.allows(w1, 0, limits.exclusionCooldownMsMax + 2)).toBe(true);
});

test.each<[ErrorCode, boolean]>([
  ['executor-died', true],
  ['disk-full', true],
  ['internal', true],
  ['worker-lost', false],
  ['unavailable', false],
  ['store-unavailable', false],
  ['shuffle-missing', false],
  ['map-failed', false],
])('%s may be the doing of the worker: %s', (code, mayBlame) => {
  expect(mayBlameWorker(failureOf(new GristmillError(code, 'x')))).toBe(mayBlame);
});
