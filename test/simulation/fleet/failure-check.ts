/** What failures must lead to: the end of a job only by its own fault, and another worker for the retry. */
import type { JournalRecord } from '../../../coordinator/scheduler/records.js';
import { attemptParts } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';

type Failed = Extract<JournalRecord, { readonly type: 'attempt-failed' }>;
type Moved = Extract<JournalRecord, { readonly type: 'job-moved' }>;

interface Place {
  readonly job: string;
  readonly task: string;
  readonly attempt: string;
  readonly worker: string;
}

interface TaskFailures {
  counted: number;
  machineFaultsInARow: number;
  /** When it last failed on a worker, by worker. */
  readonly atMs: Map<string, number>;
}

export class FailureCheck {
  readonly #violate: (message: string) => void;
  readonly #tasks = new Map<string, TaskFailures>();
  /** Workers on which anything has failed that may have been their doing. */
  readonly #blemished = new Set<string>();

  constructor(violate: (message: string) => void) {
    this.#violate = violate;
  }

  failed({ job, attempt, worker, failure }: Failed, nowMs: number): void {
    const key = `${job}/${attemptParts(attempt).task}`;
    const task = this.#tasks.get(key) ?? { counted: 0, machineFaultsInARow: 0, atMs: new Map<string, number>() };
    this.#tasks.set(key, task);
    const isOfMachine = failure.code === 'worker-lost' || failure.code === 'disk-full';
    task.machineFaultsInARow = isOfMachine ? task.machineFaultsInARow + 1 : 0;
    if (!isOfMachine) task.counted++;
    if (failure.code === 'worker-lost') return;
    task.atMs.set(worker, nowMs);
    this.#blemished.add(worker);
  }

  checkEnd({ job, reason, failure }: Moved): void {
    for (const [key, task] of this.#tasks) {
      if (!key.startsWith(`${job}/`)) continue;
      if (task.counted >= limits.attemptsMax || task.machineFaultsInARow >= limits.machineFaultsInARowMax) return;
    }
    if (failure?.retryable !== false) this.#violate(`${job} failed for nothing of its own: ${reason}`);
  }

  /** `free`: workers that are present, with their free slots. */
  checkPlace(place: Place, free: ReadonlyMap<string, number>, nowMs: number): void {
    const better = [...free.keys()].filter((name) => name !== place.worker && !this.#blemished.has(name));
    if (better.length === 0) return;
    const failedMs = this.#tasks.get(`${place.job}/${place.task}`)?.atMs.get(place.worker);
    if (failedMs !== undefined && nowMs - failedMs < limits.retryElsewhereMs) {
      this.#violate(`${place.attempt} of ${place.job} is tried again on ${place.worker}, where its task has failed`);
    }
    this.#checkExclusion(place, better, nowMs);
  }

  /** A worker where tasks of the job failed, and nowhere else anything, has no more of its tasks until it has cooled down. */
  #checkExclusion({ job, worker, attempt }: Place, better: readonly string[], nowMs: number): void {
    if (this.#blemished.size > 1) return;
    let blamed = 0;
    let lastMs = -Infinity;
    for (const [key, { atMs }] of this.#tasks) {
      const failedMs = key.startsWith(`${job}/`) ? atMs.get(worker) : undefined;
      if (failedMs === undefined) continue;
      blamed++;
      lastMs = Math.max(lastMs, failedMs);
    }
    if (nowMs >= lastMs + limits.exclusionJobCooldownMs) return;
    if (blamed < limits.exclusionTasks) return;
    this.#violate(`${attempt} of ${job} goes to ${worker}, where ${blamed} tasks failed, beside ${better.join(', ')}`);
  }
}
