/**
 * Every metric of a worker. The registry is made from this list, and so is docs/reference/worker-metrics.md. No label has the
 * id of a job or a task as its value: there would be no end of them.
 */
import { counter, gauge, histogram, NOW, type MetricSpecs } from '../../shared/http/metric-spec.js';
import { PROCESS_METRICS } from '../../shared/http/process-figures.js';
import { s3Metrics } from '../../shared/http/s3-figures.js';
import { TASK_KINDS } from '../../shared/ids.js';

const ENDED = 'Sum over attempts that were done here, whichever attempt of their task won';
const BY_KIND = { kind: TASK_KINDS };
const BY_KIND_AND_OUTCOME = { ...BY_KIND, outcome: ['done', 'failed', 'cancelled', 'handed-back'] };

export const WORKER_METRICS = {
  // its coordinator
  ready: gauge('gristmill_worker_ready', [], `${NOW}: 1 while it is registered and takes tasks, as \`/healthz\` says.`),
  registrations: counter(
    'gristmill_worker_registrations_total',
    [],
    'Times that a coordinator registered it: more than one when connections broke or coordinators changed.',
  ),
  unacknowledged: gauge(
    'gristmill_worker_reports_unacknowledged',
    [],
    `${NOW}: reports that are kept, because the coordinator has not said that they are durable.`,
  ),
  // what it runs
  slots: gauge(
    'gristmill_worker_slots',
    ['state'],
    `${NOW}: slots that are busy, free, or free with an executor that is starting.`,
  ),
  attemptsStarted: counter('gristmill_worker_attempts_started_total', ['kind'], 'Attempts that it was given.', BY_KIND),
  attempts: counter(
    'gristmill_worker_attempts_total',
    ['kind', 'outcome'],
    'Attempts that ended here: done, failed, cancelled by the coordinator, or handed back because the worker stops.',
    BY_KIND_AND_OUTCOME,
  ),
  failures: counter(
    'gristmill_worker_attempt_failures_total',
    ['class', 'code'],
    'Those that failed, by whose fault it was and by error code.',
  ),
  attemptSeconds: histogram(
    'gristmill_worker_attempt_seconds',
    ['kind', 'outcome'],
    'How long attempts took here.',
    BY_KIND_AND_OUTCOME,
  ),
  executorsStarted: counter('gristmill_worker_executors_started_total', [], 'Executor processes that it started.'),
  executorsDied: counter(
    'gristmill_worker_executors_died_total',
    [],
    'Executor processes that ended without being told to: killed for their memory, crashed, or ended by user code.',
  ),
  // what went through
  recordsRead: counter('gristmill_worker_records_read_total', [], `Records read. ${ENDED}.`),
  bytesRead: counter('gristmill_worker_bytes_read_total', [], `Bytes of input read. ${ENDED}.`),
  bytesShuffled: counter('gristmill_worker_bytes_shuffled_total', [], `Bytes of shuffle objects written. ${ENDED}.`),
  bytesSpilled: counter('gristmill_worker_bytes_spilled_total', [], `Bytes set aside on the local disk. ${ENDED}.`),
  bytesWritten: counter('gristmill_worker_bytes_written_total', [], `Bytes of results staged. ${ENDED}.`),
  ...s3Metrics('this worker, with its executors up to their last report,'),
  ...PROCESS_METRICS,
} as const satisfies MetricSpecs;
