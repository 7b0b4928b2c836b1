/**
 * Every metric of a coordinator. The registry is made from this list, and so is docs/reference/metrics.md. No label has the
 * id of a job, a task or a worker as its value: there would be no end of them.
 */
import { counter, gauge, histogram, NOW, type MetricSpecs } from '../../shared/http/metric-spec.js';
import { PROCESS_METRICS } from '../../shared/http/process-figures.js';
import { s3Metrics } from '../../shared/http/s3-figures.js';
import { TASK_KINDS } from '../../shared/ids.js';
import { OUTCOMES } from '../scheduler/transition.js';

const WON = 'Sum over attempts that won, since this coordinator leads';
const BY_KIND = { kind: TASK_KINDS };
const BY_KIND_AND_OUTCOME = { ...BY_KIND, outcome: ['won', 'failed'] };

export const METRICS = {
  // what was done
  jobsSubmitted: counter('gristmill_jobs_submitted_total', [], 'Jobs that were submitted to this coordinator.'),
  jobsEnded: counter('gristmill_jobs_ended_total', ['outcome'], 'Jobs that ended, by their outcome.', {
    outcome: OUTCOMES,
  }),
  tasks: counter(
    'gristmill_tasks_total',
    ['kind', 'outcome'],
    'Tasks that have a winner (outcome won), and tasks whose failure ended their job (failed).',
    BY_KIND_AND_OUTCOME,
  ),
  attemptsStarted: counter(
    'gristmill_attempts_started_total',
    ['kind'],
    'Attempts that were sent to a worker.',
    BY_KIND,
  ),
  attempts: counter(
    'gristmill_attempts_total',
    ['kind', 'outcome'],
    'Attempts that ended and count: won or failed, with those whose worker died. The slower one of two attempts of a task is started and counts no more.',
    BY_KIND_AND_OUTCOME,
  ),
  retries: counter(
    'gristmill_attempts_repeated_total',
    ['kind'],
    'Started attempts that were not the first one of their task under this coordinator: after failures and lost workers, and backups.',
    BY_KIND,
  ),
  failures: counter(
    'gristmill_attempt_failures_total',
    ['class', 'code'],
    'Failed attempts, by whose fault it was and by error code.',
  ),
  attemptSeconds: histogram(
    'gristmill_attempt_seconds',
    ['kind', 'outcome'],
    'How long attempts took on their executor.',
    BY_KIND_AND_OUTCOME,
  ),
  // what went through
  recordsRead: counter('gristmill_records_read_total', [], `Records read. ${WON}.`),
  recordsBad: counter('gristmill_records_bad_total', [], `Records that could not be processed. ${WON}.`),
  rows: counter('gristmill_rows_total', [], `Rows emitted into results. ${WON}.`),
  bytesRead: counter('gristmill_bytes_read_total', [], `Bytes of input read. ${WON}.`),
  bytesShuffled: counter('gristmill_bytes_shuffled_total', [], `Bytes of shuffle objects written. ${WON}.`),
  bytesSpilled: counter('gristmill_bytes_spilled_total', [], `Bytes set aside on local disks. ${WON}.`),
  bytesWritten: counter('gristmill_bytes_written_total', [], `Bytes of results staged. ${WON}.`),
  // how it stands
  jobs: gauge(
    'gristmill_jobs',
    ['state'],
    `${NOW}: jobs that have not ended, by state; queued ones wait for capacity.`,
  ),
  tasksWaiting: gauge(
    'gristmill_tasks_waiting',
    ['kind'],
    `${NOW}: tasks that nobody runs and somebody could, or that wait to be tried again.`,
  ),
  tasksRunning: gauge('gristmill_attempts_running', ['kind'], `${NOW}: attempts that workers run.`),
  workers: gauge(
    'gristmill_workers',
    ['state'],
    `${NOW}: workers that are attached, suspect (silent for too long to be given tasks) or detached (their stream is broken).`,
  ),
  slots: gauge(
    'gristmill_slots',
    ['state'],
    `${NOW}: slots of those workers that are busy, free, free with an executor that is starting, or free and draining.`,
  ),
  leaseAge: gauge(
    'gristmill_lease_age_seconds_max',
    [],
    `${NOW}: time since the worker that was silent longest was heard of.`,
  ),
  epoch: gauge('gristmill_epoch', [], 'The epoch of this coordinator: it grows with every change of leader.'),
  leading: gauge('gristmill_leading', [], '1 while this coordinator leads, 0 when it has halted.'),
  // the store
  storeRequests: counter(
    'gristmill_store_requests_total',
    ['operation'],
    "Calls of the coordinator's stores, by operation; of results too.",
  ),
  storeErrors: counter(
    'gristmill_store_errors_total',
    ['operation', 'code'],
    'Those calls that were refused or failed. `object-exists` and `object-not-found` are answers, the others are trouble.',
  ),
  storeSeconds: histogram('gristmill_store_request_seconds', ['operation'], 'How long those calls took.'),
  storeBytes: counter(
    'gristmill_store_bytes_total',
    ['direction'],
    'Bytes that those calls read and wrote; staged writes aside.',
  ),
  ...s3Metrics('this coordinator'),
  ...PROCESS_METRICS,
} as const satisfies MetricSpecs;
