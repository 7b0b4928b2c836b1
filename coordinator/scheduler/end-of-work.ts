/** What a job comes to when its last task has won: the commit, if its counts add up and anything in it was good. */
import { balance, type Law } from '../../shared/counts.js';
import { failureOf, GristmillError, type ErrorCode } from '../../shared/errors.js';
import type { Now } from './events.js';
import type { JournalRecord } from './records.js';
import type { Inspected } from './records.js';
import type { CommittingJob, InProgressJob, Job, Work } from './state.js';
import { totalCounts } from './work.js';

export function endOfWork(job: InProgressJob, work: Work, now: Now): JournalRecord {
  const unbalanced = outOfBalance(job, now);
  if (unbalanced) return unbalanced;
  const counts = totalCounts(work);
  if (counts.recordsRead > 0 && counts.recordsMapped + counts.recordsFiltered === 0) {
    return failed(job, now, 'record-invalid', `none of ${counts.recordsRead} records was good`);
  }
  const reason = 'every task is done and the counts balance';
  return { type: 'job-moved', job: job.id, atMs: now.wallMs, to: 'committing', reason, failure: undefined };
}

/** The end of a job whose tasks are done and whose counts do not add up. */
export function outOfBalance(
  job: InProgressJob | CommittingJob,
  now: Now,
  isPartial = false,
): JournalRecord | undefined {
  const broken = lawsOf(job.inspected, job.work, isPartial).filter((law) => !law.holds);
  if (broken.length === 0) return undefined;
  const figures = broken.map((law) => `${law.name}: ${law.left} against ${law.right}`).join('; ');
  return failed(job, now, 'out-of-balance', `the counts do not balance (${figures}); nothing stays published`);
}

function failed(job: Job, now: Now, code: ErrorCode, message: string): JournalRecord {
  const failure = failureOf(new GristmillError(code, message, { context: { job: job.id } }));
  return { type: 'job-moved', job: job.id, atMs: now.wallMs, to: 'failed', reason: failure.message, failure };
}

/**
 * The conservation laws over all winners, and for each reduce task what was declared against what was found. While reduce
 * tasks are missing (`isPartial`), only the latter can hold.
 */
export function lawsOf(inspected: Inspected, work: Work, isPartial = false): readonly Law[] {
  const laws = isPartial && inspected.kind === 'reduce' ? [] : balance(totalCounts(work), inspected.kind);
  if (inspected.kind === 'map-only') return laws;
  let differing = 0;
  let declared = 0;
  let found = 0;
  for (const winner of work.sealed) {
    if (!winner?.declared) continue;
    const { counts } = winner;
    declared += winner.declared.records;
    found += counts.shuffledInRecords;
    const isSame =
      winner.declared.sum === counts.shuffledInSum &&
      winner.declared.records === counts.shuffledInRecords &&
      winner.declared.weight === counts.shuffledInWeight;
    if (!isSame) differing++;
  }
  const partitions = differing === 0 ? '' : `, in ${differing} partitions not the same`;
  return [
    ...laws,
    {
      name: 'declared = found in every partition',
      left: String(declared),
      right: `${found}${partitions}`,
      holds: differing === 0,
    },
  ];
}
