/**
 * The rules of placement, by a model of its own: who runs what, as far as events and orders tell, without a look into the
 * scheduler's state. A rule that is broken is a violation at that very decision.
 */
import type { Command, Decision, SchedulerEvent } from '../../../coordinator/scheduler/events.js';
import type { JournalRecord } from '../../../coordinator/scheduler/records.js';
import { attemptParts, type JobId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';
import type { Assignment, Registration } from '../../../shared/protocol.js';
import { FailureCheck } from './failure-check.js';
import type { FleetJobPlan, FleetScenario } from './scenario.js';
import { ShareCheck } from './share-check.js';

interface Worker {
  incarnation: string;
  session: number | undefined;
  slots: number;
  heardMs: number;
}

interface Live {
  readonly job: JobId;
  readonly task: string;
  readonly attempt: string;
  readonly worker: string;
  readonly isBackup: boolean;
  /** Of its worker, that it takes. */
  readonly slots: number;
}

/** No job waits longer with a slot free: the slot's worker may be excluded for all, and then for the job, and no fault lasts so long. */
const FREE_MS_MAX = limits.exclusionCooldownMs + 2 * limits.exclusionJobCooldownMs;
/** Nor with all workers idle: the last of them is never excluded, and only a retry waits. */
const IDLE_MS_MAX = limits.attemptBackoffMsMax + limits.retryElsewhereMs + limits.leaseDeadMs;

export class PolicyChecker {
  violation: string | undefined;
  readonly happened = new Map<string, number>();
  readonly #plans: ReadonlyMap<JobId, FleetJobPlan>;
  readonly #workers = new Map<string, Worker>();
  readonly #bySession = new Map<number, string>();
  /** Attempts that count, by job and attempt. */
  readonly #live = new Map<string, Live>();
  /** Those whose report is in the event at hand: one of them may win. */
  #reported = new Map<string, Live>();
  /** Slots that are taken by attempts that do not count any more. */
  readonly #winners = new Set<string>();
  readonly #givenOut = new Map<string, Set<string>>();
  readonly #tasks = new Map<JobId, { readonly map: number; readonly reduce: number }>();
  readonly #failures = new FailureCheck((message) => this.violate(message));
  readonly #shares: ShareCheck;
  readonly #waits = new Waits();
  readonly #open = new Set<JobId>();

  constructor(scenario: FleetScenario, plans: ReadonlyMap<JobId, FleetJobPlan>) {
    this.#plans = plans;
    this.#shares = new ShareCheck(scenario, plans, (message) => this.violate(message));
  }

  violate(message: string): void {
    this.violation ??= message;
  }

  note(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  checkShares(): void {
    this.#shares.check();
  }

  // --- what the scheduler is told

  before(event: SchedulerEvent, nowMs: number): void {
    this.#shares.pass(nowMs, this.#live.values());
    this.#reported = new Map();
    if (event.type === 'session-opened') this.#opened(event.session, event.registration, nowMs);
    else if (event.type === 'session-closed') this.#closed(event.session);
    else if (event.type === 'tick') this.#expire(nowMs);
    else if (event.type === 'worker-message') {
      const name = this.#bySession.get(event.session);
      const worker = name === undefined ? undefined : this.#workers.get(name);
      if (!worker) return;
      worker.heardMs = nowMs;
      for (const { job, attempt } of event.message.reports ?? []) this.#hear(`${job}/${attempt}`, name);
    }
  }

  #hear(key: string, worker: string | undefined): void {
    const live = this.#live.get(key);
    if (!live || live.worker !== worker) {
      this.note('report that does not count');
      return;
    }
    this.#live.delete(key);
    this.#reported.set(key, live);
  }

  #opened(session: number, { worker: name, incarnation, slots, running }: Registration, nowMs: number): void {
    const before = this.#workers.get(name);
    // The first of one name keeps it while it is heard of, and nothing is given to the second.
    const isHeard = before?.session !== undefined && nowMs - before.heardMs < limits.leaseSuspectMs;
    if (isHeard && before.incarnation !== incarnation) return;
    if (before?.session !== undefined) this.#bySession.delete(before.session);
    const held = new Set(running.map(({ job, attempt }) => `${job}/${attempt}`));
    const isSame = before?.incarnation === incarnation;
    for (const [key, live] of this.#live) if (live.worker === name && !(isSame && held.has(key))) this.#lose(key);
    this.#workers.set(name, { incarnation, session, slots, heardMs: nowMs });
    this.#bySession.set(session, name);
  }

  #closed(session: number): void {
    const worker = this.#workers.get(this.#bySession.get(session) ?? '');
    this.#bySession.delete(session);
    if (worker?.session === session) worker.session = undefined;
  }

  #expire(nowMs: number): void {
    for (const [name, { heardMs, session }] of this.#workers) {
      if (heardMs > nowMs - limits.leaseDeadMs) continue;
      for (const [key, live] of this.#live) if (live.worker === name) this.#lose(key);
      if (session !== undefined) this.#bySession.delete(session);
      this.#workers.delete(name);
    }
  }

  #lose(key: string): void {
    this.note('attempt lost');
    this.#live.delete(key);
  }

  // --- what it decides

  after(_event: SchedulerEvent, { records, commands }: Decision, nowMs: number): void {
    const losers: Live[] = [];
    for (const record of records) losers.push(...this.#onRecord(record, nowMs));
    this.#checkCancelled(losers, commands);
    for (const command of commands) {
      if (command.type !== 'send') continue;
      const worker = this.#bySession.get(command.session);
      for (const assignment of command.message.assign ?? []) this.#onAssign(assignment, worker, nowMs);
    }
    this.#checkIdle(nowMs);
  }

  #onRecord(record: JournalRecord, nowMs: number): readonly Live[] {
    if (record.type === 'job-submitted') this.#open.add(record.job);
    if (record.type === 'noticed') this.note(`notice ${record.code}`);
    if (record.type === 'job-planned') {
      const { mapTasks, partitions } = record.plan;
      this.#tasks.set(record.job, { map: mapTasks, reduce: partitions });
    }
    if (record.type === 'attempt-failed') {
      this.note(`failed: ${record.failure.code}`);
      this.#failures.failed(record, nowMs);
    }
    if (record.type === 'task-won') return this.#onWon(record.job, record.attempt);
    if (record.type === 'job-moved' && ['failed', 'completed'].includes(record.to)) {
      this.note(record.to);
      this.#open.delete(record.job);
      if (record.to === 'failed') this.#failures.checkEnd(record);
      for (const [key, live] of this.#live) if (live.job === record.job) this.#live.delete(key);
    }
    return [];
  }

  #onWon(job: JobId, attempt: string): readonly Live[] {
    const won = this.#reported.get(`${job}/${attempt}`);
    if (!won) {
      this.violate(`a late report was accepted: ${attempt} of ${job} wins and did not count any more`);
      return [];
    }
    const task = `${job}/${won.task}`;
    if (this.#winners.has(task)) this.violate(`${task} is won twice`);
    this.#winners.add(task);
    if (won.isBackup) this.note('backup won');
    const losers = [...this.#live.values()].filter((live) => live.job === job && live.task === won.task);
    for (const loser of losers) this.#live.delete(`${job}/${loser.attempt}`);
    return losers;
  }

  /** At once: with the win itself. */
  #checkCancelled(losers: readonly Live[], commands: readonly Command[]): void {
    const cancelled = new Set<string>();
    for (const command of commands) {
      if (command.type !== 'send') continue;
      for (const { job, attempt } of command.message.cancel ?? []) cancelled.add(`${job}/${attempt}`);
    }
    for (const { job, attempt, worker } of losers) {
      this.note('loser');
      const isConnected = this.#workers.get(worker)?.session !== undefined;
      if (isConnected && !cancelled.has(`${job}/${attempt}`)) {
        this.violate(`${attempt} of ${job} goes on, though its task is won`);
      }
    }
  }

  #onAssign({ job, attempt, kind, index, slots = 1 }: Assignment, worker: string | undefined, nowMs: number): void {
    if (worker === undefined) {
      this.violate(`${attempt} is given to nobody`);
      return;
    }
    const { task } = attemptParts(attempt);
    if (this.#winners.has(`${job}/${task}`)) this.violate(`${task} of ${job} is finished and given out again`);
    const others = [...this.#live.values()].filter((live) => live.job === job && live.task === task);
    const live = { job, task, attempt, worker, isBackup: others.length > 0, slots };
    const free = this.#freeWorkers(nowMs).get(worker) ?? 0;
    if (slots > free) this.violate(`${attempt} of ${job} takes ${slots} slots of ${worker}, which has ${free} free`);
    this.#failures.checkSlots(live, this.#slotsOfPresent(nowMs));
    if (slots > 1) this.note('two slots');
    this.#live.set(`${job}/${attempt}`, live);
    const given = this.#givenOut.get(`${job}/${kind}`) ?? new Set();
    this.#givenOut.set(`${job}/${kind}`, given.add(String(index)));
    if (live.isBackup) this.#checkBackup(live, others, kind);
    this.#failures.checkPlace(live, this.#slotsOfPresent(nowMs), nowMs);
    if (kind === 'map') this.#shares.given(job);
  }

  #checkBackup({ job, attempt, worker }: Live, others: readonly Live[], kind: Assignment['kind']): void {
    this.note('backup');
    if (others.length > 1) this.violate(`${attempt} of ${job} is the third attempt of its task at a time`);
    if (others.some((other) => other.worker === worker))
      this.violate(`${attempt} of ${job} is a backup on the same worker`);
    if (this.#plans.get(job)?.speculate !== true) this.violate(`${attempt} is a backup, and ${job} wants none`);
    const tasks = kind === 'inspect' ? 1 : (this.#tasks.get(job)?.[kind] ?? 0);
    const given = this.#givenOut.get(`${job}/${kind}`)?.size ?? 0;
    if (given < tasks) this.violate(`${attempt} of ${job} is a backup while ${tasks - given} tasks wait`);
    let slots = 0;
    for (const { session, slots: own } of this.#workers.values()) if (session !== undefined) slots += own;
    const backups = [...this.#live.values()].filter(({ isBackup }) => isBackup).length;
    const budget = Math.max(1, Math.floor(slots * limits.backupSlotsShare));
    if (backups > budget) this.violate(`${backups} backups run at a time over ${slots} slots`);
  }

  /** Workers that are heard of, with as many slots as are not taken by attempts that count. */
  #freeWorkers(nowMs: number): ReadonlyMap<string, number> {
    const free = this.#slotsOfPresent(nowMs);
    for (const { worker, slots } of this.#live.values()) {
      const left = free.get(worker);
      if (left !== undefined) free.set(worker, left - slots);
    }
    return free;
  }

  #slotsOfPresent(nowMs: number): Map<string, number> {
    const all = new Map<string, number>();
    for (const [name, { session, slots, heardMs }] of this.#workers) {
      if (session !== undefined && nowMs - heardMs < limits.leaseSuspectMs) all.set(name, slots);
    }
    return all;
  }

  /** A job of which nothing runs, though a slot is free for it, for longer than any wait that it may have. */
  #checkIdle(nowMs: number): void {
    const free = [...this.#freeWorkers(nowMs)];
    const hasFree = free.some(([, slots]) => slots > 0);
    const isIdle = hasFree && free.every(([name, slots]) => slots === this.#workers.get(name)?.slots);
    const busy = new Set([...this.#live.values()].map(({ job }) => job));
    for (const job of this.#open) {
      const [freeMs, idleMs] = this.#waits.of(job, hasFree && !busy.has(job), isIdle, nowMs);
      if (freeMs > FREE_MS_MAX) this.violate(`${job} starves: nothing of it runs for ${freeMs} ms, and a slot is free`);
      if (idleMs > IDLE_MS_MAX)
        this.violate(`${job} starves: nothing of it runs for ${idleMs} ms, and no worker has work`);
    }
  }
}

/** Since when jobs wait, and since when they do it while all workers are idle. */
class Waits {
  readonly #freeSinceMs = new Map<JobId, number>();
  readonly #idleSinceMs = new Map<JobId, number>();

  of(job: JobId, waits: boolean, isIdle: boolean, nowMs: number): readonly [number, number] {
    return [lasts(this.#freeSinceMs, job, waits, nowMs), lasts(this.#idleSinceMs, job, waits && isIdle, nowMs)];
  }
}

function lasts(since: Map<JobId, number>, job: JobId, holds: boolean, nowMs: number): number {
  const sinceMs = holds ? (since.get(job) ?? nowMs) : nowMs;
  since.set(job, sinceMs);
  return nowMs - sinceMs;
}
