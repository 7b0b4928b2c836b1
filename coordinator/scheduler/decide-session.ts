/**
 * Workers come, break their stream, come back and die. A broken stream is not a dead worker: only an expired lease, or
 * another incarnation under the same name, is death, and then the running attempts alone are given out again.
 */
import { attemptParts } from '../../shared/ids.js';
import type { Failure } from '../../shared/errors.js';
import { failureOf, GristmillError } from '../../shared/errors.js';
import { PROTOCOL_VERSION } from '../../shared/limits.js';
import type { AttemptRef, Registration, RunningRef } from '../../shared/protocol.js';
import { mayGoOn, newAttempt, siblingOf, stageOf, startAgain, type RunningAttempt } from './board.js';
import type { Command, Decision, Now, SchedulerEvent, SessionNumber } from './events.js';
import { endedByMachines } from './end-of-task.js';
import { sweepAgain } from './late-sweep.js';
import { held, released } from './placement.js';
import type { JournalRecord } from './records.js';
import { needsNoAttempt } from './state.js';
import { cameBack, isSuspect, openBoard, runningKey, type SchedulerState, type WorkerSession } from './volatile.js';

type Opened = Extract<SchedulerEvent, { readonly type: 'session-opened' }>;
type Closed = Extract<SchedulerEvent, { readonly type: 'session-closed' }>;

export function decideSessionOpened(state: SchedulerState, { session, registration }: Opened, now: Now): Decision {
  const { workers, bySession, epoch, storeUri, s3, leases } = state.volatile;
  const commands: Command[] = [];
  const records: JournalRecord[] = [];
  const before = workers.get(registration.worker);
  if (before && isTaken(state, before, registration, now)) {
    return { records, commands: [{ type: 'close-session', session, refusal: nameTaken(before) }] };
  }
  if (before?.session !== undefined) {
    bySession.delete(before.session);
    commands.push({ type: 'close-session', session: before.session });
  }
  if (before && before.incarnation !== registration.incarnation) records.push(...bury(state, before, now));
  const worker = attach(state, session, registration, now);
  workers.set(worker.worker, worker);
  bySession.set(session, worker);
  cameBack(state.volatile, worker.worker, now.monotonicMs);
  commands.push({
    type: 'send',
    session,
    message: {
      registered: {
        protocolVersion: PROTOCOL_VERSION,
        epoch,
        storeUri,
        leaseRenewMs: Math.ceil(leases.renewMs),
        leaseDeadMs: leases.deadMs,
        ...(s3 && { s3 }),
      },
    },
  });
  const { cancel, records: reopened } = reconcile(state, worker, registration, now);
  records.push(...reopened);
  if (cancel.length > 0) commands.push({ type: 'send', session, message: { cancel } });
  return { records, commands };
}

/**
 * Two workers of one name would displace each other for ever, so the second is refused, until the first has been silent for a while:
 * it may be frozen, or its host gone, and its successor has its name.
 */
function isTaken(
  { volatile }: SchedulerState,
  before: WorkerSession,
  { incarnation }: Registration,
  now: Now,
): boolean {
  const isAnother = before.session !== undefined && before.incarnation !== incarnation;
  return isAnother && !isSuspect(volatile, before, now.monotonicMs);
}

function nameTaken({ worker, host }: WorkerSession): GristmillError {
  const message = `a worker named ${worker} is with it already, on host ${host}`;
  const hint = 'give each worker a name of its own by --worker, or none, and it finds one itself';
  return new GristmillError('worker-name-taken', `${message}\nhint: ${hint}`);
}

function attach(state: SchedulerState, session: SessionNumber, registration: Registration, now: Now): WorkerSession {
  const before = state.volatile.workers.get(registration.worker);
  const { worker, incarnation, host, slots, startingSlots = 0 } = registration;
  const running = before?.incarnation === incarnation ? before.running : new Map<string, RunningAttempt>();
  const seen = { session, lastSeenMs: now.monotonicMs, draining: false };
  return { worker, incarnation, host, slots, startingSlots, ...seen, running };
}

interface Reconciled {
  /** The attempts that the worker is to end. */
  readonly cancel: readonly AttemptRef[];
  readonly records: readonly JournalRecord[];
}

/** Compares what the worker runs with what it was given. */
function reconcile(state: SchedulerState, worker: WorkerSession, { running }: Registration, now: Now): Reconciled {
  const records: JournalRecord[] = [];
  const held = new Set(running.map(({ job, attempt }) => runningKey(job, attempt)));
  for (const [key, attempt] of [...worker.running]) {
    if (!held.has(key)) records.push(...giveBack(state, worker, attempt, now));
  }
  const cancel = running.filter((ref) => {
    const known = worker.running.get(runningKey(ref.job, ref.attempt));
    if (known) return known.cancelledMs !== undefined;
    if (adopt(state, worker, ref, now)) return false;
    const job = state.durable.jobs.get(ref.job);
    const isReopened = records.some((record) => record.type === 'sweep-reopened' && record.job === ref.job);
    if (job && !isReopened) records.push(...sweepAgain(job, ref.attempt, now));
    return true;
  });
  return { cancel, records };
}

/**
 * Takes over an attempt of an earlier epoch whose task this leader has not given out yet. False: it is to be ended, and
 * until it is, what cleans up waits for it; of two attempts of a task the second one to come back is such.
 */
function adopt(state: SchedulerState, worker: WorkerSession, ref: RunningRef, now: Now): boolean {
  const { durable, volatile } = state;
  const job = durable.jobs.get(ref.job);
  if (!job) return false;
  const { kind, index, epoch } = attemptParts(ref.attempt);
  const slots = Math.min(ref.slots ?? 1, Math.max(1, worker.slots));
  const known = newAttempt({ ...ref, kind, index, worker: worker.worker, slots }, now.monotonicMs);
  const isOfPredecessor = epoch < volatile.epoch && !job.failedAttempts.has(ref.attempt);
  if (isOfPredecessor && !needsNoAttempt(job) && mayGoOn(job, kind)) {
    const stage = stageOf(openBoard(volatile, job.id, job.request.weight), job, kind);
    if (stage.isUntouched(index)) {
      stage.markRunning(index);
      keep(state, worker, known);
      return true;
    }
  }
  keep(state, worker, { ...known, cancelledMs: now.monotonicMs });
  return false;
}

function keep({ volatile }: SchedulerState, worker: WorkerSession, attempt: RunningAttempt): void {
  worker.running.set(runningKey(attempt.job, attempt.attempt), attempt);
  held(volatile, openBoard(volatile, attempt.job), attempt);
}

/** The attempt is over, without a result; a task that still counts on it may start again. */
function giveBack(
  state: SchedulerState,
  worker: WorkerSession,
  attempt: RunningAttempt,
  now: Now,
): readonly JournalRecord[] {
  const { durable, volatile } = state;
  worker.running.delete(runningKey(attempt.job, attempt.attempt));
  const board = volatile.boards.get(attempt.job);
  const job = durable.jobs.get(attempt.job);
  if (board) released(board, attempt, now.monotonicMs);
  if (!board || !job) return [];
  if (needsNoAttempt(job) || attempt.cancelledMs !== undefined) return sweepAgain(job, attempt.attempt, now);
  startAgain(job, board, attempt, now.monotonicMs);
  return [];
}

/** A dead worker: its running attempts are lost, and nothing else. What it finished is in the store. */
function bury(
  state: SchedulerState,
  worker: WorkerSession,
  now: Now,
  before: readonly JournalRecord[] = [],
): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  for (const attempt of [...worker.running.values()]) {
    records.push(...lost(state, worker, attempt, [...before, ...records], now));
    records.push(...giveBack(state, worker, attempt, now));
  }
  state.volatile.workers.delete(worker.worker);
  if (worker.session !== undefined) state.volatile.bySession.delete(worker.session);
  for (const { stages } of state.volatile.boards.values()) {
    for (const stage of stages.values()) stage.forget(worker.worker);
  }
  return records;
}

/** A lost attempt that counted is told, and its late report is void for every later leader too. */
function lost(
  { durable, volatile }: SchedulerState,
  { worker }: WorkerSession,
  running: RunningAttempt,
  before: readonly JournalRecord[],
  now: Now,
): readonly JournalRecord[] {
  const job = durable.jobs.get(running.job);
  const board = volatile.boards.get(running.job);
  if (!job || !board || needsNoAttempt(job) || running.cancelledMs !== undefined) return [];
  // The job ends with the first task that has met too many.
  if (before.some((record) => record.type === 'job-moved' && record.job === job.id)) return [];
  const { attempt, slots, startedMs } = running;
  const failure = lostWith(worker, attempt);
  const elapsedMs = Math.round(now.monotonicMs - startedMs);
  const ending = siblingOf(board, running) ? undefined : endedByMachines(job, attempt, failure, now);
  const record = {
    type: 'attempt-failed',
    job: job.id,
    atMs: now.wallMs,
    attempt,
    worker,
    elapsedMs,
    failure,
    ...(slots > 1 && { slots }),
  } as const;
  return [record, ...(ending ? [ending] : [])];
}

function lostWith(worker: string, attempt: string): Failure {
  const message = 'the worker that ran the attempt died, or was not heard of for the time of its lease';
  return failureOf(new GristmillError('worker-lost', message, { context: { worker, attempt } }));
}

export function decideSessionClosed(state: SchedulerState, { session }: Closed, now: Now): Decision {
  const worker = state.volatile.bySession.get(session);
  if (worker) {
    state.volatile.bySession.delete(session);
    worker.session = undefined;
    if (worker.running.size === 0) bury(state, worker, now);
  }
  return { records: [], commands: [] };
}

/** Leases that have expired, and attempts whose end was ordered long ago and never told. */
export function decideTick(state: SchedulerState, now: Now): Decision {
  const commands: Command[] = [];
  const records: JournalRecord[] = [];
  const deadBeforeMs = now.monotonicMs - state.volatile.leases.deadMs;
  for (const worker of [...state.volatile.workers.values()]) {
    if (worker.lastSeenMs <= deadBeforeMs) {
      if (worker.session !== undefined) commands.push({ type: 'close-session', session: worker.session });
      records.push(...bury(state, worker, now, records));
      continue;
    }
    for (const attempt of [...worker.running.values()]) {
      if (attempt.cancelledMs !== undefined && attempt.cancelledMs <= deadBeforeMs)
        records.push(...giveBack(state, worker, attempt, now));
    }
  }
  return { records, commands };
}
