/**
 * `evolve` applies one record to the durable state. It is the only writer of that state, in a running leader as in
 * replay, so whatever it makes of a journal is what every later leader makes of it.
 */
import { GristmillError, isMachineFault } from '../../shared/errors.js';
import { attemptParts, type JobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { moveJob } from './move.js';
import type { JournalRecord } from './records.js';
import type { DurableState, Job, LoggedEvent, ValidatingJob } from './state.js';
import { loseWinner, win } from './work.js';

type About<Type extends JournalRecord['type']> = Extract<JournalRecord, { readonly type: Type }>;
type JobRecord = Exclude<JournalRecord, About<'leader-elected'> | About<'job-submitted'>>;
type Unnumbered<T> = T extends unknown ? Omit<T, 'index' | 'atMs'> : never;

/** The same state object, changed. */
export function evolve(state: DurableState, record: JournalRecord): void {
  const jobs = state.jobs as Map<JobId, Job>;
  if (record.type === 'leader-elected') {
    (state as { epoch: number }).epoch = record.epoch;
  } else if (record.type === 'job-submitted') {
    jobs.set(record.job, submitted(record));
    (state.byRequest as Map<string, JobId>).set(record.request.requestId, record.job);
  } else {
    const job = jobs.get(record.job);
    if (!job)
      throw new GristmillError('journal-corrupt', 'a record of an unknown job', { context: { job: record.job } });
    jobs.set(job.id, applied(job, record));
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

function applied(job: Job, record: JobRecord): Job {
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
      if (job.state !== 'committing') throw misplaced(job, record);
      return { ...job, work: loseWinner(job.work, attemptParts(record.attempt).index), hasLostWinner: true };
    case 'part-published':
      if (job.state !== 'committing') throw misplaced(job, record);
      return { ...job, published: added(job.published, record.part) };
    case 'step-done':
      return stepDone({ ...job, steps: new Set([...job.steps, record.step]) }, record);
    case 'job-moved':
      return jobMoved(job, record);
    case 'noticed':
      return logged(job, record.atMs, { type: 'notice', code: record.code, message: record.message });
  }
}

function validating(job: Job, record: JobRecord): ValidatingJob {
  if (job.state !== 'validating') throw misplaced(job, record);
  return job;
}

function misplaced(job: Job, record: JournalRecord): GristmillError {
  return new GristmillError('journal-corrupt', `a job that is ${job.state} has a record ${record.type}`, {
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
  };
  if (result.kind === 'inspect') {
    const inspection = { attempt, key: result.key, xxh64: result.xxh64 };
    return logged({ ...validating(job, record), inspection }, record.atMs, event);
  }
  if (job.state !== 'in_progress' && job.state !== 'committing') throw misplaced(job, record);
  return logged({ ...job, work: win(job.work, attempt, result) }, record.atMs, event);
}

function attemptFailed(job: Job, record: About<'attempt-failed'>): Job {
  const { attempt, worker, elapsedMs, failure } = record;
  const { task } = attemptParts(attempt);
  const failures = new Map(job.failures);
  if (failure.countsTowardLimit) failures.set(task, (failures.get(task) ?? 0) + 1);
  const machineFaults = new Map(job.machineFaults);
  if (isMachineFault(failure)) machineFaults.set(task, (machineFaults.get(task) ?? 0) + 1);
  else machineFaults.delete(task);
  const failedAttempts = new Set([...job.failedAttempts, attempt]);
  const event = { type: 'attempt' as const, attempt, worker, won: false, failure, elapsedMs, records: 0, bytes: 0 };
  return logged({ ...job, failures, machineFaults, failedAttempts }, record.atMs, event);
}

function jobMoved(job: Job, record: About<'job-moved'>): Job {
  const { to, reason, atMs } = record;
  const moved = logged(moveJob(job, record), atMs, { type: 'state', from: job.state, to, reason });
  return 'endedAtMs' in moved && to !== 'archived' ? logged(moved, atMs, { type: 'outcome' }) : moved;
}

/** Once the audit log is kept in the store, memory keeps only what a late watcher may ask for. */
function stepDone(job: Job, record: About<'step-done'>): Job {
  if (record.step !== 'audit-kept' || job.events.length <= limits.eventsKeptMax) return job;
  return { ...job, events: job.events.slice(-limits.eventsKeptMax) };
}

function added(set: ReadonlySet<number>, part: number): ReadonlySet<number> {
  return (set as Set<number>).add(part);
}

function logged<J extends Job>(job: J, atMs: number, event: Unnumbered<LoggedEvent>): J {
  const index = job.eventsEnd;
  (job.events as LoggedEvent[]).push({ index, atMs, ...event });
  return { ...job, eventsEnd: index + 1 };
}
