/** What is remembered of attempts, against a plain list of them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StagePace } from '../../../coordinator/scheduler/pace.js';
import { Trials } from '../../../coordinator/scheduler/trials.js';
import { parseWorkerId, taskId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';

interface Ended {
  readonly worker: number;
  readonly task: number;
  readonly won: boolean;
}

const ended: fc.Arbitrary<Ended> = fc.record({
  worker: fc.nat({ max: 3 }),
  task: fc.nat({ max: 5 }),
  won: fc.boolean(),
});

/** Straight from the rule, over the whole history. */
function isExcluded(history: readonly Ended[], worker: number): boolean {
  const failed = history.filter(({ won }) => !won);
  const tasksFailedAt = (at: number) => new Set(failed.filter((one) => one.worker === at).map(({ task }) => task));
  const blamed = [...tasksFailedAt(worker)].filter((task) =>
    failed.every((one) => one.task !== task || one.worker === worker),
  );
  if (blamed.length < limits.exclusionTasks) return false;
  const wonAt = (at: number) => history.filter((one) => one.won && one.worker === at).length;
  const others = [0, 1, 2, 3].filter((at) => at !== worker);
  const othersFailed = others.reduce((sum, at) => sum + tasksFailedAt(at).size, 0);
  const othersAll = othersFailed + others.reduce((sum, at) => sum + wonAt(at), 0);
  if (othersAll === 0) return true;
  const own = tasksFailedAt(worker).size / (tasksFailedAt(worker).size + wonAt(worker));
  return own > limits.exclusionRatio * (othersFailed / othersAll);
}

test('a worker is excluded by what failed on it alone, and more often than elsewhere', () => {
  let excluded = 0;
  fc.assert(
    fc.property(fc.array(ended, { maxLength: 30 }), (history) => {
      const trials = new Trials();
      for (const { worker, task, won } of history) {
        const id = parseWorkerId(`w${worker}`);
        if (won) trials.won(id, 1, 0);
        else trials.failed(id, taskId('map', task), true, 0);
      }
      for (const worker of [0, 1, 2, 3]) {
        const expected = isExcluded(history, worker);
        if (expected) excluded++;
        expect(trials.excludes(parseWorkerId(`w${worker}`), 0)).toBe(expected);
      }
    }),
    { numRuns: 2000 },
  );
  expect(excluded).toBeGreaterThan(100);
});

test('a job that fails alike on every worker excludes none of them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 5 }), (workers, each) => {
      const trials = new Trials();
      const ids = Array.from({ length: workers }, (_, i) => parseWorkerId(`w${i}`));
      for (let task = 0; task < workers * each; task++) {
        const id = ids[task % workers];
        if (id) trials.failed(id, taskId('map', task), true, 0);
      }
      expect(ids.some((id) => trials.excludes(id, 0))).toBe(false);
    }),
  );
});

test('the pace is the median of the last attempts', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e7, noNaN: true }), { maxLength: 400 }), (elapsed) => {
      const pace = new StagePace();
      for (const ms of elapsed) pace.note(ms);
      const last = elapsed.slice(-limits.paceSamples).sort((a, b) => a - b);
      expect(pace.medianMs).toBe(last[Math.floor(last.length / 2)]);
    }),
  );
});
