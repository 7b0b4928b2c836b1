/**
 * The agent: one per worker. It holds the session with the coordinator, gives assignments to executors, and keeps every
 * report until the coordinator acknowledges it. User code never runs here.
 */
import { hostname, totalmem } from 'node:os';
import type { Logger } from 'pino';
import { delay, type Clock } from '../shared/clock.js';
import type { ClientTls } from '../shared/config/tls.js';
import { GristmillError } from '../shared/errors.js';
import { gate } from '../shared/gate.js';
import type { WorkerId } from '../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../shared/limits.js';
import { storeKeys } from '../shared/plan.js';
import type {
  Assignment,
  CoordinatorMessage,
  Registered,
  RunningRef,
  S3Server,
  TaskReport,
} from '../shared/protocol.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import type { S3Endpoint } from '../shared/store/s3/endpoint.js';
import type { Stores } from '../shared/store/stores.js';
import type { Finished } from './executor-process.js';
import { ExecutorPool, handedBack } from './executor-pool.js';
import type { WorkerFigures, WorkerHealth } from './health.js';
import { memoryReadingsHere, type MemoryReadings } from './memory-readings.js';
import { watchMemory } from './memory-watch.js';
import { unobserved, type WorkerObserver } from './observer.js';
import type { Session } from './session.js';

export interface AgentOptions {
  /** `host:port`; executors come up while it is not known yet. */
  readonly coordinator: string | Promise<string>;
  readonly token: string;
  /** Absent: nothing is encrypted. */
  readonly tls?: ClientTls;
  readonly worker: WorkerId;
  readonly slots: number;
  /** Keeps a warm executor beside each that is bound to a job. */
  readonly keepsSpares: boolean;
  /** The agent's own; created and, at the end, removed. */
  readonly scratchDir: string;
  /** Heap limit of each executor. */
  readonly heapMegabytes: number;
  /** Absent: what the kernel says, where it would end all processes of the worker together. */
  readonly memory?: MemoryReadings;
  /** All that executors see of the environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** What is opened by the coordinator's word; closed by whoever gave it. */
  readonly stores: (s3: S3Server | undefined) => Stores;
  readonly observer?: WorkerObserver | undefined;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Logger;
  /** The connection to the coordinator broke, or none came about; it is tried again. */
  readonly onBroken?: (error: GristmillError) => void;
}

export interface Agent {
  /** Resolves when the coordinator has registered the worker; rejects when it refuses. */
  readonly ready: Promise<void>;
  /** Rejects when a coordinator refuses the worker, at first or later: it is of no use any more. */
  readonly lost: Promise<never>;
  readonly health: WorkerHealth;
  readonly figures: WorkerFigures;
  /** The S3 server that the agent itself has asked for something. */
  readonly s3: S3Endpoint | undefined;
  /**
   * Takes no more tasks, lets those that run go on for `graceMs`, hands back the rest, and ends executors and session. Removes
   * the scratch directory.
   */
  stop(graceMs?: number): Promise<void>;
}

export function startAgent(options: AgentOptions): Agent {
  return new RunningAgent(options);
}

class RunningAgent implements Agent {
  readonly ready: Promise<void>;
  readonly lost: Promise<never>;
  private readonly options: AgentOptions;
  private readonly pool: ExecutorPool;
  private readonly endWatch: () => void;
  private session: Session | undefined;
  private readonly observer: WorkerObserver;
  private stopping = false;
  /** Its time is over: what still comes is given back at once. */
  private handsBack = false;
  private readonly drainAnswered: Promise<void>;
  private onDrainAnswered: () => void = () => undefined;
  private connection: Exclude<WorkerHealth, { status: 'draining' }>;
  /** By job and attempt; resent after every registration until acknowledged. */
  private readonly unacknowledged = new Map<string, TaskReport>();
  private stores: Stores | undefined;
  private store: ObjectStore | undefined;
  /** Attempts that have ended and whose log is being kept: they are this worker's until their reports are acknowledged. */
  private readonly finishing = new Set<Assignment>();
  private onAcknowledged: () => void = () => undefined;
  private markReady: () => void = () => undefined;
  private refuse: (error: GristmillError) => void = () => undefined;

  constructor(options: AgentOptions) {
    this.options = options;
    this.observer = options.observer ?? unobserved;
    this.connection = this.towards('connecting');
    this.drainAnswered = new Promise((resolve) => (this.onDrainAnswered = resolve));
    this.lost = new Promise((_, reject) => (this.refuse = reject));
    this.lost.catch(() => undefined);
    this.ready = Promise.race([new Promise<void>((resolve) => (this.markReady = resolve)), this.lost]);
    this.ready.catch(() => undefined); // whoever waits is told; nobody has to wait
    this.pool = new ExecutorPool({
      ...options,
      observer: this.observer,
      access: () => this.stores?.access ?? {},
      onProgress: ({ job, attempt }, { records, bytes, share }) => {
        this.session?.send({ progress: [{ job, attempt, records, bytes, share }] });
      },
      onStarting: (startingSlots) => this.session?.send({ startingSlots }),
      onFinished: (assignment, finished) => {
        void this.finished(assignment, finished);
      },
    });
    this.endWatch = watchMemory({
      clock: options.clock,
      readings: options.memory ?? memoryReadingsHere(),
      holders: () => this.pool.memoryHolders,
      onEnded: (shortage) => options.log.warn(shortage, 'memory runs out: the largest executor was ended'),
    });
    void this.attach();
  }

  /** gRPC is loaded here, and not before the executors are started: they come up meanwhile. */
  private async attach(): Promise<void> {
    const { options } = this;
    const incarnation = Buffer.from(options.random(8)).toString('hex');
    try {
      const [{ Session }, coordinator] = await Promise.all([import('./session.js'), options.coordinator]);
      if (this.stopping) return;
      this.session = new Session({
        ...options,
        coordinator,
        registration: () => ({
          protocolVersion: PROTOCOL_VERSION,
          worker: options.worker,
          incarnation,
          slots: options.slots,
          startingSlots: this.pool.startingSlots,
          host: hostname(),
          nodeVersion: process.version,
          running: this.held(),
        }),
        onMessage: (message) => this.receive(message),
        onDetached: () => (this.connection = this.towards('cut-off')),
        onRefused: (error) => this.refused(error),
      });
    } catch (thrown) {
      this.refused(GristmillError.from(thrown));
    }
  }

  get health(): WorkerHealth {
    if (this.stopping) return { status: 'draining', running: this.held().length };
    return this.connection;
  }

  get figures(): WorkerFigures {
    return { slots: this.pool.figures, unacknowledged: this.unacknowledged.size };
  }

  get s3(): S3Endpoint | undefined {
    return this.stores?.s3Endpoint;
  }

  private towards<Status extends 'connecting' | 'ready' | 'cut-off'>(status: Status) {
    const { coordinator, clock } = this.options;
    const address = typeof coordinator === 'string' ? coordinator : 'its own process';
    return { status, coordinator: address, sinceMs: clock.now() };
  }

  private refused(error: GristmillError): void {
    this.connection = { status: 'refused', error };
    this.refuse(error);
  }

  /** The coordinator hears how every attempt ended before the session does, if it answers in time. */
  async stop(graceMs = 0): Promise<void> {
    this.stopping = true;
    this.session?.send({ draining: true });
    if (graceMs > 0) await this.drained(graceMs);
    this.handsBack = true;
    await this.pool.stop();
    this.endWatch();
    await this.acknowledged();
    this.session?.close();
  }

  /** Resolves when all that it was given, and what was on its way when it began to stop, has ended; or after `graceMs`. */
  private async drained(graceMs: number): Promise<void> {
    const over = new AbortController();
    const after = (ms: number) => delay(this.options.clock, ms, over.signal).catch(() => undefined);
    const ended = async () => {
      if (this.connection.status === 'ready') await Promise.race([this.drainAnswered, after(limits.drainAnswerMsMax)]);
      await this.pool.idle();
    };
    await Promise.race([ended(), after(graceMs)]);
    over.abort();
  }

  private acknowledged(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.after(limits.lastReportsMsMax, resolve);
      this.onAcknowledged = () => {
        if (this.finishing.size > 0 || this.unacknowledged.size > 0) return;
        cancel();
        resolve();
      };
      this.onAcknowledged();
    });
  }

  /** Attempts that are running, or whose report is not acknowledged. */
  private held(): RunningRef[] {
    const all = [...this.pool.attempts, ...this.finishing, ...this.unacknowledged.values()];
    return all.map((held) => ({ job: held.job, attempt: held.attempt, ...slotsOf(held) }));
  }

  private receive(message: CoordinatorMessage): void {
    if (message.registered) {
      if (!this.opened(message.registered)) return;
      // Between its registration and this, nothing could be said.
      this.session?.send({ startingSlots: this.pool.startingSlots });
      if (this.stopping) this.session?.send({ draining: true });
      for (const report of this.unacknowledged.values()) this.session?.send({ reports: [report] });
      this.connection = this.towards('ready');
      this.observer.registered();
      this.markReady();
    }
    for (const { job, attempt } of message.acknowledge ?? []) this.unacknowledged.delete(`${job}/${attempt}`);
    this.onAcknowledged();
    for (const assignment of message.assign ?? []) this.assign(assignment);
    if (message.drain) this.onDrainAnswered();
    for (const { job, attempt } of message.cancel ?? []) this.pool.cancel(job, attempt);
    for (const job of message.endedJobs ?? []) this.pool.endJob(job);
  }

  /** False when the store cannot be used: then this worker is of no use. */
  private opened({ storeUri, s3 }: Registered): boolean {
    try {
      this.stores ??= this.options.stores(s3);
      this.store ??= this.stores.open(storeUri);
      return true;
    } catch (thrown) {
      this.refused(GristmillError.from(thrown));
      return false;
    }
  }

  private assign(assignment: Assignment): void {
    const held = this.held().some(({ job, attempt }) => job === assignment.job && attempt === assignment.attempt);
    if (held || !this.store) return; // an assignment may arrive twice
    if (this.handsBack) {
      void this.finished(assignment, handedBack(assignment));
      return;
    }
    this.observer.attemptStarted(assignment);
    this.pool.run(assignment, this.store.uri);
  }

  private async finished(assignment: Assignment, { report, log }: Finished): Promise<void> {
    this.finishing.add(assignment);
    this.observer.attemptEnded(report);
    if (log !== '' && this.store) {
      await gate('log');
      const key = storeKeys.log(assignment.job, assignment.attempt);
      await this.store.put(key, Buffer.from(log), { durable: false }).catch((error: unknown) => {
        this.options.log.warn({ attempt: assignment.attempt, error: GristmillError.from(error).message }, 'log lost');
      });
    }
    this.finishing.delete(assignment);
    this.unacknowledged.set(`${report.job}/${report.attempt}`, report);
    this.session?.send({ reports: [report] });
  }
}

/** A report takes none any more. */
function slotsOf(held: Assignment | TaskReport): { readonly slots?: number } {
  return 'slots' in held ? { slots: held.slots } : {};
}

/** Bytes of memory that this process may use: the machine's, or what its container is limited to. */
export function memoryHere(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Heap for each of `executors` on this machine: user code may have half of the memory. */
export function heapMegabytesFor(executors: number, memoryBytes: number): number {
  return Math.max(256, Math.floor(memoryBytes / 2 / executors / (1024 * 1024)));
}
