/**
 * What comes after a job was cleaned up, and is cleaned up as well.
 *
 * Attempts may end after that: a loser whose cancellation was on its way, or an attempt of a worker that was given up and came
 * back. And a write may land after that, though its writer has seen it fail and has written again, or is gone: a network or a
 * server had it still. No store says how late that may be; `limits.lateWriteMs` is what is taken for it here. So a standing
 * coordinator sweeps each job once more when that time has passed since its end, or since the last attempt of it was heard of.
 */
import type { AttemptId } from '../../shared/ids.js';
import type { Now } from './events.js';
import type { JournalRecord, Step } from './records.js';
import type { JobRetention } from './retention.js';
import type { EndedJob, Job } from './state.js';

/** The steps that remove what attempts have left, and what says that the last of them is due. */
export const SWEEPS: ReadonlySet<Step> = new Set(['staged-discarded', 'shuffle-swept', 'late-sweep-due', 'late-swept']);

/** Without an output nothing was written but what is kept for a while anyway. */
function needsLateSweep(job: EndedJob): boolean {
  return job.inspected !== undefined && !job.request.dryRun;
}

/** True from when writes that were under way at its end have landed, until that is in the journal. */
export function isLateSweepDue(job: EndedJob, { lateWriteMs }: JobRetention, now: Now): boolean {
  if (!needsLateSweep(job) || job.steps.has('late-sweep-due')) return false;
  return Math.max(job.endedAtMs, job.reopenedAtMs ?? 0) + lateWriteMs <= now.wallMs;
}

/** True when nothing that was written for the job will land any more. */
export function isLateSwept(job: EndedJob): boolean {
  return !needsLateSweep(job) || job.steps.has('late-swept');
}

/** That those steps are to be done again for this attempt, if they have been done. */
export function sweepAgain(job: Job, attempt: AttemptId, now: Now): readonly JournalRecord[] {
  const isSwept = [...SWEEPS].some((step) => job.steps.has(step));
  return isSwept ? [{ type: 'sweep-reopened', job: job.id, atMs: now.wallMs, attempt }] : [];
}
