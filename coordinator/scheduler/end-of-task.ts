/** When a task has failed for the last time, and its job with it. */
import { isMachineFault, type Failure } from '../../shared/errors.js';
import { attemptParts, type AttemptId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { Now } from './events.js';
import type { JournalRecord } from './records.js';
import type { Job } from './state.js';

/** The end of a job that this failure of one of its tasks brings about, if it does. */
export function endedByFailure(
  job: Job,
  attempt: AttemptId,
  failure: Failure,
  counted: number,
  now: Now,
): JournalRecord | undefined {
  const { task } = attemptParts(attempt);
  if (!failure.retryable) return failed(job, failure, failure.message, now);
  if (counted >= limits.attemptsMax) {
    return failed(job, failure, `${task} failed ${counted} times, last: ${failure.message}`, now);
  }
  return endedByMachines(job, attempt, failure, now);
}

/** A task that meets fault after fault of machines is what brings them down. */
export function endedByMachines(job: Job, attempt: AttemptId, failure: Failure, now: Now): JournalRecord | undefined {
  if (!isMachineFault(failure)) return undefined;
  const { task } = attemptParts(attempt);
  const faults = (job.machineFaults.get(task) ?? 0) + 1;
  if (faults < limits.machineFaultsInARowMax) return undefined;
  return failed(job, failure, `${task} met ${faults} faults of machines in a row, last: ${failure.message}`, now);
}

function failed(job: Job, failure: Failure, reason: string, now: Now): JournalRecord {
  return { type: 'job-moved', job: job.id, atMs: now.wallMs, to: 'failed', reason, failure };
}
