/** Which slot is given to whom, and what a job is told while it has none. */
import { beforeEach, describe, expect, test } from 'vitest';
import { jobView } from '../../../coordinator/job-view.js';
import { limits } from '../../../shared/limits.js';
import type { JobId } from '../../../shared/ids.js';
import { assigned, FleetState } from './fleet-state.js';

let fleet: FleetState;

beforeEach(() => {
  fleet = new FleetState();
});

function viewed(job: ReturnType<FleetState['submit']>) {
  return jobView(fleet.job(job), fleet.state.volatile.boards.get(job));
}

describe('a job that waits', () => {
  test('is queued and says so while no worker is connected, and begins with its first task', () => {
    const job = fleet.submit(1, 2);
    expect(viewed(job)).toMatchObject({ state: 'queued', reason: 'waiting for a worker: none is connected' });
    fleet.worker('w1');
    expect(viewed(job)).toMatchObject({ state: 'in_progress', reason: 'its first task is given out' });
    expect(fleet.running(job)).toEqual(['map-00000.1-1@w1']);
  });

  test('says how many jobs are before it while every slot is busy', () => {
    fleet.worker('w1');
    fleet.submit(1, 5);
    fleet.submit(2, 5);
    const third = fleet.submit(3, 5);
    expect(viewed(third)).toMatchObject({
      state: 'queued',
      reason: 'waiting for a free slot: all are busy, 2 jobs before it',
    });
  });

  test('tells a reason that lasts, once; one that passes is no news', () => {
    const job = fleet.submit(1, 2);
    const notices = () => fleet.job(job).events.filter(({ type }) => type === 'notice');
    fleet.pass(limits.waitNoticeMs - 1);
    expect(notices()).toEqual([]);
    fleet.pass(10 * limits.waitNoticeMs);
    expect(notices()).toMatchObject([{ code: 'waiting', message: 'waiting for a worker: none is connected' }]);
  });

  test('without a map task needs no slot to begin', () => {
    const job = fleet.submit(1, 0);
    expect(fleet.job(job).state).not.toBe('queued');
  });

  test('a worker that has not been heard of for a while is given nothing', () => {
    fleet.worker('w1');
    fleet.pass(limits.leaseSuspectMs + 1);
    const job = fleet.submit(1, 2);
    expect(fleet.running(job)).toEqual([]);
    expect(fleet.waits(job)).toBe('waiting for a worker: none is connected');
    fleet.pass(1, 'w1');
    expect(fleet.running(job)).toHaveLength(1);
  });
});

describe('shares', () => {
  test('free slots go to the job with the fewest running for its weight', () => {
    fleet.worker('w1', 8);
    const heavy = fleet.submit(1, 50, { weight: 3 });
    const light = fleet.submit(2, 50);
    // The slots were all given to the first before there was a second; each that is free goes where it is owed.
    for (let n = 0; n < 8; n++) {
      const [first] = fleet.running(heavy);
      fleet.nowMs += 100;
      fleet.win('w1', heavy, first?.split('@')[0] ?? '');
    }
    expect([fleet.running(heavy).length, fleet.running(light).length]).toEqual([6, 2]);
  });

  test('with one slot, slot time decides', () => {
    fleet.worker('w1');
    const jobs = [fleet.submit(1, 50, { weight: 3 }), fleet.submit(2, 50)];
    const given = [0, 0];
    for (let n = 0; n < 40; n++) {
      const at = jobs.findIndex((job) => fleet.running(job).length > 0);
      const job = jobs[at];
      if (job === undefined) throw new Error('nothing runs');
      given[at] = (given[at] ?? 0) + 1;
      fleet.nowMs += 100;
      fleet.win('w1', job, fleet.running(job)[0]?.split('@')[0] ?? '');
    }
    expect(given).toEqual([30, 10]);
  });
});

describe('failures', () => {
  test('a retry goes to a worker on which its task has not failed, or, after a while, to any', () => {
    fleet.worker('w1');
    const job = fleet.submit(1, 1);
    fleet.worker('w2');
    const other = fleet.submit(2, 1);
    expect(fleet.running(other)).toEqual(['map-00000.1-1@w2']);
    fleet.fail('w1', job, 'map-00000.1-1', 'executor-died');
    fleet.pass(limits.retryElsewhereMs - 1, 'w1', 'w2');
    expect(fleet.running(job)).toEqual([]);
    fleet.pass(limits.attemptBackoffMs, 'w1', 'w2');
    expect(fleet.running(job)).toEqual(['map-00000.1-2@w1']);
  });

  test('a map task that failed says at which record it is from then on; one that was only lost need not', () => {
    fleet.worker('w1');
    fleet.submit(1, 1);
    const [lost] = assigned(fleet.worker('w1', 1, 'again').commands);
    expect(lost).toMatchObject({ attempt: 'map-00000.1-2' });
    expect(lost).not.toHaveProperty('isCareful');
    fleet.fail('w1', 'job000000001' as JobId, 'map-00000.1-2', 'executor-died');
    fleet.nowMs += limits.attemptBackoffMs;
    const [next] = assigned(fleet.tell({ type: 'tick' }).commands);
    expect(next).toMatchObject({ attempt: 'map-00000.1-3', isCareful: true });
  });

  test('a worker that dies costs its running attempts alone, uncounted, and their late reports change nothing', () => {
    fleet.worker('w1');
    const job = fleet.submit(1, 2);
    fleet.win('w1', job, 'map-00000.1-1');
    const { records } = fleet.worker('w1', 1, 'again');
    expect(records).toMatchObject([
      { type: 'attempt-failed', attempt: 'map-00001.1-1', failure: { code: 'worker-lost' } },
    ]);
    expect(fleet.running(job)).toEqual(['map-00001.1-2@w1']);
    expect(fleet.job(job).failures.size).toBe(0);
    expect(fleet.win('w1', job, 'map-00001.1-1').records).toEqual([]);
  });

  test('faults of machines end a job when one task meets ten of them in a row', () => {
    fleet.worker('w1');
    const job = fleet.submit(1, 1);
    for (let n = 1; n < limits.machineFaultsInARowMax; n++) fleet.worker('w1', 1, `life-${n}`);
    expect(fleet.job(job).state).toBe('in_progress');
    fleet.worker('w1', 1, 'last');
    expect(viewed(job)).toMatchObject({ state: 'failed', failure: { code: 'worker-lost' } });
    expect(viewed(job).reason).toMatch(/^map-00000 met 10 faults of machines in a row, last: the worker/);
  });

  function failAll(here: () => readonly string[], job: ReturnType<FleetState['submit']>): void {
    for (let [at] = here(); at !== undefined; [at] = here()) {
      fleet.fail('w1', job, at.replace('@w1', ''), 'disk-full');
    }
  }

  test('an excluded worker is left alone for a while, then tried with one task, and trusted again when that succeeds', () => {
    fleet.worker('w1', 2);
    fleet.worker('w2');
    const job = fleet.submit(1, 20);
    const here = () => fleet.running(job).filter((at) => at.endsWith('@w1'));
    failAll(here, job);
    expect(here()).toEqual([]);
    fleet.pass(limits.exclusionJobCooldownMs - 1, 'w1', 'w2');
    expect(here()).toEqual([]);
    fleet.pass(1, 'w1', 'w2');
    expect(here()).toHaveLength(1);
    fleet.win('w1', job, here()[0]?.replace('@w1', '') ?? '');
    expect(here()).toHaveLength(2);
  });

  test('a worker that fails on probation is left alone for twice as long', () => {
    fleet.worker('w1', 2);
    fleet.worker('w2');
    const job = fleet.submit(1, 20);
    const here = () => fleet.running(job).filter((at) => at.endsWith('@w1'));
    failAll(here, job);
    fleet.pass(limits.exclusionJobCooldownMs, 'w1', 'w2');
    failAll(here, job);
    fleet.pass(2 * limits.exclusionJobCooldownMs - 1, 'w1', 'w2');
    expect(here()).toEqual([]);
    fleet.pass(1, 'w1', 'w2');
    expect(here()).toHaveLength(1);
  });

  test('every worker excluded: the last one goes on, and the job says so', () => {
    fleet.worker('w1');
    const job = fleet.submit(1, 3);
    fleet.fail('w1', job, 'map-00000.1-1', 'disk-full');
    fleet.fail('w1', job, 'map-00001.1-1', 'disk-full');
    expect(fleet.running(job)).toEqual(['map-00002.1-1@w1']);
    expect(viewed(job).reason).toMatch(/^only w1 is left, where tasks of this job failed/);
  });
});
