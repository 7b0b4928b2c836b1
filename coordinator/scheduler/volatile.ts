/** What a leader knows and the journal does not: sessions, leases, running attempts. A successor starts without it. */
import type { AttemptId, JobId, WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { S3Server } from '../../shared/protocol.js';
import { newBoard, type JobBoard, type RunningAttempt } from './board.js';
import { deadlineAtMs } from './deadline.js';
import { effectName, pendingEffects } from './effects.js';
import type { SessionNumber } from './events.js';
import { Exclusions } from './exclusion.js';
import { privateRetention, type Retention } from './retention.js';
import { isEnded, needsNoAttempt, type DurableState, type Job } from './state.js';
import { isActive } from './transition.js';
import { nextTellingMs } from './waiting.js';

export interface WorkerSession {
  readonly worker: WorkerId;
  readonly incarnation: string;
  readonly host: string;
  /** Undefined while its stream is broken; it may re-attach until its lease is dead. */
  session: SessionNumber | undefined;
  lastSeenMs: number;
  readonly slots: number;
  /** Free slots whose executor is not up yet: only an inspection goes there, which has no pace to be measured. */
  startingSlots: number;
  draining: boolean;
  readonly running: Map<string, RunningAttempt>;
}

/** How long a worker may be silent. Liveness only: nothing is right or wrong by a clock. */
export interface Leases {
  readonly renewMs: number;
  readonly suspectMs: number;
  readonly deadMs: number;
}

/** Leases as short or long as their deaths, in the proportions of the defaults. */
export function leasesOf(deadMs: number = limits.leaseDeadMs): Leases {
  const share = deadMs / limits.leaseDeadMs;
  return { renewMs: limits.leaseRenewMs * share, suspectMs: limits.leaseSuspectMs * share, deadMs };
}

export interface VolatileState {
  readonly epoch: number;
  readonly leases: Leases;
  /** Where workers find everything else. */
  readonly storeUri: string;
  /** For workers that name no S3 server of their own. */
  readonly s3: S3Server | undefined;
  /** Workers of the predecessor that have not come back; undefined: nobody knows who they are. */
  readonly awaited: Set<WorkerId> | undefined;
  /** Until then, work of predecessors is not given out again: its workers may come back with it. */
  recoverUntilMs: number;
  /** Jobs that a predecessor worked on. */
  readonly inherited: Set<JobId>;
  readonly workers: Map<WorkerId, WorkerSession>;
  readonly bySession: Map<SessionNumber, WorkerSession>;
  /** In submission order: jobs with tasks, and ended ones with attempts still running. */
  readonly boards: Map<JobId, JobBoard>;
  readonly retention: Retention;
  readonly startedMs: number;
  /** When jobs are looked at next whose time may be over. */
  nextUpkeepMs: number;
  /** Slot time over weight that the job had which was served last: where jobs that were idle start from. */
  servedMs: number;
  /** Workers that are excluded for all jobs. */
  readonly exclusions: Exclusions;
}

export interface SchedulerState {
  readonly durable: DurableState;
  readonly volatile: VolatileState;
}

/** What the coordinator is configured with. */
export interface Terms {
  readonly leases: Leases;
  readonly retention: Retention;
  readonly s3: S3Server | undefined;
}

export interface Start extends Partial<Terms> {
  /** The workers that were with the predecessor; absent: nobody knows. */
  readonly awaited?: Iterable<WorkerId> | undefined;
}

/** The state of a leader that has just replayed the journal. */
export function startState(
  durable: DurableState,
  storeUri: string,
  nowMs: number,
  { leases = leasesOf(), retention = privateRetention, s3, awaited: listed }: Start = {},
): SchedulerState {
  const awaited = listed && new Set(listed);
  const volatile: VolatileState = {
    epoch: durable.epoch,
    leases,
    storeUri,
    s3,
    awaited,
    recoverUntilMs: awaited?.size === 0 ? nowMs : nowMs + limits.recoveryMs,
    inherited: new Set(),
    workers: new Map(),
    bySession: new Map(),
    boards: new Map(),
    retention,
    startedMs: nowMs,
    nextUpkeepMs: retention.jobs ? nowMs : Infinity,
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

/** Of the workers that are connected. */
export function slotsOf({ workers }: VolatileState): number {
  let slots = 0;
  for (const worker of workers.values()) if (worker.session !== undefined) slots += worker.slots;
  return slots;
}

/** A worker of the predecessor is here, in whatever incarnation. After the last one there is nothing to wait for. */
export function cameBack(volatile: VolatileState, worker: WorkerId, nowMs: number): void {
  if (!volatile.awaited?.delete(worker) || volatile.awaited.size > 0) return;
  volatile.recoverUntilMs = Math.min(volatile.recoverUntilMs, nowMs);
}

/** Silent for a while: it keeps what it has and is given no more. */
export function isSuspect({ leases }: VolatileState, worker: WorkerSession, nowMs: number): boolean {
  return worker.lastSeenMs + leases.suspectMs <= nowMs;
}

/**
 * True when the effects of the job may start. What cleans up waits for attempts that are still running, or that may be
 * running at workers that have not come back yet: they would leave something behind.
 */
export function mayTakeEffect(state: SchedulerState, job: Job, nowMs: number): boolean {
  if (!needsNoAttempt(job)) return true;
  if (isHeldBack(state, job, nowMs)) return false;
  const running = isEnded(job) ? state.volatile.boards.has(job.id) : state.volatile.boards.get(job.id)?.running.size;
  return !running && !isRecovering(state.volatile, job.id, nowMs);
}

/** True while what is left to clean up of the job is kept on purpose. */
export function isHeldBack({ volatile }: SchedulerState, job: Job, nowMs: number): boolean {
  const { jobs } = volatile.retention;
  if (!jobs || !isEnded(job)) return false;
  // A leader does not know of code that was uploaded to its predecessor and not yet submitted.
  if (job.state === 'archived') return nowMs < volatile.startedMs + jobs.uploadGraceMs;
  const isKept = job.state === 'failed' || job.state === 'partial_success';
  return isKept && pendingEffects(job).some((effect) => effectName(effect) === 'shuffle-swept');
}

/** When `tick` is due next, unless something else happens before. */
export function nextWakeMs({ durable, volatile }: SchedulerState, nowMs: number, wallMs = 0): number {
  const recoveredMs =
    volatile.inherited.size > 0 && nowMs < volatile.recoverUntilMs ? volatile.recoverUntilMs : Infinity;
  let soonest = Math.min(recoveredMs, volatile.nextUpkeepMs);
  for (const worker of volatile.workers.values()) {
    soonest = Math.min(soonest, worker.lastSeenMs + volatile.leases.deadMs);
    for (const attempt of worker.running.values()) {
      if (attempt.cancelledMs !== undefined) soonest = Math.min(soonest, attempt.cancelledMs + volatile.leases.deadMs);
    }
  }
  for (const board of volatile.boards.values()) {
    const job = durable.jobs.get(board.job);
    const deadlineMs = job && deadlineAtMs(job);
    // In steps: the wall clock may be set while the other one runs.
    if (deadlineMs !== undefined) soonest = Math.min(soonest, nowMs + Math.min(deadlineMs - wallMs, limits.upkeepMs));
    if (board.trials.hasFailures) soonest = Math.min(soonest, board.trials.nextMs(nowMs));
    for (const stage of board.stages.values()) {
      soonest = Math.min(soonest, stage.nextRetryMs(nowMs), stage.nextLookMs(nowMs));
    }
  }
  return Math.min(soonest, volatile.exclusions.nextMs(nowMs), nextTellingMs(volatile, nowMs));
}
