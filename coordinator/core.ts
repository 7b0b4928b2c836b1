/**
 * The coordinator without its network: scheduler, journal and committer tied together. Events come in; what the scheduler
 * decides is evolved at once and appended; whatever leaves the process (answers, assignments, acknowledgements, events,
 * effects) waits until every record before it is durable.
 */
import { GristmillError } from '../shared/errors.js';
import { jobId, type JobId } from '../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../shared/limits.js';
import type { Registration } from '../shared/protocol.js';
import { clusterFigures, type ClusterFigures } from './cluster-figures.js';
import { CodeInUse } from './code-in-use.js';
import { carryOut } from './committer.js';
import type { CoreOptions, Session, SessionPort, Submitted } from './core-ports.js';
import { EffectRunner } from './effect-runner.js';
import { fractionOf } from './fraction.js';
import { JobWatch } from './job-watch.js';
import { jobView, type JobEventView, type JobView } from './job-view.js';
import { fencedPorts } from './fenced-store.js';
import { Journal } from './journal.js';
import { JournalUpkeep } from './journal-upkeep.js';
import { lead, type Leadership } from './leadership.js';
import { Releases } from './release.js';
import { listedSessions, SessionList } from './session-list.js';
import { refusalOf } from './scheduler/admission.js';
import { step } from './scheduler/decide.js';
import { isPending, pendingEffects, type Effect } from './scheduler/effects.js';
import type { CallNumber, Command, Now, SchedulerEvent, SessionNumber } from './scheduler/events.js';
import type { SubmitRequest } from './scheduler/records.js';
import { privateRetention } from './scheduler/retention.js';
import { isEnded, type Job } from './scheduler/state.js';
import {
  isHeldBack,
  leasesOf,
  mayTakeEffect,
  nextWakeMs,
  startState,
  type SchedulerState,
} from './scheduler/volatile.js';

interface Call {
  readonly resolve: (submitted: Submitted) => void;
  readonly reject: (error: GristmillError) => void;
}

export class Coordinator {
  readonly epoch: number;
  readonly #options: CoreOptions;
  readonly #state: SchedulerState;
  readonly #journal: Journal;
  readonly #releases = new Releases();
  readonly #effects: EffectRunner;
  readonly #watch: JobWatch;
  readonly #upkeep: JournalUpkeep;
  readonly #code: CodeInUse;
  readonly #sessionList: SessionList;
  readonly #stop = new AbortController();
  readonly #sessions = new Map<SessionNumber, SessionPort>();
  readonly #calls = new Map<CallNumber, Call>();
  /** Jobs that may have effects to start. */
  readonly #unsettled = new Set<JobId>();
  /** Jobs whose cleaning up waits for its time. */
  readonly #heldBack = new Set<JobId>();
  /** So many records have to be durable before effects of the job may start. */
  readonly #lastRecord = new Map<JobId, number>();
  #cancelWake: () => void = () => undefined;
  #numbers = 0;
  #halted: GristmillError | undefined;
  #onIdle: () => void = () => undefined;

  private constructor(options: CoreOptions, state: SchedulerState, { nextSlot, since }: Leadership, writer: string) {
    const { store, clock } = options;
    this.#options = options;
    this.#state = state;
    this.epoch = state.volatile.epoch;
    const random = () => fractionOf(options.random(4));
    this.#journal = new Journal({
      store,
      clock,
      random,
      epoch: this.epoch,
      writer,
      nextSlot,
      onSlot: (written) => this.#upkeep.onSlot(written),
      onDurable: (count) => {
        this.#releases.durable(count);
        this.#startEffects();
      },
      onHalt: (error) => this.#halt(error),
    });
    this.#upkeep = new JournalUpkeep(
      {
        ...options,
        random,
        durable: state.durable,
        cut: () => this.#journal.cut(),
        onTaken: (slot) => this.#dispatch({ type: 'snapshot-taken', slot }),
        signal: this.#stop.signal,
      },
      since,
    );
    this.#sessionList = new SessionList({ store, clock, epoch: this.epoch });
    this.#code = new CodeInUse(clock, state.volatile.retention.jobs?.uploadGraceMs ?? 0);
    const dropCode = (job: Job) => this.#code.drop(store, state.durable, job);
    const isStillPending = (id: JobId, effect: Effect) => {
      const job = state.durable.jobs.get(id);
      return job !== undefined && isPending(job, effect);
    };
    const confirm = () => this.#journal.confirm();
    const fenced = fencedPorts(options, confirm);
    const sweepsLate = state.volatile.retention.jobs !== undefined;
    const ports = { ...options, ...fenced, random, isPending: isStillPending, dropCode, sweepsLate };
    this.#effects = new EffectRunner({
      carryOut: (job, effect) => carryOut(ports, job, effect, this.#stop.signal),
      onEnded: (job, effect, result) => {
        if (result.kind === 'failed' || result.kind === 'given-up') {
          options.log.warn({ job, effect, failure: result.failure }, 'an effect failed');
        }
        this.#dispatch({ type: 'effect-ended', job, effect, result });
      },
    });
    this.#watch = new JobWatch(clock, (job) => {
      this.#confirmSoon();
      const found = state.durable.jobs.get(job);
      return found && { job: found, board: state.volatile.boards.get(job) };
    });
  }

  /** Becomes the leader of the store, replays its journal and goes on where the last leader ended. */
  static async start(options: CoreOptions): Promise<Coordinator> {
    const { store, storeUri, s3, clock, owner, retention = privateRetention } = options;
    const writer = Buffer.from(options.random(16)).toString('hex');
    const random = () => fractionOf(options.random(4));
    const leadership = await lead({ store, clock, random, writer, host: owner.host });
    const { durable, damaged } = leadership;
    if (damaged.length > 0) {
      options.log.warn({ damaged }, 'snapshots are damaged; the journal was read from further back');
    }
    const awaited = durable.jobs.size > 0 ? await listedSessions(store, durable.epoch) : undefined;
    const terms = { leases: leasesOf(options.leaseMs), retention, s3, awaited };
    const state = startState(durable, storeUri, clock.monotonic(), terms);
    const coordinator = new Coordinator(options, state, leadership, writer);
    for (const job of durable.jobs.values()) {
      coordinator.#watch.show(job.id, job.eventsEnd);
      coordinator.#unsettled.add(job.id);
    }
    coordinator.#dispatch({ type: 'tick' });
    return coordinator;
  }

  /** Code is about to be stored, whose job will follow; resolves when it may be. */
  uploading(sha256: string): Promise<void> {
    return this.#code.uploading(sha256);
  }

  /** Durable before it answers; the same request id answers with the same job. Refused with `over-capacity`. */
  submit(request: SubmitRequest): Promise<Submitted> {
    const refusal = this.#halted ? undefined : refusalOf(this.#state, request);
    if (refusal !== undefined) return Promise.reject(new GristmillError('over-capacity', refusal));
    const job = jobId(this.#options.random(8));
    return this.#call((call) => ({ type: 'submit', call, job, request }));
  }

  /** Refused with `job-ended` from the commit on. */
  async cancel(job: JobId, reason: string): Promise<JobView> {
    if (!this.#state.durable.jobs.has(job)) await this.#journal.confirmNow();
    await this.#call((call) => ({ type: 'cancel', call, job, reason }));
    return this.get(job);
  }

  async get(job: JobId): Promise<JobView> {
    const found = this.#state.durable.jobs.get(job);
    // Of what a predecessor knows nothing, its successor may know all.
    if (!found) await this.#journal.confirmNow();
    if (!found) throw new GristmillError('job-not-found', `there is no job ${job}`, { context: { job } });
    const view = jobView(found, this.#state.volatile.boards.get(job));
    await this.#settled();
    return view;
  }

  /** The newest first. */
  async list(limit: number): Promise<readonly JobView[]> {
    const newest = [...this.#state.durable.jobs.values()].reverse().slice(0, limit);
    const views = newest.map((job) => jobView(job, this.#state.volatile.boards.get(job.id)));
    await this.#settled();
    return views;
  }

  /** Events after the cursor in batches, then new ones as they happen, until the outcome. */
  async *watch(
    job: JobId,
    cursor: number,
    signal: AbortSignal,
  ): AsyncGenerator<readonly JobEventView[], void, undefined> {
    if (!this.#watch.knows(job)) {
      await this.#settled();
      await this.#journal.confirmNow();
    }
    yield* this.#watch.events(job, cursor, AbortSignal.any([signal, this.#stop.signal]));
  }

  /** Why it no longer leads; undefined while it does. */
  get halted(): GristmillError | undefined {
    return this.#halted;
  }

  /** How things stand, durable or not. */
  figures(): ClusterFigures {
    return clusterFigures(this.#state, this.#options.clock.monotonic());
  }

  /** A worker has opened a stream and says who it is. */
  openSession(registration: Registration, port: SessionPort): Session {
    const { protocolVersion, slots } = registration;
    if (protocolVersion !== PROTOCOL_VERSION) {
      const message = `the worker speaks protocol version ${protocolVersion}, this coordinator ${PROTOCOL_VERSION}`;
      throw new GristmillError('protocol-mismatch', `${message}: install the same release of gristmill on both`);
    }
    if (!Number.isInteger(slots) || slots < 1 || slots > limits.slotsMax) {
      throw new GristmillError('invalid-request', `a worker has 1 to ${limits.slotsMax} slots, not ${slots}`);
    }
    const session = ++this.#numbers;
    this.#sessions.set(session, port);
    this.#dispatch({ type: 'session-opened', session, registration });
    return {
      receive: (message) => {
        if (!this.#sessions.has(session)) return;
        this.#confirmSoon();
        this.#dispatch({ type: 'worker-message', session, message, random: fractionOf(this.#options.random(4)) });
      },
      closed: () => {
        if (this.#sessions.delete(session)) this.#dispatch({ type: 'session-closed', session });
      },
    };
  }

  /** Lets cleaning up end, for at most `graceMs`, then stops. What is left undone a successor does. */
  async close(graceMs = 0): Promise<void> {
    if (graceMs > 0 && !this.#halted) await this.#cleanedUp(graceMs);
    this.#halt(new GristmillError('unavailable', 'the coordinator is shutting down'));
    const isFenced = this.#halted?.code !== 'unavailable';
    await Promise.all([this.#effects.stop(), this.#journal.close(), this.#sessionList.close(isFenced)]);
    await this.#upkeep.close();
  }

  #call(event: (call: CallNumber) => SchedulerEvent): Promise<Submitted> {
    return new Promise((resolve, reject) => {
      if (this.#halted) {
        reject(this.#halted);
        return;
      }
      const call = ++this.#numbers;
      this.#calls.set(call, { resolve, reject });
      this.#dispatch(event(call));
    });
  }

  /** Whoever is still connected to a leader that another has followed is to learn of it. */
  #confirmSoon(): void {
    // A store that is away says nothing; the next message asks again.
    this.#journal.confirm().catch(() => undefined);
  }

  /** Resolves when all that is so now is durable. */
  #settled(): Promise<void> {
    this.#confirmSoon();
    return new Promise((resolve, reject) => {
      if (this.#halted) reject(this.#halted);
      const onStop = () => reject(this.#halted ?? new GristmillError('unavailable', 'the coordinator has stopped'));
      this.#stop.signal.addEventListener('abort', onStop, { once: true });
      this.#releases.after(this.#journal.append([]), () => {
        this.#stop.signal.removeEventListener('abort', onStop);
        resolve();
      });
    });
  }

  #dispatch(event: SchedulerEvent): void {
    if (this.#halted) return;
    const { clock } = this.#options;
    const now = { monotonicMs: clock.monotonic(), wallMs: clock.now() };
    if (event.type === 'tick') {
      for (const id of this.#heldBack) this.#unsettled.add(id);
      this.#heldBack.clear();
    }
    const { records, commands } = step(this.#state, event, now);
    this.#sessionList.after(event, this.#state.volatile);
    const count = this.#journal.append(records);
    for (const record of records) {
      if (!('job' in record)) continue;
      this.#lastRecord.set(record.job, count);
      this.#unsettled.add(record.job);
    }
    const { observer } = this.#options;
    if (observer && records.length > 0) this.#releases.after(count, () => observer.recorded(records));
    if (commands.length > 0) {
      this.#releases.after(count, () => {
        for (const command of commands) this.#obey(command);
      });
    }
    this.#startEffects();
    this.#wakeLater(now);
  }

  #obey(command: Command): void {
    switch (command.type) {
      case 'send':
        this.#sessions.get(command.session)?.send(command.message);
        this.#options.observer?.assigned(command.message.assign?.map(({ attempt }) => attempt) ?? []);
        return;
      case 'close-session':
        this.#sessions.get(command.session)?.close(command.refusal);
        this.#sessions.delete(command.session);
        return;
      case 'answer':
        this.#calls.get(command.call)?.resolve({ job: command.job, existed: command.existed });
        this.#calls.delete(command.call);
        return;
      case 'refuse':
        this.#calls.get(command.call)?.reject(new GristmillError(command.code, command.message));
        this.#calls.delete(command.call);
        return;
      case 'show-events':
        if (this.#state.durable.jobs.has(command.job)) this.#watch.show(command.job, command.end);
        else this.#watch.forget(command.job);
        return;
      case 'collect-journal':
        this.#upkeep.collect(command);
        return;
    }
  }

  #startEffects(): void {
    const { durable } = this.#state;
    const nowMs = this.#options.clock.monotonic();
    for (const id of [...this.#unsettled]) {
      const job = durable.jobs.get(id);
      if (!job || isHeldBack(this.#state, job, nowMs)) {
        this.#unsettled.delete(id);
        if (job) this.#heldBack.add(id);
        else this.#lastRecord.delete(id);
        continue;
      }
      const isDurable = (this.#lastRecord.get(id) ?? 0) <= this.#journal.durable;
      if (!isDurable || !mayTakeEffect(this.#state, job, nowMs)) continue;
      this.#effects.start(job);
      if (!this.#effects.isIdle(id) || pendingEffects(job).length > 0) continue;
      this.#unsettled.delete(id);
      if (isEnded(job)) this.#lastRecord.delete(id);
    }
    if (this.#isCleanedUp()) this.#onIdle();
  }

  /** By the time that was decided with: a wait that ends between that and a later reading would never be woken from. */
  #wakeLater({ monotonicMs: decidedMs, wallMs }: Now): void {
    this.#cancelWake();
    const wakeMs = nextWakeMs(this.#state, decidedMs, wallMs);
    if (wakeMs === Infinity) return;
    const waitMs = Math.max(1, Math.ceil(wakeMs - decidedMs));
    this.#cancelWake = this.#options.clock.after(waitMs, () => this.#dispatch({ type: 'tick' }));
  }

  #isCleanedUp(): boolean {
    for (const id of this.#unsettled) {
      const job = this.#state.durable.jobs.get(id);
      if (job && isEnded(job)) return false;
    }
    return true;
  }

  #cleanedUp(graceMs: number): Promise<void> {
    if (this.#isCleanedUp()) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(graceMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
  }

  #halt(error: GristmillError): void {
    if (this.#halted) return;
    this.#halted = error;
    this.#cancelWake();
    void this.#effects.stop();
    this.#stop.abort(error);
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    for (const port of this.#sessions.values()) port.close(error);
    this.#sessions.clear();
    if (error.code === 'unavailable') return;
    this.#options.log.error({ code: error.code, message: error.message }, 'the coordinator halts');
    this.#options.onHalt?.(error);
  }
}
