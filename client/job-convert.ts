/** Messages of `JobService` to the client's own types and back. What arrives is checked, as everywhere on the wire. */
import { zeroCounts } from '../shared/counts.js';
import { GristmillError } from '../shared/errors.js';
import { parseJobId } from '../shared/ids.js';
import { countsFromWire, failureFromWire, numberOf } from '../shared/wire/convert.js';
import type { Job, JobEvent, JobState, StageProgress, SubmitRequest } from './job-types.js';
import type { Job__Output } from '../proto/generated/gristmill/v1/Job.js';
import type { JobEvent__Output } from '../proto/generated/gristmill/v1/JobEvent.js';
import type { StageProgress__Output } from '../proto/generated/gristmill/v1/StageProgress.js';
import type { SubmitJobRequest } from '../proto/generated/gristmill/v1/SubmitJobRequest.js';

const STATES: Readonly<Record<string, JobState>> = {
  JOB_STATE_VALIDATING: 'validating',
  JOB_STATE_QUEUED: 'queued',
  JOB_STATE_IN_PROGRESS: 'in_progress',
  JOB_STATE_COMMITTING: 'committing',
  JOB_STATE_COMPLETED: 'completed',
  JOB_STATE_PARTIAL_SUCCESS: 'partial_success',
  JOB_STATE_FAILED: 'failed',
  JOB_STATE_EXPIRED: 'expired',
  JOB_STATE_CANCELLED: 'cancelled',
  JOB_STATE_ARCHIVED: 'archived',
};

function stateFromWire(wire: string): JobState {
  const state = STATES[wire];
  if (!state) throw new GristmillError('invalid-request', `refused a message: job state is ${wire}`);
  return state;
}

export function submitToWire(request: SubmitRequest): SubmitJobRequest {
  const params = Object.entries(request.params ?? {});
  return {
    requestId: request.requestId,
    name: request.name,
    codeVersion: request.codeVersion,
    params: Object.fromEntries(params.map(([name, value]) => [name, JSON.stringify(value)])),
    inputs: [...(request.inputs ?? [])],
    output: request.output ?? '',
    baseUri: request.baseUri,
    overwrite: request.overwrite ?? false,
    limitRecords: request.limitRecords ?? 0,
    dryRun: request.dryRun ?? false,
    weight: request.weight ?? 0,
  };
}

function progressFromWire(wire: StageProgress__Output): StageProgress {
  return {
    stage: wire.stage,
    tasks: wire.tasks,
    tasksDone: wire.tasksDone,
    tasksRunning: wire.tasksRunning,
    records: numberOf(wire.records, 'records'),
    bytesDone: numberOf(wire.bytesDone, 'bytes done'),
    bytesTotal: numberOf(wire.bytesTotal, 'bytes in total'),
  };
}

export function jobFromWire(wire: Job__Output): Job {
  const endedAtMs = numberOf(wire.endedAtMs, 'end');
  return {
    job: parseJobId(wire.jobId),
    name: wire.name,
    state: stateFromWire(wire.state),
    outcome: wire.outcome === 'JOB_STATE_UNSPECIFIED' ? undefined : stateFromWire(wire.outcome),
    reason: wire.reason,
    submittedAtMs: numberOf(wire.submittedAtMs, 'submission'),
    endedAtMs: endedAtMs === 0 ? undefined : endedAtMs,
    output: wire.output,
    stages: wire.stages.map(progressFromWire),
    counts: wire.counts ? countsFromWire(wire.counts) : zeroCounts,
    failure: wire.failure ? failureFromWire(wire.failure) : undefined,
    codeVersion: wire.codeVersion,
    partitions: wire.partitions,
    failedAttempts: wire.failedAttempts,
    parts: wire.parts,
    balance: wire.balance,
    warnings: wire.warnings,
  };
}

export function eventFromWire(wire: JobEvent__Output): JobEvent {
  const head = { cursor: numberOf(wire.cursor, 'cursor'), atMs: numberOf(wire.atMs, 'time') };
  if (wire.state) {
    const { from, to, reason } = wire.state;
    // Only a job's first state comes from nowhere.
    const isFirst = from === 'JOB_STATE_UNSPECIFIED' && to === 'JOB_STATE_VALIDATING';
    return { ...head, type: 'state', from: isFirst ? undefined : stateFromWire(from), to: stateFromWire(to), reason };
  }
  if (wire.progress) return { ...head, type: 'progress', progress: progressFromWire(wire.progress) };
  if (wire.attempt) {
    const { attempt, worker, won, failure, slots } = wire.attempt;
    const failed = failure ? failureFromWire(failure) : undefined;
    return { ...head, type: 'attempt', attempt, worker, won, failure: failed, ...(slots > 1 && { slots }) };
  }
  if (wire.notice) return { ...head, type: 'notice', code: wire.notice.code, message: wire.notice.message };
  if (wire.outcome) return { ...head, type: 'outcome', outcome: jobFromWire(wire.outcome) };
  throw new GristmillError('invalid-request', 'refused a message: a job event of an unknown kind');
}
