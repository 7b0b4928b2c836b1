/**
 * WatchJob's source: a job's durable events from a cursor on, new ones as they become durable, and, between them, progress
 * while there is something to see. Durable events are the same after a restart; progress is not kept.
 */
import type { Clock } from '../shared/clock.js';
import { GristmillError } from '../shared/errors.js';
import type { JobId } from '../shared/ids.js';
import { limits } from '../shared/limits.js';
import { CURSOR_STEP, eventView, stageViews, type JobEventView, type StageProgress } from './job-view.js';
import type { JobBoard } from './scheduler/board.js';
import type { Job } from './scheduler/state.js';

export interface WatchedJob {
  readonly job: Job;
  readonly board: JobBoard | undefined;
}

export class JobWatch {
  readonly #clock: Clock;
  readonly #find: (job: JobId) => WatchedJob | undefined;
  /** Events before it are durable. */
  readonly #shown = new Map<JobId, number>();
  readonly #waiting = new Map<JobId, Set<() => void>>();

  constructor(clock: Clock, find: (job: JobId) => WatchedJob | undefined) {
    this.#clock = clock;
    this.#find = find;
  }

  /** True once something durable is known of it. */
  knows(job: JobId): boolean {
    return this.#shown.has(job);
  }

  /** Events before `end` are durable and may be told. */
  show(job: JobId, end: number): void {
    this.#shown.set(job, Math.max(end, this.#shown.get(job) ?? 0));
    for (const wake of this.#waiting.get(job) ?? []) wake();
  }

  /** There is no such job any more. */
  forget(job: JobId): void {
    this.#shown.delete(job);
    for (const wake of this.#waiting.get(job) ?? []) wake();
  }

  async *events(
    id: JobId,
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly JobEventView[], void, undefined> {
    if (!Number.isSafeInteger(after) || after < 0)
      throw new GristmillError('invalid-request', `the cursor is ${after}`);
    let cursor = after;
    let told: readonly StageProgress[] = [];
    for (;;) {
      const found = this.#find(id);
      const shown = this.#shown.get(id);
      if (!found || shown === undefined) {
        throw new GristmillError('job-not-found', `there is no job ${id}`, { context: { job: id } });
      }
      const batch = this.#durable(found.job, cursor, shown);
      cursor = batch.at(-1)?.cursor ?? cursor;
      if (batch.length > 0) yield batch;
      if (batch.some(({ type }) => type === 'outcome')) return;
      const stages = stageViews(found.job, found.board);
      const changed = stages.filter((stage, i) => !isSame(stage, told[i]));
      told = stages;
      if (changed.length > 0) {
        const atMs = this.#clock.now();
        yield changed.map((progress) => ({ cursor: ++cursor, atMs, type: 'progress' as const, progress }));
      }
      // A batch is bounded: there may be more already.
      if (batch.length === 0) await this.#changed(id, signal);
      if (signal.aborted) throw GristmillError.from(signal.reason, 'aborted');
    }
  }

  #durable(job: Job, cursor: number, shown: number): readonly JobEventView[] {
    const first = job.eventsEnd - job.events.length;
    const from = Math.max(0, Math.floor(cursor / CURSOR_STEP) - first);
    const to = Math.min(from + limits.batchItemsMax, Math.max(0, shown - first));
    return job.events.slice(from, to).map((event) => eventView(job, event));
  }

  /** Resolves at the next durable event, when progress is due, or when the signal says so. */
  #changed(id: JobId, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const wake = () => {
        cancel();
        waiting.delete(wake);
        if (waiting.size === 0) this.#waiting.delete(id);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const cancel = this.#clock.after(limits.progressMs, wake);
      waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
      if (signal.aborted) wake();
    });
  }
}

function isSame(a: StageProgress, b: StageProgress | undefined): boolean {
  if (!b) return false;
  const { tasksDone, tasksRunning, records, bytesDone } = a;
  return (
    tasksDone === b.tasksDone && tasksRunning === b.tasksRunning && records === b.records && bytesDone === b.bytesDone
  );
}
