/**
 * Workers that are excluded for all jobs.
 *
 * ```
 *  trusted --(excluded for `exclusionJobs` jobs)--> excluded --(cooldown)--> on probation --(a task won)--> trusted
 *                                                      ^                          |
 *                                                      +--(failed: twice as long)-+
 * ```
 *
 * On probation a worker has one task at a time. Volatile, as are the trials of jobs. Kept by the worker's name: a process
 * that starts again on a machine with a bad disk has the same disk.
 */
import type { JobId, WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';

interface Standing {
  readonly jobs: Set<JobId>;
  /** Undefined while it is not excluded for all, and was not since it was last trusted. */
  untilMs: number | undefined;
  cooldownMs: number;
  changedMs: number;
}

export class Exclusions {
  readonly #records = new Map<WorkerId, Standing>();

  /** The worker is excluded for this job. */
  excludedFor(worker: WorkerId, job: JobId, nowMs: number): void {
    let record = this.#records.get(worker);
    if (!record || nowMs - record.changedMs > limits.exclusionCooldownMsMax) {
      this.#forget(nowMs);
      record = { jobs: new Set(), untilMs: undefined, cooldownMs: limits.exclusionCooldownMs, changedMs: nowMs };
      this.#records.set(worker, record);
    }
    if (record.jobs.has(job)) return;
    record.jobs.add(job);
    record.changedMs = nowMs;
    if (record.untilMs === undefined && record.jobs.size >= limits.exclusionJobs) {
      record.untilMs = nowMs + record.cooldownMs;
    }
  }

  /** What is long past is nobody's any more: names of workers may be new at each start. */
  #forget(nowMs: number): void {
    for (const [worker, { changedMs, untilMs = 0 }] of this.#records) {
      if (Math.max(changedMs, untilMs) + limits.exclusionCooldownMsMax < nowMs) this.#records.delete(worker);
    }
  }

  won(worker: WorkerId): void {
    if (this.#records.get(worker)?.untilMs !== undefined) this.#records.delete(worker);
  }

  /** A failure that may be the worker's doing. */
  failed(worker: WorkerId, nowMs: number): void {
    const record = this.#records.get(worker);
    if (record?.untilMs === undefined || nowMs < record.untilMs) return;
    record.cooldownMs = Math.min(2 * record.cooldownMs, limits.exclusionCooldownMsMax);
    record.untilMs = nowMs + record.cooldownMs;
    record.changedMs = nowMs;
  }

  get isEmpty(): boolean {
    return this.#records.size === 0;
  }

  /** True when the worker, which runs so many attempts, may be given another one. */
  allows(worker: WorkerId, running: number, nowMs: number): boolean {
    const untilMs = this.#records.get(worker)?.untilMs;
    return untilMs === undefined || (nowMs >= untilMs && running === 0);
  }

  /** True during the cooldown. */
  excludes(worker: WorkerId, nowMs: number): boolean {
    return nowMs < (this.#records.get(worker)?.untilMs ?? -Infinity);
  }

  /** When the next cooldown is over. */
  nextMs(nowMs: number): number {
    let soonest = Infinity;
    for (const { untilMs } of this.#records.values()) {
      if (untilMs !== undefined && untilMs > nowMs) soonest = Math.min(soonest, untilMs);
    }
    return soonest;
  }
}
