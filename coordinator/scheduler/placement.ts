/**
 * Which task goes to which free slot. The job with the fewest running slots for its weight comes first, as long as it has
 * something for that worker: a task, or, late in a stage, a backup of a slow attempt. Among equals the one that has had less
 * slot time for its weight comes first, so that shares are kept even where there is but one slot.
 */
import { taskId, type TaskId, type WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { backupFor } from './backup.js';
import { openKind, stageOf, type JobBoard, type Place, type RunningAttempt, type StageBoard } from './board.js';
import { isPresent, mayRetry, mayWork } from './eligibility.js';
import type { Now } from './events.js';
import { groupSize } from './neighbours.js';
import { isEnded, workOf, type Job } from './state.js';
import { freeSlots, holderOf, mayStartOutgrown, slotsWanted } from './two-slots.js';
import { isRecovering, slotsOf, type SchedulerState, type VolatileState, type WorkerSession } from './volatile.js';

export type Offer =
  /** The job has waited for this slot: it begins. */
  | { readonly kind: 'begin'; readonly job: Job; readonly board: JobBoard }
  /** The slot is held for a task of the job that wants another one beside it. */
  | { readonly kind: 'hold'; readonly board: JobBoard; readonly stage: StageBoard; readonly index: number }
  | {
      readonly kind: 'task';
      readonly job: Job;
      readonly board: JobBoard;
      readonly stage: StageBoard;
      readonly index: number;
      /** The slow attempt that a backup is to stand beside. */
      readonly beside: RunningAttempt | undefined;
    };

export function hasFreeSlot(volatile: VolatileState, worker: WorkerSession, nowMs: number): boolean {
  return freeSlots(worker) > 0 && isPresent(volatile, worker, nowMs);
}

/** True when one of its free slots has an executor that is up. */
export function hasReadySlot(worker: WorkerSession): boolean {
  return freeSlots(worker) > worker.startingSlots;
}

/** What the worker's free slot is to be used for. */
export function offerFor(state: SchedulerState, worker: WorkerSession, now: Now): Offer | undefined {
  const { volatile, durable } = state;
  const holder = holderOf({ volatile, jobs: durable.jobs }, worker, now.monotonicMs);
  if (holder) return heldOffer(holder, worker);
  let best: Offer | undefined;
  for (const board of volatile.boards.values()) {
    const job = durable.jobs.get(board.job);
    if (!job || isEnded(job) || isRecovering(volatile, job.id, now.monotonicMs)) continue;
    if (best && !comesBefore(volatile, board, best.board, now.monotonicMs)) continue;
    best = offerOf(volatile, job, board, worker, now.monotonicMs) ?? best;
  }
  return best;
}

/** A slot that is held is given to nobody, until there are enough for whom it is held. */
function heldOffer(
  { job, board, hold }: NonNullable<ReturnType<typeof holderOf>>,
  worker: WorkerSession,
): Offer | undefined {
  const { kind, index } = hold;
  const isReady = kind === 'inspect' || hasReadySlot(worker);
  if (!isReady || freeSlots(worker) < limits.outgrownSlots) return undefined;
  return { kind: 'task', job, board, stage: stageOf(board, job, kind), index, beside: undefined };
}

/**
 * The one that would have no more slots for its weight than the other even with this one. Where one slot makes the
 * difference, slot time decides, so that shares come out right over time; then the order of submission.
 */
function comesBefore(volatile: VolatileState, a: JobBoard, b: JobBoard, nowMs: number): boolean {
  if (wouldNotExceed(a, b)) return true;
  if (wouldNotExceed(b, a)) return false;
  return usedMs(volatile, a, nowMs) < usedMs(volatile, b, nowMs);
}

function wouldNotExceed(a: JobBoard, b: JobBoard): boolean {
  return (a.used.slots + 1) * b.weight <= b.used.slots * a.weight;
}

/** Slot time over weight. A job that had nothing to run meanwhile does not catch up on what others had. */
function usedMs({ servedMs }: VolatileState, board: JobBoard, nowMs: number): number {
  const { used } = board;
  if (used.slots === 0) return Math.max(servedMs, used.ms);
  return used.ms + (used.slots * nowMs - used.startedMs) / board.weight;
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
  // A task that waited for its executor would seem slow, and others are up sooner.
  if (kind !== 'inspect' && !hasReadySlot(worker)) return undefined;
  if (kind === undefined) return { kind: 'begin', job, board };
  const stage = stageOf(board, job, kind);
  const task = (index: number): TaskId => taskId(kind, index);
  if (kind === 'reduce') stage.group(() => groupSize(workOf(job), slotsOf(volatile)));
  let held: number | undefined;
  const index = stage.runnable(placeOf(volatile, board, stage, worker), nowMs, (retried, dueMs) => {
    const slots = slotsWanted(stage, retried, worker);
    if (!mayRetry(volatile, board, { worker, slots }, task(retried), nowMs - dueMs, nowMs)) return false;
    if (!stage.hasOutgrown(retried)) return true;
    const may = mayStartOutgrown(volatile, job, board, worker, nowMs);
    if (may === 'hold') held ??= retried;
    return may === 'start';
  });
  if (held !== undefined) return { kind: 'hold', board, stage, index: held };
  if (index !== undefined) return { kind: 'task', job, board, stage, index, beside: undefined };
  const beside = backupFor(volatile, job, board, stage, worker, nowMs);
  return beside && { kind: 'task', job, board, stage, index: beside.index, beside };
}

function placeOf(
  volatile: VolatileState,
  board: JobBoard,
  { kind }: StageBoard,
  { worker, running }: WorkerSession,
): Place {
  const indexes: number[] = [];
  for (const attempt of running.values()) {
    if (attempt.job === board.job && attempt.kind === kind) indexes.push(attempt.index);
  }
  return { worker, running: indexes, isHere: isHere(volatile) };
}

/** Workers that are not dead, and not on their way out. */
export function isHere({ workers }: VolatileState): (worker: WorkerId) => boolean {
  return (worker) => workers.get(worker)?.draining === false;
}

/** An attempt takes a slot, and with it moves on the time from which jobs start that were idle. */
export function held(volatile: VolatileState, board: JobBoard, attempt: RunningAttempt): void {
  const { startedMs } = attempt;
  const ms = usedMs(volatile, board, startedMs);
  if (board.used.slots === 0) board.used.ms = ms;
  volatile.servedMs = Math.max(volatile.servedMs, leastUsedMs(volatile, ms, startedMs));
  board.running.set(attempt.attempt, attempt);
  board.used.slots += attempt.slots;
  board.used.startedMs += attempt.slots * startedMs;
}

function leastUsedMs(volatile: VolatileState, ms: number, nowMs: number): number {
  let least = ms;
  for (const { used, weight } of volatile.boards.values()) {
    if (used.slots > 0) least = Math.min(least, used.ms + (used.slots * nowMs - used.startedMs) / weight);
  }
  return least;
}

/** An attempt has its slots no longer. */
export function released(board: JobBoard, { attempt, slots, startedMs }: RunningAttempt, nowMs: number): void {
  if (!board.running.delete(attempt)) return;
  board.used.slots -= slots;
  board.used.startedMs -= slots * startedMs;
  board.used.ms += (slots * (nowMs - startedMs)) / board.weight;
}
