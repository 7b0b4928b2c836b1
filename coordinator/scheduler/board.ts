/**
 * Volatile state of a job's tasks: one byte for where a task is, four for how often it was started in this epoch. Only
 * attempts that are running have an object of their own, of which there are no more than slots.
 */
import { attemptId, taskId, type AttemptId, type JobId, type TaskKind, type WorkerId } from '../../shared/ids.js';
import { workOf, type Job } from './state.js';
import { tasksOf, winnerOf } from './work.js';

export interface RunningAttempt {
  readonly job: JobId;
  readonly attempt: AttemptId;
  readonly kind: TaskKind;
  readonly index: number;
  readonly worker: WorkerId;
  /** Of the attempt's last progress. */
  records: number;
  bytes: number;
  /** It no longer counts; since when the worker has been told to end it. */
  cancelledMs: number | undefined;
}

const WAITING = 0;
const RUNNING = 1;
const WON = 2;
const BACKING_OFF = 3;

interface Retry {
  readonly index: number;
  readonly notBeforeMs: number;
}

/** The tasks of one stage. */
export class StageBoard {
  readonly kind: TaskKind;
  readonly #status: Uint8Array;
  readonly #started: Uint32Array;
  /** Every waiting task is at or after it. */
  #next = 0;
  #retries: Retry[] = [];

  constructor(job: Job, kind: TaskKind) {
    this.kind = kind;
    const tasks = tasksOf(job, kind);
    this.#status = new Uint8Array(tasks);
    this.#started = new Uint32Array(tasks);
    for (let index = 0; index < tasks; index++) if (winnerOf(job, kind, index)) this.#status[index] = WON;
  }

  /** A task that may start now. */
  runnable(nowMs: number): number | undefined {
    const due = this.#retries.findIndex((retry) => retry.notBeforeMs <= nowMs);
    if (due >= 0) return this.#retries[due]?.index;
    while (this.#next < this.#status.length && this.#status[this.#next] !== WAITING) this.#next++;
    return this.#next < this.#status.length ? this.#next : undefined;
  }

  /** True while this leader has given the task to nobody: then a predecessor's attempt may go on. */
  isUntouched(index: number): boolean {
    return this.#status[index] === WAITING && this.#started[index] === 0;
  }

  /** A new attempt of the task; its number is counted within the epoch. */
  start(index: number, epoch: number): AttemptId {
    const n = (this.#started[index] ?? 0) + 1;
    this.#started[index] = n;
    this.markRunning(index);
    return attemptId(taskId(this.kind, index), epoch, n);
  }

  /** An attempt that a predecessor started goes on. */
  markRunning(index: number): void {
    this.#retries = this.#retries.filter((retry) => retry.index !== index);
    this.#status[index] = RUNNING;
  }

  markWon(index: number): void {
    this.#status[index] = WON;
  }

  /** Whatever the tasks have come to is void: each starts again, under new attempt ids. */
  restart(): void {
    this.#status.fill(WAITING);
    this.#retries = [];
    this.#next = 0;
  }

  /** The attempt is lost, not to be blamed: the task may start again at once. */
  markWaiting(index: number): void {
    this.#status[index] = WAITING;
    this.#next = Math.min(this.#next, index);
  }

  markBackingOff(index: number, notBeforeMs: number): void {
    this.#status[index] = BACKING_OFF;
    this.#retries.push({ index, notBeforeMs });
  }

  /** The next wait that is not over yet. */
  nextRetryMs(nowMs: number): number {
    const waits = this.#retries.map((retry) => retry.notBeforeMs).filter((notBeforeMs) => notBeforeMs > nowMs);
    return Math.min(Infinity, ...waits);
  }
}

/** A job that has tasks to give out, or attempts still running. */
export interface JobBoard {
  readonly job: JobId;
  readonly stages: Map<TaskKind, StageBoard>;
  readonly running: Map<AttemptId, RunningAttempt>;
  /** Failures that spend no attempt, since the last success: only to make waits longer. */
  uncounted: number;
  /** That its reduce stage works for; undefined until there is one. */
  generation: number | undefined;
}

export function stageOf(board: JobBoard, job: Job, kind: TaskKind): StageBoard {
  let stage = board.stages.get(kind);
  if (!stage) {
    stage = new StageBoard(job, kind);
    board.stages.set(kind, stage);
  }
  return stage;
}

/** True for an attempt that may be running. While a map task runs again nothing new is reduced; what is, goes on. */
export function mayGoOn(job: Job, kind: TaskKind): boolean {
  const work = workOf(job);
  const hasReduced = work !== undefined && (work.revision > 0 || work.differing.length > 0);
  return openKind(job) === kind || (kind === 'reduce' && hasReduced);
}

/** The kind of task that the job can give out now. */
export function openKind(job: Job): TaskKind | undefined {
  switch (job.state) {
    case 'validating':
      return job.inspection ? undefined : 'inspect';
    case 'in_progress':
    case 'committing':
      if (job.state === 'committing' && job.isPartial) return undefined;
      if (job.inspected.kind === 'map-only') return 'map';
      return job.steps.has('stage-manifest') ? 'reduce' : 'map';
    case 'queued':
    case 'completed':
    case 'partial_success':
    case 'failed':
    case 'expired':
    case 'cancelled':
    case 'archived':
      return undefined;
  }
}
