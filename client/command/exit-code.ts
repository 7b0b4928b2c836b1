/** Exit codes: 0 completed, 3 partial success, 1 failed, expired or cancelled, 2 command line or definition wrong. */
import { ERRORS, type GristmillError } from '../../shared/errors.js';
import type { Job } from '../job-types.js';

export type StopSignal = 'SIGINT' | 'SIGTERM';

const DEFINITION_WRONG = 2;

/** What a shell sees of a command that a signal ended: 128 and the signal's number. */
export const SIGNAL_EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGINT: 130, SIGTERM: 143 };

/** `signal`: the one that asked for the job's cancellation; a job that completed all the same is a success. */
export function exitCodeOf(job: Job, signal: StopSignal | undefined): number {
  switch (job.outcome ?? job.state) {
    case 'completed':
      return 0;
    case 'partial_success':
      return 3;
    case 'cancelled':
      return signal === undefined ? 1 : SIGNAL_EXIT_CODES[signal];
    case 'failed':
    case 'expired':
    case 'archived':
    case 'validating':
    case 'queued':
    case 'in_progress':
    case 'committing':
      return job.failure?.class === 'definition' ? DEFINITION_WRONG : 1;
  }
}

export function exitCodeOfError(error: GristmillError): number {
  return ERRORS[error.code].class === 'definition' ? DEFINITION_WRONG : 1;
}
