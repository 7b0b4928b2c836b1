/**
 * The invariants, checked at each step against the journal as it lies in the store: what is visible must follow from
 * what is durable, and what was said must stay so.
 */
import { evolve } from '../../coordinator/scheduler/evolve.js';
import { stageVersion } from '../../coordinator/scheduler/lost-maps.js';
import type { JournalRecord } from '../../coordinator/scheduler/records.js';
import {
  emptyState,
  isEnded,
  workOf,
  type CommittingJob,
  type EndedJob,
  type Job,
} from '../../coordinator/scheduler/state.js';
import { parseStageManifest } from '../../shared/codec/stage-manifest.js';
import { attemptParts, type JobId } from '../../shared/ids.js';
import { outputNames, storeKeys, type StageVersion } from '../../shared/plan.js';
import type { Assignment, AttemptRef } from '../../shared/protocol.js';
import { DeadlineChecker } from './deadline-checker.js';
import { JournalChecker } from './journal-checker.js';
import { FetchChecks } from './fetch-checks.js';
import { checkManifest, checkParts, wantedParts } from './output-checks.js';
import type { StoreChange, StoreObserver } from './sim-store.js';
import type { World } from './world.js';

type About<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>;

export class Checker implements StoreObserver {
  /** The journal, as far as it is in the store. */
  readonly durable = emptyState();
  /** As the leaders were told. */
  journalKeepMs = 0;
  /** Every object, by key. */
  readonly objects = new Map<string, { readonly bytes: Uint8Array; readonly atMs: number }>();
  /** When a prefix was last listed, or its staged writes discarded. */
  readonly listedMs = new Map<string, number>();
  readonly discardedMs = new Map<string, number>();
  readonly fetches: FetchChecks;
  readonly #world: World;
  readonly #outcomes = new Map<JobId, string>();
  readonly #winners = new Map<string, string>();
  /** Stage manifests whose step was durable, though what they name may have been lost since. */
  readonly #manifests = new Set<string>();
  /** Attempts that have won, whatever became of it. */
  readonly #won = new Set<string>();
  readonly #planned = new Set<JobId>();
  readonly #assigned = new Map<string, string>();
  /** The last attempts that a leader has given out, by epoch, job and task: two of those that have not failed, of which one may be a backup. */
  readonly #latest = new Map<string, readonly { readonly attempt: string; readonly worker: string }[]>();
  /** Reports that a leader acknowledged and that were not durable then, with its epoch. */
  readonly #acknowledged = new Map<string, number>();
  readonly #events = new Map<string, string>();
  readonly #failed = new Set<string>();
  /** Attempts that reported counts which do not add up. */
  readonly #liars = new Set<string>();
  /** Jobs as they were at their outcome, before anything of them was put away. */
  readonly #ended = new Map<JobId, EndedJob>();
  readonly #plans = new Map<JobId, string>();
  readonly #journal = new JournalChecker(this);
  readonly #deadlines: DeadlineChecker;

  constructor(world: World) {
    this.#world = world;
    this.#deadlines = new DeadlineChecker(world);
    this.fetches = new FetchChecks(world);
  }

  get world(): World {
    return this.#world;
  }

  onList(prefix: string): void {
    this.listedMs.set(prefix, this.#world.nowMs);
  }

  onChange(change: StoreChange): void {
    const { kind, key } = change;
    const isJournal = key.startsWith(storeKeys.journalPrefix);
    if (isJournal && !this.#journal.isNew(change)) return;
    if (kind === 'discard-staged') {
      this.#checkDiscard(key);
      this.discardedMs.set(key, this.#world.nowMs);
      return;
    }
    const before = this.objects.get(key)?.bytes;
    if (kind !== 'delete' && before && key.includes('/stage/') && Buffer.compare(before, change.bytes) !== 0) {
      this.#world.violate(`the stage manifest ${key} was changed`);
    }
    if (kind === 'delete') this.objects.delete(key);
    else this.objects.set(key, { bytes: change.bytes, atMs: this.#world.nowMs });
    if (isJournal) this.#onJournal(change);
    else if (key.startsWith(storeKeys.snapshotPrefix)) this.#journal.onSnapshot(change);
    else if (key.startsWith('v1/')) this.#checkStore(change);
    else if (kind === 'delete') this.#checkRemoval(key);
    else if (kind === 'publish') this.#checkPublish(change);
    else if (before === undefined || Buffer.compare(before, change.bytes) !== 0) this.#checkOutput(key, change.bytes);
  }

  onLie(job: JobId, attempt: string): void {
    this.#liars.add(`${job}/${attempt}`);
  }

  hasLiar(job: Job): boolean {
    return (workOf(this.lastOf(job.id) ?? job)?.sealed ?? []).some(
      (winner) => winner && this.#liars.has(`${job.id}/${winner.attempt}`),
    );
  }

  get journal(): readonly Uint8Array[] {
    return this.#journal.slots;
  }

  /** The job as it ended, or as it is. */
  lastOf(job: JobId): Job | undefined {
    return this.#ended.get(job) ?? this.durable.jobs.get(job);
  }

  get lastJobs(): Job[] {
    return [...new Map<JobId, Job>([...this.durable.jobs, ...this.#ended]).values()];
  }

  /** It has ended, and nothing is kept of it any more. */
  isForgotten(job: JobId): boolean {
    return this.#ended.has(job) && !this.durable.jobs.has(job);
  }

  planOf(job: JobId): string | undefined {
    return this.#plans.get(job);
  }

  onHarm(key: string, isGone: boolean): void {
    this.fetches.onHarm(key);
    if (isGone) this.objects.delete(key);
  }

  jobsAt(prefix: string): Job[] {
    return [...this.durable.jobs.values()].filter(
      ({ inspected }) => inspected !== undefined && `${inspected.output.slice('memory:'.length)}/` === prefix,
    );
  }

  // --- the journal

  #onJournal(change: StoreChange): void {
    if (change.kind === 'delete') {
      this.#journal.onDelete(change.key);
      return;
    }
    if (change.kind !== 'put') this.#world.violate(`a journal slot was changed: ${change.key}`);
    const { epoch, records } = this.#journal.onSlot(change.bytes);
    for (const record of records) this.#onRecord(record, epoch);
  }

  #onRecord(record: JournalRecord, epoch: number): void {
    this.#world.note(
      `DURABLE ${record.type} ${'attempt' in record ? record.attempt : ''}${'to' in record ? record.to : ''}`,
    );
    if (record.type === 'task-won') this.#checkWinner(record, epoch);
    if (record.type === 'attempt-failed') this.#checkFailed(record, epoch);
    const before = 'job' in record ? this.durable.jobs.get(record.job)?.failures : undefined;
    if (record.type === 'map-lost') {
      const task = `${record.job}/${attemptParts(record.attempt).task}`;
      this.fetches.onLost(record, this.#winners.get(task));
      this.#winners.delete(task);
    }
    if (record.type === 'winner-lost') this.#winners.delete(`${record.job}/${attemptParts(record.attempt).task}`);
    if (record.type === 'job-moved') this.#checkMove(record);
    if (record.type === 'job-planned') this.#planned.add(record.job);
    const isAboutJob = 'job' in record;
    if (isAboutJob) this.#deadlines.onRecord(this.durable.jobs.get(record.job), record);
    try {
      evolve(this.durable, record);
    } catch (thrown) {
      this.#world.violate(`the journal cannot be replayed: ${String(thrown)}`);
    }
    const job = isAboutJob ? this.durable.jobs.get(record.job) : undefined;
    if (job && isEnded(job) && job.state !== 'archived') this.#ended.set(job.id, job);
    if (record.type === 'step-done' && record.step === 'stage-manifest') {
      const work = workOf(this.durable.jobs.get(record.job) as Job);
      if (work) this.#manifests.add(manifestOf(record.job, stageVersion(work)));
    }
    if (record.type === 'attempt-failed' && record.failure.producers) {
      const { task } = attemptParts(record.attempt);
      const after = this.durable.jobs.get(record.job)?.failures;
      if (after?.get(task) !== before?.get(task)) this.#world.violate(`${record.attempt} is blamed for what it reads`);
    }
  }

  #checkWinner(record: About<'task-won'>, epoch: number): void {
    const { job, attempt } = record;
    const task = `${job}/${attemptParts(attempt).task}`;
    const other = this.#winners.get(task);
    if (other !== undefined) this.#world.violate(`${attempt} wins after ${other} has won`);
    if (this.#failed.has(`${job}/${attempt}`)) this.#world.violate(`${attempt} wins after it has failed`);
    this.#winners.set(task, attempt);
    this.#won.add(`${job}/${attempt}`);
    if (this.fetches.onWon(record)) {
      for (const won of [...this.#winners.keys()]) if (won.startsWith(`${job}/reduce-`)) this.#winners.delete(won);
    }
    const [last, before] = this.#latest.get(`${epoch}/${task}`) ?? [];
    // A backup is on another worker; which attempts still counted is checked by the fleet's simulation.
    const mayWin = !last || attempt === last.attempt || (attempt === before?.attempt && before.worker !== last.worker);
    if (!mayWin) this.#world.violate(`the late report of ${attempt} was accepted: ${last.attempt} had been given out`);
    if (!this.#assigned.has(`${job}/${attempt}`)) this.#world.violate(`${attempt} wins and was never given out`);
    this.#checkNotEarly(record, epoch);
  }

  #checkFailed(record: About<'attempt-failed'>, epoch: number): void {
    const key = `${record.job}/${record.attempt}`;
    if (this.#failed.has(key)) this.#world.violate(`the failure of ${record.attempt} counts twice`);
    this.#failed.add(key);
    this.#checkNotEarly(record, epoch);
  }

  /** A leader that does not know that it is followed may acknowledge what means nothing to it. */
  #checkNotEarly({ job, attempt }: About<'task-won'> | About<'attempt-failed'>, epoch: number): void {
    if (this.#acknowledged.get(`${job}/${attempt}`) === epoch) {
      this.#world.violate(`the report of ${attempt} was acknowledged before it was durable`);
    }
  }

  #checkMove({ job, to, isPartial }: About<'job-moved'>): void {
    const from = this.durable.jobs.get(job);
    const { transitions } = this.#world;
    const edge = `${from?.state} -> ${to}`;
    transitions.set(edge, (transitions.get(edge) ?? 0) + 1);
    const outcome = this.#outcomes.get(job);
    if (outcome !== undefined && to !== 'archived')
      this.#world.violate(`the outcome of ${job} changes from ${outcome} to ${to}`);
    if (['completed', 'partial_success', 'failed', 'expired', 'cancelled'].includes(to)) this.#outcomes.set(job, to);
    if (to === 'cancelled' && from?.state === 'committing')
      this.#world.violate(`${job} was cancelled while it commits`);
    if (isPartial && from && this.hasLiar(from)) this.#world.violate(`${job} publishes parts that do not balance`);
    if (to === 'completed' && from?.state === 'committing') this.#checkComplete(from);
  }

  #checkComplete(job: CommittingJob): void {
    const prefix = `${job.inspected.output.slice('memory:'.length)}/`;
    for (const name of [outputNames.manifest, outputNames.success, outputNames.audit]) {
      if (!this.objects.has(prefix + name)) this.#world.violate(`${job.id} is completed without its ${name}`);
    }
    checkParts(this, job, prefix);
    if (this.hasLiar(job)) this.#world.violate(`${job.id} is completed and its counts do not balance`);
  }

  // --- the store

  #checkStore(change: StoreChange): void {
    const { kind, key } = change;
    const [, what, id] = key.split('/');
    const job = this.durable.jobs.get(id as JobId);
    if (what === 'shuffle' && kind === 'delete') {
      if (!job || !isEnded(job)) this.#world.violate(`${key} was removed before the end of its job was durable`);
    } else if (what === 'jobs' && kind === 'delete') {
      const isKept = job?.state !== 'archived' || (key.endsWith('/audit') && !job.steps.has('forgotten'));
      if (isKept) this.#world.violate(`${key} was removed while it was kept`);
    } else if (what === 'jobs' && key.endsWith('/plan')) {
      if (job && 'bytes' in change) this.#plans.set(job.id, Buffer.from(change.bytes).toString('utf8'));
      const isKnown = job !== undefined && (this.#planned.has(job.id) || (job.state === 'validating' && job.claim));
      if (!isKnown && !(job && isEnded(job))) this.#world.violate(`${key} was written before its claim was durable`);
    } else if (what === 'jobs' && key.includes('/stage/')) {
      // One that lands late may name winners that have been lost since.
      const { objects } = parseStageManifest(this.objects.get(key)?.bytes ?? new Uint8Array(0));
      const early = objects.find(({ attempt }) => !this.#won.has(`${id}/${attempt}`));
      if (early) this.#world.violate(`${key} was written before ${early.attempt} had won durably`);
    }
  }

  #checkDiscard(prefix: string): void {
    if (prefix.startsWith('v1/')) {
      const job = this.durable.jobs.get(prefix.split('/')[2] as JobId);
      if (!job || !isEnded(job))
        this.#world.violate(`staged writes of ${prefix} were discarded before their job ended`);
      return;
    }
    const may = this.jobsAt(prefix).some(
      (job) => isEnded(job) || (job.state === 'committing' && job.published.size === wantedParts(job)),
    );
    if (!may) this.#world.violate(`staged outputs of ${prefix} were discarded while they were wanted`);
  }

  #checkRemoval(key: string): void {
    const [prefix, name] = split(key);
    const may = this.jobsAt(prefix).some((job) => {
      if (name === outputNames.claim || name.startsWith('_takeover')) return true;
      if (job.state === 'committing') return job.request.overwrite && !job.steps.has('replaced-removed');
      return job.state === 'failed' && job.published !== undefined;
    });
    if (!may) this.#world.violate(`${key} was removed and no durable record says so`);
  }

  #checkPublish(change: Extract<StoreChange, { kind: 'publish' }>): void {
    const [prefix, name] = split(change.key);
    // A publish that was sent before its job failed may land until what was published is removed.
    const jobs = this.jobsAt(prefix);
    const job =
      jobs.find(({ state }) => state === 'committing') ??
      jobs.find((one) => one.state === 'failed' && one.published && !one.steps.has('published-removed'));
    const published = job && 'published' in job ? job.published : undefined;
    if (!job || !published) this.#world.violate(`${change.key} was published before committing was durable`);
    const part = Number(/\d+/.exec(name)?.[0]);
    const winner = workOf(job)?.sealed[part];
    if (winner?.seal.staged !== change.seal.staged) {
      this.#world.violate(`${change.key} is of ${change.seal.attempt}, the journal says ${winner?.attempt}`);
    }
    if (published.has(part)) this.#world.violate(`${change.key} was published twice`);
  }

  #checkOutput(key: string, bytes: Uint8Array): void {
    const [prefix, name] = split(key);
    if (name === outputNames.claim) {
      if (this.jobsAt(prefix).length === 0)
        this.#world.violate(`${key} was claimed before its job's output was durable`);
      return;
    }
    if (name.startsWith('_takeover')) return;
    const job = this.jobsAt(prefix).find(({ state }) => state === 'committing');
    if (job?.state !== 'committing') this.#world.violate(`${key} was written, and no job is committing there`);
    if (job.published.size < wantedParts(job))
      this.#world.violate(`${key} was written before every part was published`);
    if (name === outputNames.manifest) checkManifest(this, job, prefix, bytes);
    if (name === outputNames.success && job.isPartial)
      this.#world.violate(`${key} was written of a part of the result`);
    if (name === outputNames.success && !this.objects.has(prefix + outputNames.manifest)) {
      this.#world.violate(`${key} was written before the manifest`);
    }
  }

  // --- what was said

  onAssign(epoch: number, worker: string, assignment: Assignment): void {
    const { job, attempt, kind } = assignment;
    const by = `${epoch} to ${worker}`;
    const before = this.#assigned.get(`${job}/${attempt}`);
    if (before !== undefined && before !== by) {
      this.#world.violate(`the attempt id ${attempt} was given out twice: by ${before}, by ${by}`);
    }
    this.#assigned.set(`${job}/${attempt}`, by);
    const task = `${epoch}/${job}/${attemptParts(attempt).task}`;
    const given = this.#latest.get(task) ?? [];
    if (given[0]?.attempt !== attempt) {
      // A backup that failed may be followed by another one, while the first attempt goes on.
      const before = given.find((each) => !this.#failed.has(`${job}/${each.attempt}`));
      this.#latest.set(task, [{ attempt, worker: worker.split(' ')[0] ?? '' }, ...(before ? [before] : [])]);
    }
    const known = this.durable.jobs.get(job);
    // To the end of its job an assignment may be on its way.
    if (this.#ended.has(job)) return;
    const isDurable =
      kind === 'reduce'
        ? this.#manifests.has(manifestOf(job, assignment))
        : kind === 'map'
          ? this.#planned.has(job)
          : known;
    if (isDurable === undefined || isDurable === false) {
      this.#world.violate(`${attempt} was given out before what it needs was durable`);
    }
  }

  onAcknowledge(epoch: number, { job, attempt }: AttemptRef): void {
    const known = this.durable.jobs.get(job);
    const isDurable =
      known?.failedAttempts.has(attempt) || this.#winners.get(`${job}/${attemptParts(attempt).task}`) === attempt;
    if (!isDurable) this.#acknowledged.set(`${job}/${attempt}`, epoch);
  }

  onSubmitted(requestId: string, job: JobId): void {
    if (this.durable.byRequest.get(requestId) !== job && !this.isForgotten(job)) {
      this.#world.violate(`the submission of ${job} was answered before it was durable`);
    }
  }

  onCancelled(job: JobId): void {
    if (this.lastOf(job)?.state !== 'cancelled') {
      this.#world.violate(`the cancellation of ${job} was answered and is not durable`);
    }
  }

  /** A durable event as a watcher saw it. */
  onEvent(job: JobId, cursor: number, event: string, isDurable: boolean): void {
    const key = `${job}/${cursor}`;
    const before = this.#events.get(key);
    if (before !== undefined && before !== event) this.#world.violate(`event ${cursor} of ${job} has changed`);
    // A leader that is behind may still tell of a job that its successor has forgotten.
    if (!isDurable && !this.isForgotten(job))
      this.#world.violate(`event ${cursor} of ${job} was shown before it was durable: ${event}`);
    this.#events.set(key, event);
  }
}

function manifestOf(job: JobId, version: StageVersion): string {
  return storeKeys.stageManifest(job, 'map', version);
}

function split(key: string): readonly [string, string] {
  const at = key.lastIndexOf('/') + 1;
  return [key.slice(0, at), key.slice(at)];
}
