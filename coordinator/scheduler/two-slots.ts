/**
 * Two slots of one worker for a task whose executor ran out of memory: the second lies idle, and its memory is the task's.
 *
 * Where slots become free one by one, such a task would never find two. So the first that its job is owed is held for it, and
 * nobody else has that worker's slots until another one of them is free. A job has one slot held at a time, which bounds what
 * lies idle, and while there is a worker with two slots its task waits for one of those: on a single slot it would run out of
 * memory again. Where there is none, any slot will do.
 */
import type { TaskKind, WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { openKind, type JobBoard, type StageBoard } from './board.js';
import { isExcluded, isPresent, mayWork } from './eligibility.js';
import { isEnded, type Job } from './state.js';
import type { VolatileState, WorkerSession } from './volatile.js';

/** A slot of the worker that is free, and is nobody's but this task's. */
export interface Hold {
  readonly worker: WorkerId;
  readonly kind: TaskKind;
  readonly index: number;
  readonly sinceMs: number;
}

/** Slots of the worker that no attempt takes; asked of every worker at every decision. */
export function freeSlots({ running, slots }: WorkerSession): number {
  // Each takes one at least: a worker that is full, as most are, is not looked through.
  let free = slots - running.size;
  if (free > 0) for (const attempt of running.values()) free -= attempt.slots - 1;
  return Math.max(0, free);
}

/** What an attempt of the task takes of this worker: never more than it has. */
export function slotsWanted(stage: StageBoard, index: number, { slots }: WorkerSession): number {
  return stage.hasOutgrown(index) ? Math.min(limits.outgrownSlots, slots) : 1;
}

/** Whether a task that ran out of memory can start on this worker, which has a free slot; `hold`: with one more. */
export function mayStartOutgrown(
  volatile: VolatileState,
  job: Job,
  board: JobBoard,
  worker: WorkerSession,
  nowMs: number,
): 'start' | 'hold' | 'elsewhere' {
  if (worker.slots < limits.outgrownSlots) return hasRoomy(volatile, board, nowMs) ? 'elsewhere' : 'start';
  if (freeSlots(worker) >= limits.outgrownSlots) return 'start';
  const hold = holdOf(volatile, job, board, nowMs);
  // What the worker runs may never end.
  return hold === undefined || nowMs >= hold.sinceMs + limits.slotHoldMs ? 'hold' : 'elsewhere';
}

/** True when a worker that the job may use has slots enough, free or not. */
export function hasRoomy(volatile: VolatileState, board: JobBoard, nowMs: number): boolean {
  for (const worker of volatile.workers.values()) {
    if (worker.slots < limits.outgrownSlots || !isPresent(volatile, worker, nowMs)) continue;
    if (!isExcluded(volatile, board, worker, nowMs)) return true;
  }
  return false;
}

/** The job's hold, as long as there is a use for it: a task that waits, and a worker that may be given it. */
export function holdOf(volatile: VolatileState, job: Job, board: JobBoard, nowMs: number): Hold | undefined {
  const { hold } = board;
  if (!hold) return undefined;
  const worker = volatile.workers.get(hold.worker);
  const isWanted =
    !isEnded(job) && openKind(job) === hold.kind && board.stages.get(hold.kind)?.isDue(hold.index, nowMs);
  const isOfUse = worker && isPresent(volatile, worker, nowMs) && mayWork(volatile, board, worker, nowMs);
  if (!isWanted || !isOfUse) board.hold = undefined;
  return board.hold;
}

/** The job for which the worker's next slots are held. */
export function holderOf(
  { volatile, jobs }: { readonly volatile: VolatileState; readonly jobs: ReadonlyMap<JobBoard['job'], Job> },
  { worker }: WorkerSession,
  nowMs: number,
): { readonly job: Job; readonly board: JobBoard; readonly hold: Hold } | undefined {
  for (const board of volatile.boards.values()) {
    if (board.hold?.worker !== worker) continue;
    const job = jobs.get(board.job);
    const hold = job && holdOf(volatile, job, board, nowMs);
    if (job && hold) return { job, board, hold };
  }
  return undefined;
}
