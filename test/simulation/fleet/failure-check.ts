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
  readonly slots: number;
}

interface TaskFailures {
  counted: number;
  machineFaultsInARow: number;
  /** When it last failed on a worker, by worker. */
  readonly atMs: Map<string, number>;
  /** Where that was for the want of memory, which is no doing of the worker. */
  readonly outgrownAt: Set<string>;
}

function newTask(): TaskFailures {
  return { counted: 0, machineFaultsInARow: 0, atMs: new Map(), outgrownAt: new Set() };
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
    const task = this.#tasks.get(key) ?? newTask();
    this.#tasks.set(key, task);
    const isOfMachine = failure.code === 'worker-lost' || failure.code === 'disk-full';
    task.machineFaultsInARow = isOfMachine ? task.machineFaultsInARow + 1 : 0;
    if (!isOfMachine) task.counted++;
    if (failure.code === 'worker-lost') return;
    task.atMs.set(worker, nowMs);
    if (failure.code === 'out-of-memory') task.outgrownAt.add(worker);
    else this.#blemished.add(worker);
  }

  checkEnd({ job, reason, failure }: Moved): void {
    for (const [key, task] of this.#tasks) {
      if (!key.startsWith(`${job}/`)) continue;
      if (task.counted >= limits.attemptsMax || task.machineFaultsInARow >= limits.machineFaultsInARowMax) return;
    }
    if (failure?.retryable !== false) this.#violate(`${job} failed for nothing of its own: ${reason}`);
  }

  /** A task that ran out of memory has two slots of one worker from then on, as long as a worker has them. */
  checkSlots({ job, task, attempt, worker, slots }: Place, present: ReadonlyMap<string, number>): void {
    const wanted = this.#wantedSlots(job, task);
    const own = present.get(worker) ?? 0;
    if (slots !== Math.min(wanted, own))
      this.#violate(`${attempt} of ${job} has ${slots} slots of the ${own} of ${worker}`);
    const roomy = [...present].find(([name, all]) => all >= wanted && !this.#blemished.has(name));
    if (own < wanted && roomy)
      this.#violate(`${attempt} of ${job} goes to ${worker}, where it ran out of memory, beside ${roomy[0]}`);
  }

  #wantedSlots(job: string, task: string): number {
    return (this.#tasks.get(`${job}/${task}`)?.outgrownAt.size ?? 0) > 0 ? limits.outgrownSlots : 1;
  }

  /** `present`: workers that are heard of, with their slots. */
  checkPlace(place: Place, present: ReadonlyMap<string, number>, nowMs: number): void {
    const others = [...present.keys()].filter((name) => name !== place.worker && !this.#blemished.has(name));
    const better = others.filter((name) => (present.get(name) ?? 0) >= place.slots && !this.#hasFailed(place, name));
    if (others.length === 0) return;
    const failedMs = this.#tasks.get(`${place.job}/${place.task}`)?.atMs.get(place.worker);
    if (failedMs !== undefined && nowMs - failedMs < limits.retryElsewhereMs && better.length > 0) {
      this.#violate(`${place.attempt} of ${place.job} is tried again on ${place.worker}, where its task has failed`);
    }
    this.#checkExclusion(place, others, nowMs);
  }

  /** Not necessarily by the worker's doing. */
  #hasFailed({ job, task }: Place, worker: string): boolean {
    return this.#tasks.get(`${job}/${task}`)?.atMs.has(worker) === true;
  }

  /** A worker where tasks of the job failed, and nowhere else anything, has no more of its tasks until it has cooled down. */
  #checkExclusion({ job, worker, attempt }: Place, better: readonly string[], nowMs: number): void {
    if (this.#blemished.size > 1) return;
    let blamed = 0;
    let lastMs = -Infinity;
    for (const [key, { atMs, outgrownAt }] of this.#tasks) {
      const failedMs = key.startsWith(`${job}/`) ? atMs.get(worker) : undefined;
      if (failedMs === undefined || outgrownAt.has(worker)) continue;
      blamed++;
      lastMs = Math.max(lastMs, failedMs);
    }
    if (nowMs >= lastMs + limits.exclusionJobCooldownMs) return;
    if (blamed < limits.exclusionTasks) return;
    this.#violate(`${attempt} of ${job} goes to ${worker}, where ${blamed} tasks failed, beside ${better.join(', ')}`);
  }
}
