/** What a job comes to when its last task has won: the commit, if its counts add up and anything in it was good. */
import { balance, type Law } from '../../shared/counts.js';
import { failureOf, GristmillError, type ErrorCode } from '../../shared/errors.js';
import type { Now } from './events.js';
import type { JournalRecord } from './records.js';
import type { Inspected } from './records.js';
import type { InProgressJob, Work } from './state.js';
import { totalCounts } from './work.js';

export function endOfWork(job: InProgressJob, work: Work, now: Now): JournalRecord {
  const about = { type: 'job-moved', job: job.id, atMs: now.wallMs } as const;
  const fail = (code: ErrorCode, message: string): JournalRecord => {
    const failure = failureOf(new GristmillError(code, message, { context: { job: job.id } }));
    return { ...about, to: 'failed', reason: failure.message, failure };
  };
  const broken = lawsOf(job.inspected, work).filter((law) => !law.holds);
  if (broken.length > 0) {
    const figures = broken.map((law) => `${law.name}: ${law.left} against ${law.right}`).join('; ');
    return fail('out-of-balance', `the counts do not balance (${figures}); nothing was published`);
  }
  const counts = totalCounts(work);
  if (counts.recordsRead > 0 && counts.recordsMapped + counts.recordsFiltered === 0) {
    return fail('record-invalid', `none of ${counts.recordsRead} records was good`);
  }
  return { ...about, to: 'committing', reason: 'every task is done and the counts balance', failure: undefined };
}

/** The conservation laws over all winners, and for each reduce task what was declared against what was found. */
export function lawsOf(inspected: Inspected, work: Work): readonly Law[] {
  const laws = balance(totalCounts(work), inspected.kind);
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
