/** Backup attempts: when, where, how many, and what becomes of the loser. */
import { beforeEach, describe, expect, test } from 'vitest';
import { newAttempt } from '../../../coordinator/scheduler/board.js';
import { slowness } from '../../../coordinator/scheduler/backup.js';
import { pendingEffects } from '../../../coordinator/scheduler/effects.js';
import { parseAttemptId, parseWorkerId, type JobId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';
import { FleetState } from './fleet-state.js';

let fleet: FleetState;

beforeEach(() => {
  fleet = new FleetState();
  for (const name of ['w1', 'w2', 'w3']) fleet.worker(name);
});

const all = ['w1', 'w2', 'w3'];

/** Three tasks, of which two have ended after a second each, and the one on w1 goes on. */
function lateStage(more: { readonly speculate?: boolean } = {}): JobId {
  const job = fleet.submit(1, 3, more);
  fleet.pass(1000, ...all);
  fleet.win('w2', job, 'map-00001.1-1');
  fleet.win('w3', job, 'map-00002.1-1');
  return job;
}

describe('a backup', () => {
  test('stands beside an attempt that says nothing for three medians, on another worker, once', () => {
    const job = lateStage();
    fleet.pass(1999, ...all);
    expect(fleet.running(job)).toEqual(['map-00000.1-1@w1']);
    fleet.pass(1, ...all);
    expect(fleet.running(job)).toEqual(['map-00000.1-1@w1', 'map-00000.1-2@w2']);
    fleet.pass(60_000, ...all);
    expect(fleet.running(job)).toHaveLength(2);
  });

  test('is not started for one that tells that it is soon done', () => {
    const job = lateStage();
    for (let share = 0.6; share < 1; share += 0.05) {
      fleet.pass(500, ...all);
      fleet.progress('w1', { job, attempt: 'map-00000.1-1', records: share * 100, bytes: 0, share });
    }
    expect(fleet.running(job)).toEqual(['map-00000.1-1@w1']);
  });

  test('is started soon for one that tells how slow it is', () => {
    const job = lateStage();
    fleet.progress('w1', { job, attempt: 'map-00000.1-1', records: 1, bytes: 0, share: 0.05 });
    fleet.pass(limits.backupLookMsMax, ...all);
    expect(fleet.running(job)).toHaveLength(2);
  });

  test('that wins has the other one cancelled with its win, whose late report changes nothing', () => {
    const job = lateStage();
    fleet.pass(2000, ...all);
    const { records, commands } = fleet.win('w2', job, 'map-00000.1-2');
    expect(records[0]).toMatchObject({ type: 'task-won', attempt: 'map-00000.1-2' });
    expect(commands).toContainEqual({
      type: 'send',
      session: 1,
      message: { cancel: [{ job, attempt: 'map-00000.1-1' }] },
    });
    expect(fleet.win('w1', job, 'map-00000.1-1').records).toEqual([]);
  });

  test('that loses is cancelled, and its failure beside a running attempt starts nothing', () => {
    const job = lateStage();
    fleet.pass(2000, ...all);
    fleet.fail('w2', job, 'map-00000.1-2', 'executor-died');
    fleet.pass(400, ...all);
    // A third worker may take another backup; the task itself is not given out a second time.
    expect(fleet.running(job)).toEqual(['map-00000.1-1@w1', 'map-00000.1-3@w3']);
    fleet.win('w1', job, 'map-00000.1-1');
    expect(fleet.running(job)).toEqual([]);
  });

  test('goes on alone when the worker of the other one dies', () => {
    const job = lateStage();
    fleet.pass(2000, ...all);
    fleet.pass(limits.leaseDeadMs, 'w2', 'w3');
    expect(fleet.running(job)).toEqual(['map-00000.1-2@w2']);
  });

  test('goes on alone when the other one is handed back, which is no fault of anybody', () => {
    const job = lateStage();
    fleet.pass(2000, ...all);
    const { records } = fleet.fail('w1', job, 'map-00000.1-1', 'handed-back');
    expect(records.map(({ type }) => type)).toEqual(['attempt-failed']);
    expect(fleet.running(job)).toEqual(['map-00000.1-2@w2']);
    fleet.fail('w2', job, 'map-00000.1-2', 'handed-back');
    expect(fleet.running(job)).toHaveLength(1);
    expect(fleet.job(job).failures.size + fleet.job(job).machineFaults.size).toBe(0);
  });

  test('that loses, and ends when staged outputs were discarded, has them discarded again', () => {
    const job = lateStage();
    fleet.pass(2000, ...all);
    fleet.win('w2', job, 'map-00000.1-2');
    while (!fleet.job(job).steps.has('staged-discarded')) {
      for (const effect of pendingEffects(fleet.job(job))) {
        fleet.tell({ type: 'effect-ended', job, effect, result: { kind: 'done' } });
      }
    }
    const { records } = fleet.win('w1', job, 'map-00000.1-1');
    expect(records).toMatchObject([{ type: 'sweep-reopened', attempt: 'map-00000.1-1' }]);
    expect(pendingEffects(fleet.job(job))).toEqual([{ kind: 'step', step: 'staged-discarded' }]);
  });

  test('is not started for a job that does not speculate', () => {
    const job = lateStage({ speculate: false });
    fleet.pass(60_000, ...all);
    expect(fleet.running(job)).toEqual(['map-00000.1-1@w1']);
  });
});

describe('the estimate', () => {
  const about = {
    job: 'job000000001' as JobId,
    attempt: parseAttemptId('map-00000.1-1'),
    kind: 'map',
    index: 0,
  } as const;
  const attempt = () => newAttempt({ ...about, worker: parseWorkerId('w1'), slots: 1 }, 0);

  test('an attempt that stopped telling is judged by its time, however much it has done', () => {
    const frozen = { ...attempt(), share: 0.99, changedMs: 1000 };
    expect(slowness(frozen, 1000, 1500)).toEqual({ dueMs: 1500 });
    expect(slowness(frozen, 1000, 2500)).toEqual({ dueMs: 3000 });
    expect(slowness(frozen, 1000, 3000)).toEqual({ remainingMs: 3000 });
  });

  test('without a median, a long silence is slow', () => {
    expect(slowness(attempt(), undefined, limits.backupSilentMs - 1)).toEqual({ dueMs: limits.backupSilentMs });
    expect(slowness(attempt(), undefined, limits.backupSilentMs)).toEqual({ remainingMs: Infinity });
  });

  test('what is short is never slow', () => {
    expect(slowness(attempt(), 10, limits.backupAfterMsMin - 1)).toEqual({ dueMs: limits.backupAfterMsMin });
  });
});
