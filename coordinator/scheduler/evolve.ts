/**
 * `evolve` applies one record to the durable state. It is the only writer of that state, in a running leader as in
 * replay, so whatever it makes of a journal is what every later leader makes of it.
 */
import { GristmillError, isMachineFault } from '../../shared/errors.js';
import { attemptParts, type AttemptId, type JobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { SWEEPS } from './late-sweep.js';
import { loseMap } from './lost-maps.js';
import { moveJob } from './move.js';
import type { JournalRecord } from './records.js';
import type { CommittingJob, DurableState, Job, LoggedEvent, ValidatingJob } from './state.js';
import { loseWinner, win } from './work.js';

type About<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>;
type StoreRecord = Exclude<JournalRecord, { readonly job: JobId }>;
type JobRecord = Exclude<JournalRecord, StoreRecord | About<'job-submitted'>>;
type Unnumbered<T> = T extends unknown ? Omit<T, 'index' | 'atMs'> : never;

/** The same state object, changed. */
export function evolve(state: DurableState, record: JournalRecord): void {
  const jobs = state.jobs as Map<JobId, Job>;
  if (!('job' in record)) {
    Object.assign(state, aboutStore(state, record));
  } else if (record.type === 'job-submitted') {
    jobs.set(record.job, submitted(record));
    (state.byRequest as Map<string, JobId>).set(record.request.requestId, record.job);
  } else {
    const job = jobs.get(record.job);
    if (!job)
      throw new GristmillError('journal-corrupt', 'a record of an unknown job', { context: { job: record.job } });
    const after = applied(job, record);
    if (after) {
      jobs.set(job.id, after);
    } else {
      jobs.delete(job.id);
      (state.byRequest as Map<string, JobId>).delete(job.request.requestId);
    }
  }
}

function aboutStore(state: DurableState, record: StoreRecord): Partial<DurableState> {
  switch (record.type) {
    case 'leader-elected': {
      const { epoch, slot } = record;
      if (slot === undefined) return { epoch };
      return { epoch, fences: [...state.fences, slot].slice(-limits.fencesKeptMax) };
    }
    case 'snapshot-taken': {
      const { slot, atMs, replaces } = record;
      return { snapshots: [...state.snapshots.filter((before) => before.slot !== replaces), { slot, atMs }] };
    }
    case 'journal-collected':
      return {
        collected: record.slot,
        snapshots: state.snapshots.filter(({ slot }) => slot >= record.slot),
      };
  }
}

function submitted(record: About<'job-submitted'>): ValidatingJob {
  const job: ValidatingJob = {
    state: 'validating',
    id: record.job,
    request: record.request,
    submittedAtMs: record.atMs,
    events: [],
    eventsEnd: 0,
    failures: new Map(),
    machineFaults: new Map(),
    failedAttempts: new Set(),
    steps: new Set(),
    inspection: undefined,
    inspected: undefined,
    claim: undefined,
    plan: undefined,
  };
  const reason = 'the definition is inspected';
  return logged(job, record.atMs, { type: 'state', from: undefined, to: 'validating', reason });
}

/** Undefined: nothing is left of the job. */
function applied(job: Job, record: JobRecord): Job | undefined {
  switch (record.type) {
    case 'job-inspected':
      return { ...validating(job, record), inspected: record.inspected };
    case 'output-claimed':
      return { ...validating(job, record), claim: record.claim };
    case 'job-planned':
      return { ...validating(job, record), plan: record.plan };
    case 'task-won':
      return taskWon(job, record);
    case 'attempt-failed':
      return attemptFailed(job, record);
    case 'winner-lost':
      if (job.state !== 'committing') throw misplaced(job, record.type);
      return { ...job, work: loseWinner(job.work, attemptParts(record.attempt).index), hasLostWinner: true };
    case 'map-lost':
      return mapLost(job, record);
    case 'part-published':
      if (job.state !== 'committing') throw misplaced(job, record.type);
      return partPublished(job, record.part);
    case 'step-done':
      if (record.step === 'evidence-swept') return undefined;
      return stepDone({ ...job, steps: new Set([...job.steps, record.step]) }, record);
    case 'sweep-reopened':
      return {
        ...job,
        steps: new Set([...job.steps].filter((step) => !SWEEPS.has(step))),
        reopenedAtMs: record.atMs,
      };
    case 'job-moved':
      return jobMoved(job, record);
    case 'noticed':
      return logged(job, record.atMs, { type: 'notice', code: record.code, message: record.message });
  }
}

function validating(job: Job, record: JobRecord): ValidatingJob {
  if (job.state !== 'validating') throw misplaced(job, record.type);
  return job;
}

function misplaced(job: Job, type: JournalRecord['type']): GristmillError {
  return new GristmillError('journal-corrupt', `a job that is ${job.state} has a record ${type}`, {
    context: { job: job.id },
  });
}

function taskWon(job: Job, record: About<'task-won'>): Job {
  const { attempt, result } = record;
  const counts = result.kind === 'inspect' ? undefined : result.counts;
  const event = {
    type: 'attempt' as const,
    attempt,
    worker: record.worker,
    won: true,
    failure: undefined,
    elapsedMs: record.elapsedMs,
    records: counts === undefined ? 0 : result.kind === 'reduce' ? counts.shuffledInRecords : counts.recordsRead,
    bytes: counts === undefined ? 0 : result.kind === 'reduce' ? counts.bytesWritten : counts.bytesRead,
    ...slotsOf(record),
  };
  if (result.kind === 'inspect') {
    const inspection = { attempt, key: result.key, xxh64: result.xxh64 };
    return logged({ ...validating(job, record), inspection }, record.atMs, event);
  }
  if (job.state !== 'in_progress' && job.state !== 'committing') throw misplaced(job, record.type);
  const work = win(job.work, attempt, result);
  const won = logged({ ...job, work }, record.atMs, event);
  if (work.differing.length === job.work.differing.length) return won;
  // With the winner itself, not as a record of its own: a crash between the two would leave half of it.
  return logged(won, record.atMs, { type: 'notice', code: 'map-not-repeatable', message: unrepeatable(attempt) });
}

function unrepeatable(attempt: AttemptId): string {
  return `${attemptParts(attempt).task} gave different output when it was run again, so its map is not deterministic; everything is reduced again, over the output of ${attempt}`;
}

/** The next stage manifest names another attempt; until then nothing more is reduced. */
function mapLost(job: Job, { atMs, attempt, reader, reason }: About<'map-lost'>): Job {
  if (job.state !== 'in_progress' && job.state !== 'committing') throw misplaced(job, 'map-lost');
  const work = loseMap(job.work, attempt);
  if (work === job.work) return job;
  const steps = new Set(job.steps);
  steps.delete('stage-manifest');
  const message = `the shuffle object of ${attempt} cannot be read; its task runs again (${reader}: ${reason})`;
  return logged({ ...job, steps, work }, atMs, { type: 'notice', code: 'map-lost', message });
}

function attemptFailed(job: Job, record: About<'attempt-failed'>): Job {
  const { attempt, worker, elapsedMs, failure } = record;
  const { task } = attemptParts(attempt);
  const failures = new Map(job.failures);
  if (failure.countsTowardLimit) failures.set(task, (failures.get(task) ?? 0) + 1);
  const machineFaults = new Map(job.machineFaults);
  if (isMachineFault(failure)) machineFaults.set(task, (machineFaults.get(task) ?? 0) + 1);
  // What was handed back has met no fault, and ends no row of them either.
  else if (failure.code !== 'handed-back') machineFaults.delete(task);
  const failedAttempts = new Set([...job.failedAttempts, attempt]);
  const about = { attempt, worker, won: false, failure, elapsedMs, records: 0, bytes: 0 };
  const event = { type: 'attempt' as const, ...about, ...slotsOf(record) };
  const outgrown = failure.code === 'out-of-memory' && { outgrown: new Set([...(job.outgrown ?? []), task]) };
  return logged({ ...job, failures, machineFaults, failedAttempts, ...outgrown }, record.atMs, event);
}

function slotsOf({ slots }: { readonly slots?: number }): { readonly slots?: number } {
  return slots === undefined ? {} : { slots };
}

function jobMoved(job: Job, record: About<'job-moved'>): Job {
  const { to, reason, atMs } = record;
  // The outcome is the last that a watcher is told.
  if (to === 'archived') return moveJob(job, record);
  const moved = logged(moveJob(job, record), atMs, { type: 'state', from: job.state, to, reason });
  return 'endedAtMs' in moved ? logged(moved, atMs, { type: 'outcome' }) : moved;
}

/** Once the audit log is kept in the store, memory keeps only what a late watcher may ask for. */
function stepDone(job: Job, record: About<'step-done'>): Job {
  if (record.step !== 'audit-kept' || job.events.length <= limits.eventsKeptMax) return job;
  return { ...job, events: job.events.slice(-limits.eventsKeptMax) };
}

function partPublished(job: CommittingJob, part: number): CommittingJob {
  const { published, work, isPartial } = job;
  (published as Set<number>).add(part);
  let publishedTo = job.publishedTo ?? 0;
  const isLeftOut = (one: number) => isPartial && one < work.sealed.length && work.sealed[one] === undefined;
  while (published.has(publishedTo) || isLeftOut(publishedTo)) publishedTo++;
  return { ...job, publishedTo };
}

function logged<J extends Job>(job: J, atMs: number, event: Unnumbered<LoggedEvent>): J {
  const index = job.eventsEnd;
  (job.events as LoggedEvent[]).push({ index, atMs, ...event });
  return { ...job, eventsEnd: index + 1 };
}
