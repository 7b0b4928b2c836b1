/**
 * The deadline of a job: so long after its submission, by the wall clock of the record, so that it means the same to every
 * leader. What is finished by then is published without the rest, and the job ends as expired. From `committing` on it is
 * refused: a result that is complete is not taken back.
 */
import { failureOf, GristmillError, type Failure } from '../../shared/errors.js';
import { formatDuration, plural } from '../../shared/figures.js';
import { outOfBalance } from './end-of-work.js';
import type { Now } from './events.js';
import type { JournalRecord } from './records.js';
import type { CommittingJob, Job } from './state.js';

/** By the wall clock; undefined: it has none, or none any more, or nobody knows it yet. */
export function deadlineAtMs(job: Job): number | undefined {
  const isOpen = job.state === 'validating' || job.state === 'queued' || job.state === 'in_progress';
  const deadlineMs = job.inspected?.deadlineMs;
  return isOpen && deadlineMs !== undefined ? job.submittedAtMs + deadlineMs : undefined;
}

/** What becomes of a job whose deadline has passed; undefined: it has not. */
export function decideDeadline(job: Job, now: Now): JournalRecord | undefined {
  const dueMs = deadlineAtMs(job);
  if (dueMs === undefined || now.wallMs < dueMs) return undefined;
  if (job.state !== 'in_progress' || job.work.sealedWon === 0) return expired(job, now);
  const unbalanced = outOfBalance(job, now, true);
  if (unbalanced) return unbalanced;
  const reason = `its deadline has passed: ${finished(job)} and published, the rest is not`;
  return {
    type: 'job-moved',
    job: job.id,
    atMs: now.wallMs,
    to: 'committing',
    reason,
    failure: undefined,
    isPartial: true,
  };
}

/** The end of it, once the parts that there are have been published. */
export function expired(job: Job, now: Now): JournalRecord {
  const failure = failureOfDeadline(job);
  return { type: 'job-moved', job: job.id, atMs: now.wallMs, to: 'expired', reason: failure.message, failure };
}

function failureOfDeadline(job: Job): Failure {
  const told = job.inspected?.deadlineMs === undefined ? '' : ` of ${formatDuration(job.inspected.deadlineMs)}`;
  const rest = job.state === 'committing' ? `${finished(job)} and published` : 'nothing was published';
  return failureOf(
    new GristmillError('deadline-passed', `the deadline${told} passed before the job was done; ${rest}`, {
      context: { job: job.id },
    }),
  );
}

function finished({ work, plan }: Pick<CommittingJob, 'work' | 'plan'>): string {
  return `${work.sealedWon} of ${plural(plan.partitions, 'partition')} ${work.sealedWon === 1 ? 'is' : 'are'} finished`;
}
