/** Which workers a job may use: not those that drain, are suspect or excluded; but never none because all are excluded. */
import { limits } from '../../shared/limits.js';
import type { JobBoard } from './board.js';
import { isSuspect, type VolatileState, type WorkerSession } from './volatile.js';

/** True while the worker can be given tasks at all. */
export function isPresent(volatile: VolatileState, worker: WorkerSession, nowMs: number): boolean {
  return worker.session !== undefined && !worker.draining && !isSuspect(volatile, worker, nowMs);
}

export function isExcluded({ exclusions }: VolatileState, board: JobBoard, worker: WorkerSession, nowMs: number) {
  return exclusions.excludes(worker.worker, nowMs) || board.trials.excludes(worker.worker, nowMs);
}

/** True when the worker may be given a task of the job. */
export function mayWork(volatile: VolatileState, board: JobBoard, worker: WorkerSession, nowMs: number): boolean {
  if (volatile.exclusions.isEmpty && !board.trials.hasFailures) return true;
  if (isExcluded(volatile, board, worker, nowMs)) return lastWorker(volatile, board, nowMs) === worker;
  if (board.trials.isOnProbation(worker.worker, nowMs) && runs(worker, board)) return false;
  return volatile.exclusions.allows(worker.worker, worker.running.size, nowMs);
}

function runs({ running }: WorkerSession, board: JobBoard): boolean {
  for (const { job } of running.values()) if (job === board.job) return true;
  return false;
}

/** When every worker that is present is excluded for the job: the one that fails least, which works on all the same. */
export function lastWorker(volatile: VolatileState, board: JobBoard, nowMs: number): WorkerSession | undefined {
  let least: WorkerSession | undefined;
  for (const worker of volatile.workers.values()) {
    if (!isPresent(volatile, worker, nowMs)) continue;
    if (!isExcluded(volatile, board, worker, nowMs)) return undefined;
    const { trials } = board;
    if (!least || trials.failureShare(worker.worker) < trials.failureShare(least.worker)) least = worker;
  }
  return least;
}

/** A retry goes to a worker on which its task has not failed, as long as there is one with so many slots and it comes in time. */
export function mayRetry(
  volatile: VolatileState,
  board: JobBoard,
  { worker, slots }: { readonly worker: WorkerSession; readonly slots: number },
  task: Parameters<JobBoard['trials']['hasFailed']>[1],
  waitedMs: number,
  nowMs: number,
): boolean {
  const { trials } = board;
  if (!trials.hasFailed(worker.worker, task) || waitedMs >= limits.retryElsewhereMs) return true;
  for (const other of volatile.workers.values()) {
    const isBetter = other.slots >= slots && isPresent(volatile, other, nowMs) && !trials.hasFailed(other.worker, task);
    if (isBetter && mayWork(volatile, board, other, nowMs)) return false;
  }
  return true;
}

/** Remembers whom the job excludes now, towards an exclusion for all; not while it has won nowhere else. */
export function noteExclusions({ exclusions, workers }: VolatileState, board: JobBoard, nowMs: number): void {
  if (!board.trials.hasFailures) return;
  for (const { worker } of workers.values()) {
    const { trials } = board;
    if (trials.excludes(worker, nowMs) && trials.hasWonBeside(worker)) exclusions.excludedFor(worker, board.job, nowMs);
  }
}
