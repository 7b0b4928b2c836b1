/**
 * How the tasks of one job fared on which worker, and whom that excludes.
 *
 * A worker is blamed for a task that failed on it and on no other. It is excluded for the job once it is to blame for
 * `exclusionTasks` tasks and fails `exclusionRatio` times as often as the other workers together. So a job whose own code
 * fails excludes nobody for long: its tasks fail on the next worker too, which takes the blame away from the first, and
 * where they fail now and then, they do so everywhere alike. Nothing is latched: what is known now decides.
 *
 * ```
 *  trusted --(to blame)--> excluded --(`exclusionJobCooldownMs` without a failure)--> on probation --(a task won)--> trusted
 *                             ^                                                            |
 *                             +-----------------(failed: twice as long)--------------------+
 * ```
 *
 * On probation a worker has one task of the job at a time: a full disk is emptied, and a job that is left to a slow worker
 * alone would not come to its end.
 *
 * Volatile: a successor learns it anew, at the cost of a few failed attempts; right results do not rest on it.
 */
import type { Failure } from '../../shared/errors.js';
import type { TaskId, WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';

interface Trial {
  won: number;
  wonMs: number;
  readonly failed: Set<TaskId>;
  /** While it is to blame, it is excluded until then. */
  untilMs: number;
  cooldownMs: number;
}

/** True when the failure may be the worker's doing: not the store's, not a shuffle object's, not a drain, nor a task's that needs more memory. */
export function mayBlameWorker(failure: Failure): boolean {
  if (!failure.retryable || failure.code === 'out-of-memory') return false;
  const isOfWorker = failure.class === 'machine' || failure.class === 'internal';
  return failure.class === 'resources' || (isOfWorker && failure.countsTowardLimit);
}

export class Trials {
  readonly #workers = new Map<WorkerId, Trial>();
  /** On which workers a task has failed; tasks without a failure are absent. */
  readonly #failedAt = new Map<TaskId, Set<WorkerId>>();
  /** On which workers a task failed by what may have been their doing: only that takes the blame from one of them. */
  readonly #blamedAt = new Map<TaskId, Set<WorkerId>>();

  won(worker: WorkerId, elapsedMs: number, nowMs: number): void {
    const trial = this.#of(worker);
    trial.won++;
    trial.wonMs += elapsedMs;
    if (!this.isOnProbation(worker, nowMs)) return;
    trial.failed.clear();
    trial.cooldownMs = limits.exclusionJobCooldownMs;
  }

  failed(worker: WorkerId, task: TaskId, mayBlame: boolean, nowMs: number): void {
    const isOnProbation = this.isOnProbation(worker, nowMs);
    const at = this.#failedAt.get(task) ?? new Set();
    this.#failedAt.set(task, at.add(worker));
    if (!mayBlame) return;
    const blamed = this.#blamedAt.get(task) ?? new Set();
    this.#blamedAt.set(task, blamed.add(worker));
    const trial = this.#of(worker);
    trial.failed.add(task);
    if (isOnProbation) trial.cooldownMs = Math.min(2 * trial.cooldownMs, limits.exclusionCooldownMsMax);
    trial.untilMs = nowMs + trial.cooldownMs;
  }

  hasFailedAnywhere(task: TaskId): boolean {
    return this.#failedAt.has(task);
  }

  hasFailed(worker: WorkerId, task: TaskId): boolean {
    return this.#failedAt.get(task)?.has(worker) ?? false;
  }

  /** What an attempt took on this worker, on average; undefined while none has won there. */
  meanMs(worker: WorkerId): number | undefined {
    const trial = this.#workers.get(worker);
    return trial && trial.won > 0 ? trial.wonMs / trial.won : undefined;
  }

  /** True when any worker has failed at all: else nobody is excluded. */
  get hasFailures(): boolean {
    return this.#failedAt.size > 0;
  }

  excludes(worker: WorkerId, nowMs: number): boolean {
    return this.#isToBlame(worker) && nowMs < this.#of(worker).untilMs;
  }

  isOnProbation(worker: WorkerId, nowMs: number): boolean {
    return this.#isToBlame(worker) && nowMs >= this.#of(worker).untilMs;
  }

  /** When the next exclusion becomes a probation. */
  nextMs(nowMs: number): number {
    let soonest = Infinity;
    for (const [worker, { untilMs }] of this.#workers) {
      if (untilMs > nowMs && untilMs < soonest && this.#isToBlame(worker)) soonest = untilMs;
    }
    return soonest;
  }

  #isToBlame(worker: WorkerId): boolean {
    const trial = this.#workers.get(worker);
    if (!trial || trial.failed.size < limits.exclusionTasks) return false;
    let blamed = 0;
    for (const task of trial.failed) if (this.#blamedAt.get(task)?.size === 1) blamed++;
    if (blamed < limits.exclusionTasks) return false;
    const others = this.#others(worker);
    if (others.failed + others.won === 0) return true;
    return this.failureShare(worker) > limits.exclusionRatio * (others.failed / (others.failed + others.won));
  }

  /** True when tasks have won on another worker, so that it is not the job that cannot succeed. */
  hasWonBeside(worker: WorkerId): boolean {
    return this.#others(worker).won > 0;
  }

  /** Of the attempts that ended on this worker. */
  failureShare(worker: WorkerId): number {
    const trial = this.#workers.get(worker);
    return trial ? trial.failed.size / Math.max(1, trial.failed.size + trial.won) : 0;
  }

  #others(worker: WorkerId): { readonly won: number; readonly failed: number } {
    let won = 0;
    let failed = 0;
    for (const [other, trial] of this.#workers) {
      if (other === worker) continue;
      won += trial.won;
      failed += trial.failed.size;
    }
    return { won, failed };
  }

  #of(worker: WorkerId): Trial {
    let trial = this.#workers.get(worker);
    if (!trial) {
      const cooldownMs = limits.exclusionJobCooldownMs;
      trial = { won: 0, wonMs: 0, failed: new Set(), untilMs: -Infinity, cooldownMs };
      this.#workers.set(worker, trial);
    }
    return trial;
  }
}
