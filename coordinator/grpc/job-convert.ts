/** Jobs, events and submissions to and from protobuf. 64-bit numbers travel as decimal strings. */
import type { Job as WireJob } from '../../proto/generated/gristmill/v1/Job.js';
import type { JobEvent as WireEvent } from '../../proto/generated/gristmill/v1/JobEvent.js';
import type { StageProgress as WireProgress } from '../../proto/generated/gristmill/v1/StageProgress.js';
import type { SubmitJobRequest__Output } from '../../proto/generated/gristmill/v1/SubmitJobRequest.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { countsToWire, failureToWire, numberOf, paramsFromWire } from '../../shared/wire/convert.js';
import type { JobEventView, JobView, StageProgress } from '../job-view.js';
import type { SubmitRequest } from '../scheduler/records.js';
import type { JobState } from '../scheduler/transition.js';

const SHA256 = /^[0-9a-f]{64}$/;

export function submitFromWire(wire: SubmitJobRequest__Output): SubmitRequest {
  if (wire.requestId === '') throw new GristmillError('invalid-request', 'a submission needs a request id');
  const limit = numberOf(wire.limitRecords, 'limit');
  return {
    requestId: wire.requestId,
    name: wire.name,
    codeVersion: checkSha256(wire.codeVersion),
    params: paramsFromWire(wire.params),
    inputs: wire.inputs,
    output: wire.output === '' ? undefined : wire.output,
    baseUri: wire.baseUri,
    overwrite: wire.overwrite,
    limitRecords: limit === 0 ? undefined : limit,
    dryRun: wire.dryRun,
    ...(wire.weight !== 0 && { weight: checkWeight(wire.weight) }),
  };
}

function checkWeight(weight: number): number {
  if (weight <= limits.jobWeightMax) return weight;
  throw new GristmillError('invalid-request', `the weight of a job is from 1 to ${limits.jobWeightMax}, not ${weight}`);
}

export function checkSha256(text: string): string {
  if (!SHA256.test(text)) {
    throw new GristmillError('invalid-request', `not a sha256 in 64 hex digits: ${JSON.stringify(text)}`);
  }
  return text;
}

function stateToWire(state: JobState): `JOB_STATE_${Uppercase<JobState>}` {
  return `JOB_STATE_${state.toUpperCase() as Uppercase<JobState>}`;
}

function progressToWire(progress: StageProgress): WireProgress {
  return { ...progress };
}

export function jobToWire(view: JobView): WireJob {
  const { job, state, outcome, endedAtMs, stages, counts, failure, parts, warnings, submittedAtMs, ...rest } = view;
  return {
    ...rest,
    jobId: job,
    state: stateToWire(state),
    outcome: outcome === undefined ? 'JOB_STATE_UNSPECIFIED' : stateToWire(outcome),
    submittedAtMs: Math.round(submittedAtMs),
    endedAtMs: Math.round(endedAtMs ?? 0),
    stages: stages.map(progressToWire),
    counts: countsToWire(counts),
    failure: failure ? failureToWire(failure) : null,
    parts: [...parts],
    warnings: [...warnings],
  };
}

export function eventToWire(event: JobEventView): WireEvent {
  const head = { cursor: event.cursor, atMs: Math.round(event.atMs) };
  switch (event.type) {
    case 'state': {
      const from = event.from === undefined ? 'JOB_STATE_UNSPECIFIED' : stateToWire(event.from);
      return { ...head, event: 'state', state: { from, to: stateToWire(event.to), reason: event.reason } };
    }
    case 'progress':
      return { ...head, event: 'progress', progress: progressToWire(event.progress) };
    case 'attempt': {
      const { attempt, worker, won, failure, slots = 1 } = event;
      const failed = failure ? failureToWire(failure) : null;
      return { ...head, event: 'attempt', attempt: { attempt, worker, won, failure: failed, slots } };
    }
    case 'notice':
      return { ...head, event: 'notice', notice: { code: event.code, message: event.message } };
    case 'outcome':
      return { ...head, event: 'outcome', outcome: jobToWire(event.outcome) };
  }
}
