/**
 * Which task goes to which free slot. The job with the fewest running slots for its weight comes first, as long as it has
 * something for that worker: a task, or, late in a stage, a backup of a slow attempt. Among equals the one that has had less
 * slot time for its weight comes first, so that shares are kept even where there is but one slot.
 */
import { taskId, type TaskId } from '../../shared/ids.js';
import { backupFor } from './backup.js';
import { openKind, stageOf, type JobBoard, type RunningAttempt, type StageBoard } from './board.js';
import { isPresent, mayRetry, mayWork } from './eligibility.js';
import type { Now } from './events.js';
import { isEnded, type Job } from './state.js';
import { isRecovering, type SchedulerState, type VolatileState, type WorkerSession } from './volatile.js';

export type Offer =
  /** The job has waited for this slot: it begins. */
  | { readonly kind: 'begin'; readonly job: Job; readonly board: JobBoard }
  | {
      readonly kind: 'task';
      readonly job: Job;
      readonly board: JobBoard;
      readonly stage: StageBoard;
      readonly index: number;
      /** The slow attempt that a backup is to stand beside. */
      readonly beside: RunningAttempt | undefined;
    };

export function weightOf(job: Job): number {
  return job.request.weight ?? 1;
}

export function hasFreeSlot(worker: WorkerSession, nowMs: number): boolean {
  return worker.running.size < worker.slots && isPresent(worker, nowMs);
}

/** What the worker's free slot is to be used for. */
export function offerFor(state: SchedulerState, worker: WorkerSession, now: Now): Offer | undefined {
  const { volatile, durable } = state;
  let best: Offer | undefined;
  for (const board of volatile.boards.values()) {
    const job = durable.jobs.get(board.job);
    if (!job || isEnded(job) || isRecovering(volatile, job.id, now.monotonicMs)) continue;
    if (best && !comesBefore(volatile, { job, board }, best)) continue;
    best = offerOf(volatile, job, board, worker, now.monotonicMs) ?? best;
  }
  return best;
}

type Contender = Pick<Offer, 'job' | 'board'>;

/** Jobs that are equal in both come in the order of their submission. */
function comesBefore(volatile: VolatileState, a: Contender, b: Contender): boolean {
  const load = a.board.running.size * weightOf(b.job) - b.board.running.size * weightOf(a.job);
  return load === 0 ? usedMs(volatile, a.board) < usedMs(volatile, b.board) : load < 0;
}

/** A job that had nothing to run meanwhile does not catch up on what others had. */
function usedMs({ servedMs }: VolatileState, board: JobBoard): number {
  return Math.max(servedMs, board.usedMs);
}

function offerOf(
  volatile: VolatileState,
  job: Job,
  board: JobBoard,
  worker: WorkerSession,
  nowMs: number,
): Offer | undefined {
  const kind = openKind(job);
  if ((kind === undefined && job.state !== 'queued') || !mayWork(volatile, board, worker, nowMs)) return undefined;
  if (kind === undefined) return { kind: 'begin', job, board };
  const stage = stageOf(board, job, kind);
  const task = (index: number): TaskId => taskId(kind, index);
  const index = stage.runnable(nowMs, (retried, dueMs) =>
    mayRetry(volatile, board, worker, task(retried), nowMs - dueMs, nowMs),
  );
  if (index !== undefined) return { kind: 'task', job, board, stage, index, beside: undefined };
  const beside = backupFor(volatile, job, board, stage, worker, nowMs);
  return beside && { kind: 'task', job, board, stage, index: beside.index, beside };
}

/** The job has been served: those that were idle start from where it stands. */
export function served(volatile: VolatileState, board: JobBoard): void {
  board.usedMs = usedMs(volatile, board);
  volatile.servedMs = board.usedMs;
}

/** An attempt holds its slot no longer. */
export function released(board: JobBoard, job: Job | undefined, attempt: RunningAttempt, nowMs: number): void {
  board.running.delete(attempt.attempt);
  board.usedMs += (nowMs - attempt.startedMs) / (job ? weightOf(job) : 1);
}
