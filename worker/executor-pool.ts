/**
 * The slots of a worker. Each has one executor, unbound and warm until its first task binds it to a job; it is reused
 * for tasks of that job alone, and replaced by a warm one when the job ends or the process dies. A worker that serves several
 * jobs keeps a spare for each bound slot: an executor takes longer to come up than many a task to run (`executor-spares.ts`).
 *
 * An attempt may take several slots, because its task ran out of memory on one: then the executors of all of them end, and give
 * back what they hold, and one takes their place that may have as much heap as they together. It ends with the attempt.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { failureOf, GristmillError } from '../shared/errors.js';
import type { AttemptId, JobId } from '../shared/ids.js';
import { limits } from '../shared/limits.js';
import type { Assignment } from '../shared/protocol.js';
import type { StoreAccess } from '../shared/store/stores.js';
import type { Progress } from './ports.js';
import { ExecutorProcess, type ExecutorOptions, type Finished } from './executor-process.js';
import { ExecutorSpares } from './executor-spares.js';
import type { WorkerFigures } from './health.js';
import type { MemoryHolder } from './memory-watch.js';
import { OomKills } from './oom-kills.js';

interface Slot {
  executor: ExecutorProcess;
  job: JobId | undefined;
  running: Assignment | undefined;
  /** Its job has ended: the executor goes with its last attempt. */
  ended: boolean;
  /** It has no executor, because the attempt in this slot has its memory. */
  lentTo: Slot | undefined;
}

interface Waiting {
  readonly assignment: Assignment;
  readonly storeUri: string;
}

export interface PoolOptions extends Omit<ExecutorOptions, 'scratchDir' | 'onSettled' | 'oomKills'> {
  readonly slots: number;
  /** Keeps a warm executor beside each that is bound to a job: for workers whose next task may be another job's. */
  readonly keepsSpares: boolean;
  readonly scratchDir: string;
  /** For the I/O threads of executors: by message, so that it is in no environment and no list of processes. */
  readonly access: () => StoreAccess;
  readonly random: (bytes: number) => Uint8Array;
  /** So many free slots have an executor that is not up yet. */
  readonly onStarting: (slots: number) => void;
  readonly onProgress: (assignment: Assignment, progress: Progress) => void;
  readonly onFinished: (assignment: Assignment, finished: Finished) => void;
}

function isFree({ running, lentTo }: Slot): boolean {
  return !running && !lentTo;
}

function holderOf(executor: ExecutorProcess, end: () => void): readonly MemoryHolder[] {
  const { pid } = executor;
  return pid === undefined ? [] : [{ pid, isGone: () => !executor.alive, end }];
}

/** What a worker says of a task that it gives up because it was told to stop. */
export function handedBack({ job, attempt }: Assignment, finished?: Finished): Finished {
  const error = new GristmillError('handed-back', 'the worker stops, and gave the task back', { context: { attempt } });
  const elapsedMs = finished?.report.elapsedMs ?? 0;
  const report = { job, attempt, elapsedMs, result: { kind: 'failure', failure: failureOf(error) } } as const;
  return { report, log: finished?.log ?? '' };
}

export class ExecutorPool {
  private readonly options: PoolOptions;
  private readonly slots: Slot[] = [];
  private readonly spares: ExecutorSpares<ExecutorProcess>;
  private readonly oomKills = new OomKills();
  private readonly waiting: Waiting[] = [];
  private readonly leaving = new Set<ExecutorProcess>();
  /** Attempts that have not been handed on as finished. */
  private readonly working = new Set<Promise<void>>();
  private spawned = 0;
  private toldStarting: number | undefined;
  private stopped = false;

  constructor(options: PoolOptions) {
    this.options = options;
    const { clock, random, keepsSpares } = options;
    const [draw = 0] = random(1);
    const delayMs = limits.spareAfterMs + (draw / 256) * limits.spareSpreadMs;
    this.spares = new ExecutorSpares({
      clock,
      delayMs: keepsSpares ? delayMs : Infinity,
      spawn: () => this.spawn(),
      dismiss: (spare) => this.dismiss(spare),
    });
    for (let i = 0; i < options.slots; i++) {
      this.slots.push({ executor: this.spawn(), job: undefined, running: undefined, ended: false, lentTo: undefined });
    }
  }

  run(assignment: Assignment, storeUri: string): void {
    const waiting = { assignment, storeUri };
    if (this.waiting.length > 0 || !this.tryRun(waiting)) this.waiting.push(waiting);
  }

  private tryRun({ assignment, storeUri }: Waiting): boolean {
    const slots = Math.min(assignment.slots ?? 1, this.slots.length);
    const slot = slots > 1 ? this.wideSlot(slots) : this.slotFor(assignment.job);
    if (!slot) return false;
    const work = this.runIn(slot, assignment, storeUri).finally(() => this.working.delete(work));
    this.working.add(work);
    this.tellStarting();
    return true;
  }

  get figures(): WorkerFigures['slots'] {
    const busy = this.slots.filter((slot) => !isFree(slot)).length;
    const starting = this.startingSlots;
    return { busy, free: this.slots.length - busy - starting, starting };
  }

  /** Free slots whose executor is not up yet. */
  get startingSlots(): number {
    return this.slots.filter((slot) => isFree(slot) && slot.executor.isStarting).length;
  }

  get attempts(): readonly Assignment[] {
    const running = this.slots.flatMap((slot) => (slot.running ? [slot.running] : []));
    return [...running, ...this.waiting.map((entry) => entry.assignment)];
  }

  /**
   * Executors that may end where memory runs out. One that is idle in its slot has what its last task left behind, and makes room for
   * a new one; a new one itself has nothing to give back. One that is leaving already is waited for in the place of another.
   */
  get memoryHolders(): readonly MemoryHolder[] {
    const bound = this.slots.filter((slot) => slot.job !== undefined && !slot.lentTo);
    return [
      ...bound.flatMap((slot) => holderOf(slot.executor, () => this.takeMemoryOf(slot))),
      ...this.spares.warm.flatMap((spare) => holderOf(spare, () => this.spares.shed())),
      ...[...this.leaving].flatMap((executor) => holderOf(executor, () => executor.kill())),
    ];
  }

  private takeMemoryOf(slot: Slot): void {
    if (slot.running) slot.executor.killForMemory();
    else this.replace(slot);
    this.tellStarting();
  }

  cancel(job: JobId, attempt: AttemptId): void {
    const waits = this.waiting.findIndex(({ assignment: a }) => a.job === job && a.attempt === attempt);
    for (const { assignment } of waits < 0 ? [] : this.waiting.splice(waits, 1)) {
      const failure = failureOf(new GristmillError('aborted', 'the attempt was cancelled before it began'));
      const report = { job, attempt, elapsedMs: 0, result: { kind: 'failure', failure } } as const;
      this.options.onFinished(assignment, { report, log: '' });
      this.runWaiting();
    }
    const slot = this.slots.find((s) => s.running?.job === job && s.running.attempt === attempt);
    slot?.executor.cancel();
  }

  /** Forgets a job: its executors make room for warm ones, its cached bundle and indexes go. */
  endJob(job: JobId): void {
    for (const slot of this.slots) {
      if (slot.job !== job) continue;
      slot.ended = true;
      if (!slot.running) this.replace(slot);
    }
    this.forget(job);
    this.tellStarting();
  }

  /** Resolves when nothing runs, or waits for a slot, any more. */
  async idle(): Promise<void> {
    while (this.working.size > 0) await Promise.all(this.working);
  }

  /** Ends all executors and hands back what runs or waits. Resolves when every attempt has been handed on as finished. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const { assignment } of this.waiting.splice(0)) this.options.onFinished(assignment, handedBack(assignment));
    for (const slot of this.slots) this.dismiss(slot.executor);
    this.spares.stop();
    await Promise.all([...this.working, ...[...this.leaving].map((executor) => executor.closed)]);
    rmSync(this.options.scratchDir, { recursive: true, force: true });
  }

  private async runIn(slot: Slot, assignment: Assignment, storeUri: string): Promise<void> {
    slot.running = assignment;
    const lent = this.slots.filter(({ lentTo }) => lentTo === slot);
    if (slot.job === undefined && lent.length === 0) this.spares.bound(slot);
    slot.job = assignment.job;
    const place = { job: assignment.job, storeUri, access: this.options.access(), jobDir: this.jobDir(assignment.job) };
    const finished = await slot.executor.run(place, assignment, (progress) => {
      this.options.onProgress(assignment, progress);
    });
    slot.running = undefined;
    const { ended } = slot;
    if (ended || lent.length > 0 || !slot.executor.alive) this.replace(slot);
    for (const other of lent) this.takeBack(other);
    if (ended) this.forget(assignment.job);
    this.tellStarting();
    this.options.onFinished(assignment, this.isEndedByStop(finished) ? handedBack(assignment, finished) : finished);
    this.runWaiting();
  }

  /** In the order in which they came: one that wants more slots than are free is not overtaken. */
  private runWaiting(): void {
    while (!this.stopped && this.waiting[0] && this.tryRun(this.waiting[0])) this.waiting.shift();
  }

  /** Its executor died because this worker stops: nobody's fault. */
  private isEndedByStop({ report: { result } }: Finished): boolean {
    if (!this.stopped || result.kind !== 'failure') return false;
    return result.failure.code === 'executor-died' || result.failure.code === 'out-of-memory';
  }

  /** A free slot, in order of cost: bound to the job, unbound, bound to another job (its executor is replaced). */
  private slotFor(job: JobId): Slot | undefined {
    const free = this.slots.filter(isFree);
    const bound = free.find((slot) => slot.job === job && slot.executor.alive);
    if (bound) return bound;
    const unbound = free.find((slot) => slot.job === undefined && slot.executor.alive);
    if (unbound) return unbound;
    const [other] = free;
    if (!other) return undefined;
    if (other.executor.alive) this.spares.missed();
    this.replace(other);
    return other;
  }

  /** Free slots made one, with an executor of its own. Undefined while there are not so many. */
  private wideSlot(slots: number): Slot | undefined {
    const free = this.slots.filter(isFree);
    const [slot, ...others] = free.slice(0, slots);
    if (!slot || free.length < slots) return undefined;
    for (const other of others) {
      this.unbind(other);
      other.lentTo = slot;
    }
    this.unbind(slot);
    slot.executor = this.spawn(slots);
    return slot;
  }

  /** The executor of the slot ends, and the spare that would take its place. */
  private unbind(slot: Slot): void {
    this.dismiss(slot.executor);
    const spare = this.spares.unbound(slot);
    if (spare) this.dismiss(spare);
    slot.job = undefined;
    slot.ended = false;
  }

  private takeBack(slot: Slot): void {
    slot.lentTo = undefined;
    if (!this.stopped) slot.executor = this.spawn();
  }

  /** Removes what is cached of a job, unless an executor still works for it. */
  private forget(job: JobId): void {
    const of = this.slots.filter((slot) => slot.job === job);
    if (of.some((slot) => !slot.ended || slot.running)) return;
    rmSync(this.jobDir(job), { recursive: true, force: true });
  }

  private jobDir(job: JobId): string {
    return join(this.options.scratchDir, job);
  }

  private spawn(slots = 1): ExecutorProcess {
    const scratchDir = join(this.options.scratchDir, `executor-${this.spawned++}`);
    const heapMegabytes = slots * this.options.heapMegabytes;
    const { oomKills } = this;
    return new ExecutorProcess({
      ...this.options,
      heapMegabytes,
      scratchDir,
      oomKills,
      onSettled: () => this.tellStarting(),
    });
  }

  private replace(slot: Slot): void {
    this.dismiss(slot.executor);
    const spare = this.spares.unbound(slot);
    slot.job = undefined;
    slot.ended = false;
    if (!this.stopped) slot.executor = spare ?? this.spawn();
  }

  private tellStarting(): void {
    const { startingSlots } = this;
    if (startingSlots === this.toldStarting || this.stopped) return;
    this.toldStarting = startingSlots;
    this.options.onStarting(startingSlots);
  }

  private dismiss(executor: ExecutorProcess): void {
    if (this.leaving.has(executor)) return;
    this.leaving.add(executor);
    executor.kill();
    void executor.closed.then(() => this.leaving.delete(executor));
  }
}
