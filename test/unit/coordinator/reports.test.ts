/** Reports, sessions and leases, as the pure scheduler sees them: no store, no clock, no stream. */
import { beforeEach, describe, expect, test } from 'vitest';
import { step } from '../../../coordinator/scheduler/decide.js';
import { pendingEffects } from '../../../coordinator/scheduler/effects.js';
import type { Command, Decision, SchedulerEvent } from '../../../coordinator/scheduler/events.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import type { JournalRecord } from '../../../coordinator/scheduler/records.js';
import { emptyState } from '../../../coordinator/scheduler/state.js';
import {
  leasesOf,
  mayTakeEffect,
  nextWakeMs,
  startState,
  type SchedulerState,
} from '../../../coordinator/scheduler/volatile.js';
import { failureOf, GristmillError, type ErrorCode } from '../../../shared/errors.js';
import { parseAttemptId, parseWorkerId, type JobId } from '../../../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../../../shared/limits.js';
import { storeKeys } from '../../../shared/plan.js';
import type { Assignment, TaskResult } from '../../../shared/protocol.js';
import { miniature, request } from './miniature-cluster.js';

const job = 'job000000001' as JobId;
let state: SchedulerState;
let nowMs: number;

function tell(event: SchedulerEvent): Decision {
  return step(state, event, { monotonicMs: nowMs, wallMs: nowMs });
}

function open(session: number, worker: string, incarnation = worker, running: readonly string[] = []): Decision {
  const registration = {
    protocolVersion: PROTOCOL_VERSION,
    worker: parseWorkerId(worker),
    incarnation,
    slots: 1,
    host: 'h',
    nodeVersion: 'v',
    running: running.map((attempt) => ({ job, attempt: parseAttemptId(attempt) })),
  };
  return tell({ type: 'session-opened', session, registration });
}

function report(session: number, attempt: string, result: TaskResult): Decision {
  const reports = [{ job, attempt: parseAttemptId(attempt), elapsedMs: 1, result }];
  return tell({ type: 'worker-message', session, message: { reports }, random: 0 });
}

const inspected = (attempt: string): TaskResult => ({
  kind: 'inspect',
  key: storeKeys.inspection(job, attempt),
  xxh64: 1n,
});
const failed = (code: ErrorCode): TaskResult => ({
  kind: 'failure',
  failure: failureOf(new GristmillError(code, 'x')),
});

function assigned(commands: readonly Command[]): Assignment[] {
  return commands.flatMap((command) => (command.type === 'send' ? (command.message.assign ?? []) : []));
}

function typesOf(records: readonly JournalRecord[]): string[] {
  return records.map(({ type }) => type);
}

function acknowledged(commands: readonly Command[]): string[] {
  return commands.flatMap((command) =>
    command.type === 'send' ? (command.message.acknowledge ?? []).map(({ attempt }) => attempt as string) : [],
  );
}

beforeEach(() => {
  nowMs = 1000;
  const durable = emptyState();
  evolve(durable, { type: 'leader-elected', epoch: 3, atMs: 0, host: 'h' });
  state = startState(durable, 'memory:', nowMs);
  open(1, 'w1');
  tell({ type: 'submit', call: 1, job, request: request(miniature) });
});

describe('reports', () => {
  test('the report of the running attempt wins, and is acknowledged', () => {
    const { records, commands } = report(1, 'inspect.3-1', inspected('inspect.3-1'));
    expect(typesOf(records)).toEqual(['task-won']);
    expect(acknowledged(commands)).toEqual(['inspect.3-1']);
  });

  test.each([
    ['a second report of the winner', 1, 'inspect.3-1'],
    ['another attempt', 1, 'inspect.3-2'],
    ['another epoch', 1, 'inspect.2-1'],
    ['another worker', 2, 'inspect.3-1'],
  ])('%s changes nothing', (_what, session, attempt) => {
    open(2, 'w2');
    if (session === 1) report(1, 'inspect.3-1', inspected('inspect.3-1'));
    const before = state.durable.jobs.get(job);
    const { records, commands } = report(session, attempt, inspected(attempt));
    expect(records).toEqual([]);
    expect(acknowledged(commands)).toEqual([attempt]);
    expect(state.durable.jobs.get(job)).toBe(before);
  });

  test('a report of a session that is gone changes nothing, not even an answer', () => {
    tell({ type: 'session-closed', session: 1 });
    expect(report(1, 'inspect.3-1', inspected('inspect.3-1'))).toEqual({ records: [], commands: [] });
  });

  test('a report that cannot be is a failure of its attempt', () => {
    const { records } = report(1, 'inspect.3-1', { ...inspected('inspect.3-1'), key: 'v1/token' } as TaskResult);
    expect(records).toMatchObject([{ type: 'attempt-failed', failure: { code: 'internal' } }]);
  });
});

describe('failed attempts', () => {
  test('what cannot be retried fails the job at once, with that failure', () => {
    const { records } = report(1, 'inspect.3-1', failed('definition-invalid'));
    expect(records).toMatchObject([
      { type: 'attempt-failed' },
      { type: 'job-moved', to: 'failed', failure: { code: 'definition-invalid', class: 'definition' } },
    ]);
  });

  test('a task that is handed back starts elsewhere at once, is not blamed, however often, and the audit log has it', () => {
    for (let n = 1; n <= 2 * limits.attemptsMax; n++) {
      const { records, commands } = report(1, `inspect.3-${n}`, failed('handed-back'));
      expect(typesOf(records)).toEqual(['attempt-failed']);
      expect(assigned(commands).map(({ attempt }) => attempt)).toEqual([`inspect.3-${n + 1}`]);
    }
    expect(state.durable.jobs.get(job)?.failures.size).toBe(0);
  });

  test('a retry waits, longer each time, and has a new number; the fourth failure is the last', () => {
    const waits: number[] = [];
    for (let n = 1; n <= limits.attemptsMax; n++) {
      const { records, commands } = report(1, `inspect.3-${n}`, failed('executor-died'));
      expect(assigned(commands)).toEqual([]);
      if (n === limits.attemptsMax) {
        expect(records.at(-1)).toMatchObject({ to: 'failed' });
        return;
      }
      const wakeMs = nextWakeMs(state, nowMs);
      waits.push(wakeMs - nowMs);
      nowMs = wakeMs;
      expect(assigned(tell({ type: 'tick' }).commands).map(({ attempt }) => attempt)).toEqual([`inspect.3-${n + 1}`]);
    }
    expect(waits).toEqual([100, 200, 400]);
  });

  test('a failure that does not count never ends the job', () => {
    for (let n = 1; n <= 20; n++) {
      const { records } = report(1, `inspect.3-${n}`, failed('store-unavailable'));
      expect(typesOf(records)).toEqual(['attempt-failed']);
      while (assigned(tell({ type: 'tick' }).commands).length === 0) {
        tell({ type: 'worker-message', session: 1, message: { renewLease: true }, random: 0 });
        nowMs += 1000;
      }
    }
  });
});

describe('workers', () => {
  test('a broken stream is not a dead worker: its attempt goes on when it re-attaches', () => {
    tell({ type: 'session-closed', session: 1 });
    nowMs += limits.leaseDeadMs - 1;
    expect(assigned(tell({ type: 'tick' }).commands)).toEqual([]);
    expect(assigned(open(2, 'w2').commands)).toEqual([]);
    expect(assigned(open(3, 'w1', 'w1', ['inspect.3-1']).commands)).toEqual([]);
    expect(typesOf(report(3, 'inspect.3-1', inspected('inspect.3-1')).records)).toEqual(['task-won']);
  });

  test('an assignment that was lost with its stream is given out again, under another number', () => {
    tell({ type: 'session-closed', session: 1 });
    const { commands } = open(2, 'w1', 'w1', []);
    expect(assigned(commands).map(({ attempt }) => attempt)).toEqual(['inspect.3-2']);
  });

  test('an expired lease is death: its task is given out again, and its late report changes nothing', () => {
    open(2, 'w2');
    nowMs += limits.leaseDeadMs - 1;
    tell({ type: 'worker-message', session: 2, message: { renewLease: true }, random: 0 });
    nowMs += 1;
    const { commands } = tell({ type: 'tick' });
    expect(commands).toContainEqual({ type: 'close-session', session: 1 });
    expect(assigned(commands).map(({ attempt }) => attempt)).toEqual(['inspect.3-2']);
    expect(open(3, 'w1', 'w1', ['inspect.3-1']).commands).toContainEqual({
      type: 'send',
      session: 3,
      message: { cancel: [{ job, attempt: 'inspect.3-1' }] },
    });
    expect(report(3, 'inspect.3-1', inspected('inspect.3-1')).records).toEqual([]);
    expect(typesOf(report(2, 'inspect.3-2', inspected('inspect.3-2')).records)).toEqual(['task-won']);
  });

  test('another incarnation under the same name is the death of the one before, whose stream is broken', () => {
    tell({ type: 'session-closed', session: 1 });
    const { commands } = open(2, 'w1', 'again');
    expect(assigned(commands).map(({ attempt }) => attempt)).toEqual(['inspect.3-2']);
  });

  test('a second worker of one name is refused with the host of the first, until that one has been silent for a while', () => {
    nowMs += limits.leaseSuspectMs - 1;
    const [refused, ...others] = open(2, 'w1', 'again').commands;
    expect(others).toEqual([]);
    expect(refused).toMatchObject({ type: 'close-session', session: 2, refusal: { code: 'worker-name-taken' } });
    expect(refused?.type === 'close-session' && refused.refusal?.message).toContain(
      'named w1 is with it already, on host h',
    );
    // It has not taken anything from the first one.
    expect(typesOf(report(1, 'inspect.3-1', inspected('inspect.3-1')).records)).toEqual(['task-won']);
    nowMs += limits.leaseSuspectMs;
    const { commands } = open(3, 'w1', 'again');
    expect(commands).toContainEqual({ type: 'close-session', session: 1 });
    expect(commands).toContainEqual(expect.objectContaining({ type: 'send', session: 3 }));
    // And the first one, back again, is the second now.
    expect(open(4, 'w1', 'w1').commands).toMatchObject([
      { type: 'close-session', refusal: { code: 'worker-name-taken' } },
    ]);
  });

  test('a worker that drains is given nothing more', () => {
    const { commands } = tell({ type: 'worker-message', session: 1, message: { draining: true }, random: 0 });
    expect(commands).toEqual([{ type: 'send', session: 1, message: { drain: true } }]);
    report(1, 'inspect.3-1', failed('store-unavailable'));
    nowMs += limits.attemptBackoffMsMax;
    tell({ type: 'worker-message', session: 1, message: { renewLease: true }, random: 0 });
    expect(assigned(tell({ type: 'tick' }).commands)).toEqual([]);
    expect(assigned(open(2, 'w2').commands)).toHaveLength(1);
  });

  test('an attempt that comes back after its job was cleaned up has it cleaned up again, once it has ended', () => {
    const pending = () => pendingEffects(jobNow());
    const jobNow = () => {
      const found = state.durable.jobs.get(job);
      if (!found) throw new Error('the job is gone');
      return found;
    };
    tell({ type: 'cancel', call: 2, job, reason: 'x' });
    report(1, 'inspect.3-1', failed('aborted'));
    for (let [effect] = pending(); effect; [effect] = pending()) {
      tell({ type: 'effect-ended', job, effect, result: { kind: 'done' } });
    }
    const { records, commands } = open(2, 'w2', 'w2', ['inspect.3-1', 'inspect.3-2']);
    expect(typesOf(records)).toEqual(['sweep-reopened']);
    expect(commands).toContainEqual({
      type: 'send',
      session: 2,
      message: { cancel: ['inspect.3-1', 'inspect.3-2'].map((attempt) => ({ job, attempt })) },
    });
    expect(pending()).toEqual([{ kind: 'step', step: 'shuffle-swept' }]);
    report(2, 'inspect.3-1', failed('aborted'));
    expect(mayTakeEffect(state, jobNow(), nowMs)).toBe(false);
    report(2, 'inspect.3-2', inspected('inspect.3-2'));
    expect(mayTakeEffect(state, jobNow(), nowMs)).toBe(true);
    expect(jobNow().state).toBe('cancelled');
  });

  test('a worker that is silent for a while keeps what it has and is given nothing, until it is heard', () => {
    nowMs += limits.leaseSuspectMs;
    const other = 'job000000002' as JobId;
    report(1, 'inspect.3-1', inspected('inspect.3-1'));
    nowMs += limits.leaseSuspectMs;
    const { commands } = tell({ type: 'submit', call: 2, job: other, request: request(miniature) });
    expect(assigned(commands)).toEqual([]);
    const heard = tell({ type: 'worker-message', session: 1, message: { renewLease: true }, random: 0 });
    expect(assigned(heard.commands).map((assignment) => assignment.job)).toEqual([other]);
  });

  test('a lease is as long as the coordinator was told, and so is what it tells its workers', () => {
    const durable = emptyState();
    evolve(durable, { type: 'leader-elected', epoch: 3, atMs: 0, host: 'h' });
    state = startState(durable, 'memory:', nowMs, { leases: leasesOf(900) });
    const { commands } = open(1, 'w1');
    expect(commands).toMatchObject([{ message: { registered: { leaseRenewMs: 90, leaseDeadMs: 900 } } }]);
    tell({ type: 'submit', call: 1, job, request: request(miniature) });
    open(2, 'w2');
    nowMs += 899;
    tell({ type: 'worker-message', session: 2, message: { renewLease: true }, random: 0 });
    expect(assigned(tell({ type: 'tick' }).commands)).toEqual([]);
    nowMs += 1;
    expect(assigned(tell({ type: 'tick' }).commands).map(({ attempt }) => attempt)).toEqual(['inspect.3-2']);
  });

  test('a new leader waits for the attempts of its predecessor, takes them over, and gives out the rest', () => {
    const durable = emptyState();
    evolve(durable, { type: 'job-submitted', job, atMs: 1, request: request(miniature) });
    evolve(durable, { type: 'leader-elected', epoch: 4, atMs: 1, host: 'h' });
    state = startState(durable, 'memory:', nowMs);
    expect(assigned(open(1, 'w1').commands)).toEqual([]);
    open(2, 'w2', 'w2', ['inspect.3-1']);
    nowMs = nextWakeMs(state, nowMs);
    expect(nowMs).toBe(1000 + limits.recoveryMs);
    expect(assigned(tell({ type: 'tick' }).commands)).toEqual([]);
    expect(typesOf(report(2, 'inspect.3-1', inspected('inspect.3-1')).records)).toEqual(['task-won']);
  });

  test('jobs take turns', () => {
    const other = 'job000000002' as JobId;
    tell({ type: 'submit', call: 2, job: other, request: request(miniature) });
    expect(assigned(open(2, 'w2').commands).map((assignment) => assignment.job)).toEqual([other]);
  });
});
