/**
 * Volatile state of a job's tasks: one byte for where a task is, four for how often it was started in this epoch. Only
 * attempts that are running have an object of their own, of which there are no more than slots.
 */
import { attemptId, taskId, type AttemptId, type JobId, type TaskKind, type WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { PartitionRange } from '../../shared/protocol.js';
import type { SlowAttempt } from './backup.js';
import { Neighbours } from './neighbours.js';
import { StagePace } from './pace.js';
import { workOf, type Job } from './state.js';
import { Trials } from './trials.js';
import type { Hold } from './two-slots.js';
import { tasksOf, winnerOf } from './work.js';

export interface RunningAttempt {
  readonly job: JobId;
  readonly attempt: AttemptId;
  readonly kind: TaskKind;
  readonly index: number;
  readonly worker: WorkerId;
  /** Of its worker, that it takes. */
  readonly slots: number;
  /** When this leader gave it out, or took it over. */
  readonly startedMs: number;
  /** Beside another attempt of its task, which is slow. */
  readonly isBackup: boolean;
  /** Of the attempt's last progress. */
  records: number;
  bytes: number;
  /** Of its work, in [0, 1]; 0 while it is not known. */
  share: number;
  /** When its progress last changed. */
  changedMs: number;
  /** It no longer counts; since when the worker has been told to end it. */
  cancelledMs: number | undefined;
}

/** An attempt that begins now. */
export function newAttempt(
  about: Pick<RunningAttempt, 'job' | 'attempt' | 'kind' | 'index' | 'worker' | 'slots'>,
  nowMs: number,
  isBackup = false,
): RunningAttempt {
  const { job, attempt, kind, index, worker, slots } = about;
  const progress = { records: 0, bytes: 0, share: 0, changedMs: nowMs, cancelledMs: undefined };
  return { job, attempt, kind, index, worker, slots, startedMs: nowMs, isBackup, ...progress };
}

const WAITING = 0;
const RUNNING = 1;
const WON = 2;
const BACKING_OFF = 3;
/** Among the retries, without a wait: it ran out of memory and wants two slots. */
const OUTGROWN = 4;

/** Where a task is to run. */
export interface Place {
  readonly worker: WorkerId;
  /** Tasks of the stage that run there. */
  readonly running: Iterable<number>;
  readonly isHere: (worker: WorkerId) => boolean;
}

interface Retry {
  readonly index: number;
  readonly notBeforeMs: number;
}

/** The tasks of one stage. */
export class StageBoard {
  readonly kind: TaskKind;
  readonly pace = new StagePace();
  /** Attempts that a backup may stand beside, the slowest first, as they were found at the last look. */
  slow: readonly SlowAttempt[] = [];
  /** When it is worth looking for them again. */
  lookMs = -Infinity;
  readonly #status: Uint8Array;
  readonly #started: Uint32Array;
  /** Every waiting task is at or after it. */
  #next = 0;
  #retries: Retry[] = [];
  /** Tasks that ran out of memory: each waits among the retries, where the slots that it wants can be looked for. */
  readonly #outgrown = new Set<number>();
  /** Undefined until the first task is given out, and where each is read alone. */
  #neighbours: Neighbours | undefined;
  #hasGroups = false;

  constructor(job: Job, kind: TaskKind) {
    this.kind = kind;
    const tasks = tasksOf(job, kind);
    this.#status = new Uint8Array(tasks);
    this.#started = new Uint32Array(tasks);
    for (let index = 0; index < tasks; index++) if (winnerOf(job, kind, index)) this.#status[index] = WON;
    for (let index = 0; job.outgrown && index < tasks; index++) {
      if (!job.outgrown.has(taskId(kind, index))) continue;
      this.#outgrown.add(index);
      if (this.#status[index] === WAITING) this.markWaiting(index);
    }
  }

  /** The task ran out of memory: from now on it wants more of a worker. */
  outgrew(index: number): void {
    this.#outgrown.add(index);
  }

  hasOutgrown(index: number): boolean {
    return this.#outgrown.has(index);
  }

  /** The first task that ran out of memory and may start again. */
  outgrownDue(nowMs: number): number | undefined {
    if (this.#outgrown.size === 0) return undefined;
    return this.#retries.find(({ index, notBeforeMs }) => notBeforeMs <= nowMs && this.#outgrown.has(index))?.index;
  }

  isDue(index: number, nowMs: number): boolean {
    return this.#retries.some((retry) => retry.index === index && retry.notBeforeMs <= nowMs);
  }

  /** A task that may start now; a retry only where it `mayRetry`, which is told since when it could have begun. */
  runnable(place: Place, nowMs: number, mayRetry: (index: number, dueMs: number) => boolean): number | undefined {
    const retry = this.#retries.find(({ index, notBeforeMs }) => notBeforeMs <= nowMs && mayRetry(index, notBeforeMs));
    if (retry || !this.#neighbours) return retry?.index ?? this.#nextWaiting();
    const { worker, running, isHere } = place;
    return this.#neighbours.offer(worker, running, (index) => this.#status[index] === WAITING, isHere);
  }

  /** Called before the first task is given out: `size` neighbours go to one worker. */
  group(size: () => number): void {
    if (this.#hasGroups) return;
    this.#hasGroups = true;
    const together = size();
    if (together > 1) this.#neighbours = new Neighbours(this.#status.length, together);
  }

  /** What the worker, which starts this task, is to read together. */
  together(index: number, { worker, isHere }: Pick<Place, 'worker' | 'isHere'>): PartitionRange | undefined {
    return this.#neighbours?.begin(worker, index, isHere);
  }

  /** The worker is dead, and what it has read together gone with it. */
  forget(worker: WorkerId): void {
    this.#neighbours?.forget(worker);
  }

  /** No task is left that nobody has been given. */
  get isLate(): boolean {
    return this.#nextWaiting() === undefined;
  }

  #nextWaiting(): number | undefined {
    while (this.#next < this.#status.length && this.#status[this.#next] !== WAITING) this.#next++;
    return this.#next < this.#status.length ? this.#next : undefined;
  }

  /** True while this leader has given the task to nobody: then a predecessor's attempt may go on. */
  isUntouched(index: number): boolean {
    const isWaiting = this.#status[index] === WAITING || this.#status[index] === OUTGROWN;
    return isWaiting && this.#started[index] === 0;
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
    this.slow = [];
    this.lookMs = -Infinity;
    this.#neighbours = undefined;
    this.#hasGroups = false;
    for (const index of this.#outgrown) this.markWaiting(index);
  }

  /** The attempt is lost, or what it left: nobody is to be blamed, and the task may start again at once. */
  markWaiting(index: number): void {
    if (this.#outgrown.has(index)) {
      this.#status[index] = OUTGROWN;
      this.#retries.push({ index, notBeforeMs: -Infinity });
      return;
    }
    this.#status[index] = WAITING;
    this.#next = Math.min(this.#next, index);
  }

  markBackingOff(index: number, notBeforeMs: number): void {
    this.#status[index] = BACKING_OFF;
    this.#retries.push({ index, notBeforeMs });
  }

  /** The next wait that is not over yet: for the retry itself, and then for a worker on which the task has not failed. */
  nextRetryMs(nowMs: number): number {
    let soonest = Infinity;
    for (const { notBeforeMs } of this.#retries) {
      const anywhereMs = notBeforeMs + limits.retryElsewhereMs;
      if (notBeforeMs > nowMs) soonest = Math.min(soonest, notBeforeMs);
      else if (anywhereMs > nowMs) soonest = Math.min(soonest, anywhereMs);
    }
    return soonest;
  }

  /** When the next look for slow attempts is due. */
  nextLookMs(nowMs: number): number {
    return this.lookMs > nowMs ? this.lookMs : Infinity;
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
  /** How its tasks fared on which worker. */
  readonly trials: Trials;
  /** Its share of slots among other jobs. */
  readonly weight: number;
  /** Slots that it has now; slot time over weight of attempts that have ended; and, slot by slot, the sum of the times since which it has them. */
  readonly used: { slots: number; ms: number; startedMs: number };
  /** A worker whose free slot is held for a task of it that wants two. */
  hold: Hold | undefined;
  /** Why nothing of it runs, while nothing does. */
  wait: Wait | undefined;
}

/** Why a job has to wait, in a sentence for people. */
export interface Wait {
  readonly kind: 'recovering' | 'no-worker' | 'excluded' | 'no-slot' | 'starting' | 'last-worker' | 'two-slots';
  readonly sentence: string;
  readonly sinceMs: number;
  /** Its watchers have been told. */
  readonly isTold: boolean;
}

export function newBoard(job: JobId, weight: number): JobBoard {
  const empty = { stages: new Map<TaskKind, StageBoard>(), running: new Map<AttemptId, RunningAttempt>() };
  const share = { weight, used: { slots: 0, ms: 0, startedMs: 0 }, hold: undefined, wait: undefined };
  return { job, ...empty, uncounted: 0, generation: undefined, trials: new Trials(), ...share };
}

/** Another attempt of the same task that still counts: a task has two while one of them is a backup. */
export function siblingOf(board: JobBoard, { attempt, kind, index }: RunningAttempt): RunningAttempt | undefined {
  for (const other of board.running.values()) {
    const isOfTask = other.index === index && other.kind === kind && other.attempt !== attempt;
    if (isOfTask && other.cancelledMs === undefined) return other;
  }
  return undefined;
}

/**
 * The attempt is over and nobody is to be blamed: its task starts again at once, unless another attempt of it goes on. One
 * that has failed before still goes to a worker on which it has not, as long as there is one.
 */
export function startAgain(job: Job, board: JobBoard, attempt: RunningAttempt, nowMs: number): void {
  if (siblingOf(board, attempt)) return;
  const { kind, index } = attempt;
  const stage = stageOf(board, job, kind);
  if (board.trials.hasFailedAnywhere(taskId(kind, index))) stage.markBackingOff(index, nowMs);
  else stage.markWaiting(index);
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
