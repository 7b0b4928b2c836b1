/** What a leader knows and the journal does not: sessions, leases, running attempts. A successor starts without it. */
import type { AttemptId, JobId, WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { newBoard, type JobBoard, type RunningAttempt } from './board.js';
import { pendingEffects } from './effects.js';
import type { SessionNumber } from './events.js';
import { Exclusions } from './exclusion.js';
import { isEnded, type DurableState, type Job } from './state.js';
import { isActive } from './transition.js';
import { nextTellingMs } from './waiting.js';

export interface WorkerSession {
  readonly worker: WorkerId;
  readonly incarnation: string;
  /** Undefined while its stream is broken; it may re-attach until its lease is dead. */
  session: SessionNumber | undefined;
  lastSeenMs: number;
  readonly slots: number;
  draining: boolean;
  readonly running: Map<string, RunningAttempt>;
}

export interface VolatileState {
  readonly epoch: number;
  /** Where workers find everything else. */
  readonly storeUri: string;
  /** Until then, work of predecessors is not given out again: its workers may come back with it. */
  readonly recoverUntilMs: number;
  /** Jobs that a predecessor worked on. */
  readonly inherited: Set<JobId>;
  readonly workers: Map<WorkerId, WorkerSession>;
  readonly bySession: Map<SessionNumber, WorkerSession>;
  /** In submission order: jobs with tasks, and ended ones with attempts still running. */
  readonly boards: Map<JobId, JobBoard>;
  /** Slot time over weight that the job had which was served last: where jobs that were idle start from. */
  servedMs: number;
  /** Workers that are excluded for all jobs. */
  readonly exclusions: Exclusions;
}

export interface SchedulerState {
  readonly durable: DurableState;
  readonly volatile: VolatileState;
}

/** The state of a leader that has just replayed the journal. */
export function startState(durable: DurableState, storeUri: string, nowMs: number): SchedulerState {
  const volatile: VolatileState = {
    epoch: durable.epoch,
    storeUri,
    recoverUntilMs: nowMs + limits.leaseSuspectMs,
    inherited: new Set(),
    workers: new Map(),
    bySession: new Map(),
    boards: new Map(),
    servedMs: 0,
    exclusions: new Exclusions(),
  };
  for (const job of durable.jobs.values()) {
    if (isActive(job.state)) openBoard(volatile, job.id, job.request.weight);
    if (isActive(job.state) || pendingEffects(job).length > 0) volatile.inherited.add(job.id);
  }
  return { durable, volatile };
}

export function openBoard(volatile: VolatileState, job: JobId, weight = 1): JobBoard {
  let board = volatile.boards.get(job);
  if (!board) {
    board = newBoard(job, weight);
    volatile.boards.set(job, board);
  }
  return board;
}

export function runningKey(job: JobId, attempt: AttemptId): string {
  return `${job}/${attempt}`;
}

export function isRecovering(volatile: VolatileState, job: JobId, nowMs: number): boolean {
  return volatile.inherited.has(job) && nowMs < volatile.recoverUntilMs;
}

/**
 * True when the effects of the job may start. What cleans up waits for attempts that are still running, or that may be
 * running at workers that have not come back yet: they would leave something behind.
 */
export function mayTakeEffect(state: SchedulerState, job: Job, nowMs: number): boolean {
  if (!isEnded(job)) return true;
  return !state.volatile.boards.has(job.id) && !isRecovering(state.volatile, job.id, nowMs);
}

/** When `tick` is due next, unless something else happens before. */
export function nextWakeMs({ volatile }: SchedulerState, nowMs: number): number {
  let soonest = volatile.inherited.size > 0 && nowMs < volatile.recoverUntilMs ? volatile.recoverUntilMs : Infinity;
  for (const worker of volatile.workers.values()) {
    soonest = Math.min(soonest, worker.lastSeenMs + limits.leaseDeadMs);
    for (const attempt of worker.running.values()) {
      if (attempt.cancelledMs !== undefined) soonest = Math.min(soonest, attempt.cancelledMs + limits.leaseDeadMs);
    }
  }
  for (const board of volatile.boards.values()) {
    for (const stage of board.stages.values()) {
      soonest = Math.min(soonest, stage.nextRetryMs(nowMs), stage.nextLookMs(nowMs));
    }
  }
  return Math.min(soonest, volatile.exclusions.nextMs(nowMs), nextTellingMs(volatile, nowMs));
}
