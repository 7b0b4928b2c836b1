/** The scheduler over fleets in virtual time: by seed, and at the sizes that its promises name. */
import { describe, expect, test } from 'vitest';
import { limits } from '../../shared/limits.js';
import { Coverage } from './coverage.js';
import { runFleet } from './fleet/fleet.js';
import { FLEET_FAULTS, scenarioOf, type FleetFault, type FleetJobPlan, type FleetScenario } from './fleet/scenario.js';

const SEEDS = 250;

const job: FleetJobPlan = {
  kind: 'reduce',
  maps: 400,
  partitions: 1,
  taskMs: 1000,
  weight: 1,
  submitAtMs: 0,
  speculate: true,
};

function fleetOf(more: Partial<FleetScenario>): FleetScenario {
  const workers = Array.from({ length: 40 }, () => ({ slots: 1, slowness: 1, tells: false }));
  return { seed: 1, workers, jobs: [job], faults: [], ...more };
}

describe('fleets', () => {
  test('no rule of placement is broken, whatever befalls the workers', () => {
    const coverage = new Coverage();
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { violation, happened, steps } = runFleet(scenarioOf(seed));
      coverage.addFleet(steps, happened);
      expect(violation, `npm run simulate -- --seed ${seed} --seeds 1`).toBeUndefined();
    }
    expect(coverage.missingInFleets()).toEqual([]);
  }, 120_000);

  test('one seed is one run', () => {
    expect(runFleet(scenarioOf(9))).toEqual(runFleet(scenarioOf(9)));
  });

  test.each([true, false])('one of 40 workers is 30 times slower, its tasks tell their progress: %s', (tells) => {
    const workers = fleetOf({}).workers.map((plan) => ({ ...plan, tells }));
    const slow = workers.with(0, { slots: 1, slowness: 30, tells });
    const undisturbed = runFleet(fleetOf({ workers }));
    const backed = runFleet(fleetOf({ workers: slow }));
    const without = runFleet(fleetOf({ workers: slow, jobs: [{ ...job, speculate: false }] }));
    expect(backed.violation).toBeUndefined();
    expect(backed.endedMs).toBeLessThan(0.5 * without.endedMs);
    expect(backed.endedMs).toBeLessThan(1.25 * undisturbed.endedMs);
  });

  test('5 of 40 workers die at half: their running tasks alone run again', () => {
    const jobs = [{ ...job, maps: 2000 }];
    const undisturbed = runFleet(fleetOf({ jobs }));
    const faults: FleetFault[] = [3, 9, 17, 25, 39].map((worker) => ({
      kind: 'die',
      worker,
      atMs: undisturbed.endedMs / 2,
      lastsMs: 10 * 60_000,
    }));
    const { violation, endedMs, happened } = runFleet(fleetOf({ jobs, faults }));
    // That a finished task is given out again is a violation.
    expect(violation).toBeUndefined();
    expect(happened.get('failed: worker-lost')).toBeLessThanOrEqual(5);
    expect(endedMs).toBeLessThan(((1.05 * 54) / 50) * undisturbed.endedMs);
  });

  test.each([
    [1, 1],
    [3, 1],
    [1, 5],
  ])('jobs of weights %i and %i, submitted 5 s apart, have their shares of 40 slots', (first, second) => {
    const jobs = [first, second].map((weight, i) => ({ ...job, maps: 3000, weight, submitAtMs: i * 5000 }));
    expect(runFleet(fleetOf({ jobs })).violation).toBeUndefined();
  });

  test('a worker on which everything fails costs a job two tasks and what ran beside them, and the job completes', () => {
    const faults: FleetFault[] = [{ kind: 'crash', worker: 7, atMs: 0, lastsMs: 10 * 60_000 }];
    const { violation, happened } = runFleet(fleetOf({ faults, jobs: [{ ...job, maps: 2000 }] }));
    expect(violation).toBeUndefined();
    expect(happened.get('completed')).toBe(1);
    expect(happened.get('failed: executor-died')).toBeLessThanOrEqual(3);
  });

  test('partitions that go to workers in groups are all reduced, whoever dies, freezes or is slow', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const workers = [1, 1, 20, 1].map((slowness, i) => ({ slots: 1 + (i % 2), slowness, tells: i !== 3 }));
      const faults = FLEET_FAULTS.map((kind, i): FleetFault => {
        return { kind, worker: (seed + i) % 4, atMs: 1500 + seed * 150 * (i + 1), lastsMs: 1000 * seed };
      });
      const jobs = [{ ...job, maps: limits.neighbourObjectsMin, partitions: 400, taskMs: 100 }];
      const { violation, happened } = runFleet(fleetOf({ seed, workers, jobs, faults }));
      expect(violation, `seed ${seed}`).toBeUndefined();
      expect(happened.get('completed'), `seed ${seed}`).toBe(1);
    }
  });

  test('a worker whose disk was full for a while works for the job again, which is not left to a slow one', () => {
    const workers = [1, 30].map((slowness) => ({ slots: 1, slowness, tells: true }));
    const faults: FleetFault[] = [{ kind: 'fill', worker: 0, atMs: 0, lastsMs: 10_000 }];
    const { violation, happened, endedMs } = runFleet(fleetOf({ workers, faults }));
    expect(violation).toBeUndefined();
    expect(happened.get('failed: disk-full')).toBeGreaterThanOrEqual(limits.exclusionTasks);
    // 400 tasks of 1 s; the slow worker alone would need 12,000 s.
    expect(endedMs).toBeLessThan(600_000);
  });

  test('a job whose tasks kill every executor fails by its own failures, and excludes nobody', () => {
    const crashes = (worker: number): FleetFault => ({ kind: 'crash', worker, atMs: 500, lastsMs: 10 * 60_000 });
    const faults = Array.from({ length: 40 }, (_, worker) => crashes(worker));
    const { violation, happened } = runFleet(fleetOf({ faults, jobs: [{ ...job, submitAtMs: 400 }] }));
    expect(violation).toBeUndefined();
    expect(happened.get('failed')).toBe(1);
  });
});
