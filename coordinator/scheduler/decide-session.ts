/**
 * Workers come, break their stream, come back and die. A broken stream is not a dead worker: only an expired lease, or
 * another incarnation under the same name, is death, and then the running attempts alone are given out again.
 */
import { attemptParts, type JobId } from '../../shared/ids.js';
import { PROTOCOL_VERSION } from '../../shared/limits.js';
import type { AttemptRef, Registration } from '../../shared/protocol.js';
import { mayGoOn, stageOf, type RunningAttempt } from './board.js';
import type { Command, Decision, Now, SchedulerEvent, SessionNumber } from './events.js';
import type { JournalRecord } from './records.js';
import { isEnded, needsNoAttempt } from './state.js';
import { openBoard, runningKey, type SchedulerState, type WorkerSession } from './volatile.js';

type Opened = Extract<SchedulerEvent, { readonly type: 'session-opened' }>;
type Closed = Extract<SchedulerEvent, { readonly type: 'session-closed' }>;

export function decideSessionOpened(state: SchedulerState, { session, registration }: Opened, now: Now): Decision {
  const { workers, bySession, epoch, storeUri, leases } = state.volatile;
  const commands: Command[] = [];
  const before = workers.get(registration.worker);
  if (before?.session !== undefined) {
    bySession.delete(before.session);
    commands.push({ type: 'close-session', session: before.session });
  }
  if (before && before.incarnation !== registration.incarnation) bury(state, before);
  const worker = attach(state, session, registration, now);
  workers.set(worker.worker, worker);
  bySession.set(session, worker);
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
      },
    },
  });
  const { cancel, records } = reconcile(state, worker, registration, now);
  if (cancel.length > 0) commands.push({ type: 'send', session, message: { cancel } });
  return { records, commands };
}

function attach(state: SchedulerState, session: SessionNumber, registration: Registration, now: Now): WorkerSession {
  const before = state.volatile.workers.get(registration.worker);
  const { worker, incarnation, slots } = registration;
  const running = before?.incarnation === incarnation ? before.running : new Map<string, RunningAttempt>();
  return { worker, incarnation, session, lastSeenMs: now.monotonicMs, slots, draining: false, running };
}

interface Reconciled {
  /** The attempts that the worker is to end. */
  readonly cancel: readonly AttemptRef[];
  readonly records: readonly JournalRecord[];
}

/** Compares what the worker runs with what it was given. */
function reconcile(state: SchedulerState, worker: WorkerSession, { running }: Registration, now: Now): Reconciled {
  const reopened = new Map<JobId, JournalRecord>();
  const held = new Set(running.map(({ job, attempt }) => runningKey(job, attempt)));
  for (const [key, attempt] of [...worker.running]) if (!held.has(key)) giveBack(state, worker, attempt);
  const cancel = running.filter((ref) => {
    const known = worker.running.get(runningKey(ref.job, ref.attempt));
    if (known) return known.cancelledMs !== undefined;
    const job = state.durable.jobs.get(ref.job);
    if (job && isEnded(job) && job.steps.has('shuffle-swept')) {
      reopened.set(job.id, { type: 'sweep-reopened', job: job.id, atMs: now.wallMs, attempt: ref.attempt });
    }
    return !adopt(state, worker, ref, now);
  });
  return { cancel, records: [...reopened.values()] };
}

/** Takes over an attempt of an earlier epoch whose task this leader has not given out yet. False: it is to be ended. */
function adopt(state: SchedulerState, worker: WorkerSession, ref: AttemptRef, now: Now): boolean {
  const { durable, volatile } = state;
  const job = durable.jobs.get(ref.job);
  if (!job) return false;
  const { kind, index, epoch } = attemptParts(ref.attempt);
  const known = { ...ref, kind, index, worker: worker.worker, records: 0, bytes: 0 };
  if (needsNoAttempt(job)) {
    keep(state, worker, { ...known, cancelledMs: now.monotonicMs });
    return false;
  }
  const isOurs = epoch < volatile.epoch && !job.failedAttempts.has(ref.attempt) && mayGoOn(job, kind);
  if (!isOurs) return false;
  const stage = stageOf(openBoard(volatile, job.id), job, kind);
  if (!stage.isUntouched(index)) return false;
  stage.markRunning(index);
  keep(state, worker, { ...known, cancelledMs: undefined });
  return true;
}

function keep({ volatile }: SchedulerState, worker: WorkerSession, attempt: RunningAttempt): void {
  worker.running.set(runningKey(attempt.job, attempt.attempt), attempt);
  openBoard(volatile, attempt.job).running.set(attempt.attempt, attempt);
}

/** The attempt is over, without a result; a task that still counts on it may start again. */
export function giveBack({ durable, volatile }: SchedulerState, worker: WorkerSession, attempt: RunningAttempt): void {
  worker.running.delete(runningKey(attempt.job, attempt.attempt));
  const board = volatile.boards.get(attempt.job);
  const job = durable.jobs.get(attempt.job);
  board?.running.delete(attempt.attempt);
  if (!board || !job || isEnded(job) || attempt.cancelledMs !== undefined) return;
  stageOf(board, job, attempt.kind).markWaiting(attempt.index);
}

function bury(state: SchedulerState, worker: WorkerSession): void {
  for (const attempt of [...worker.running.values()]) giveBack(state, worker, attempt);
  state.volatile.workers.delete(worker.worker);
  if (worker.session !== undefined) state.volatile.bySession.delete(worker.session);
}

export function decideSessionClosed(state: SchedulerState, { session }: Closed): Decision {
  const worker = state.volatile.bySession.get(session);
  if (worker) {
    state.volatile.bySession.delete(session);
    worker.session = undefined;
    if (worker.running.size === 0) bury(state, worker);
  }
  return { records: [], commands: [] };
}

/** Leases that have expired, and attempts whose end was ordered long ago and never told. */
export function decideTick(state: SchedulerState, now: Now): Decision {
  const commands: Command[] = [];
  const deadBeforeMs = now.monotonicMs - state.volatile.leases.deadMs;
  for (const worker of [...state.volatile.workers.values()]) {
    if (worker.lastSeenMs <= deadBeforeMs) {
      if (worker.session !== undefined) commands.push({ type: 'close-session', session: worker.session });
      bury(state, worker);
      continue;
    }
    for (const attempt of [...worker.running.values()]) {
      if (attempt.cancelledMs !== undefined && attempt.cancelledMs <= deadBeforeMs) giveBack(state, worker, attempt);
    }
  }
  return { records: [], commands };
}
