/**
 * What attempts leave that end after their job was cleaned up: a loser whose cancellation was on its way, or an attempt of
 * a worker that was given up and came back. What they wrote is cleaned up as well.
 */
import type { AttemptId } from '../../shared/ids.js';
import type { Now } from './events.js';
import type { JournalRecord, Step } from './records.js';
import type { Job } from './state.js';

/** The steps that remove what attempts have left. */
export const SWEEPS: ReadonlySet<Step> = new Set(['staged-discarded', 'shuffle-swept']);

/** That those steps are to be done again for this attempt, if they have been done. */
export function sweepAgain(job: Job, attempt: AttemptId, now: Now): readonly JournalRecord[] {
  const isSwept = [...SWEEPS].some((step) => job.steps.has(step));
  return isSwept ? [{ type: 'sweep-reopened', job: job.id, atMs: now.wallMs, attempt }] : [];
}
