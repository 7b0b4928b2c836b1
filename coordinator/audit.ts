/**
 * The audit log: every lifecycle event of a job with its time, parameters and resources, one JSON object per line.
 * Derived from durable state alone, so that it can be written again.
 */
import { zeroCounts } from '../shared/counts.js';
import { workOf, type Job, type LoggedEvent } from './scheduler/state.js';
import type { JobState } from './scheduler/transition.js';
import { totalCounts } from './scheduler/work.js';

export function auditLog(job: Job): Uint8Array {
  const lines = [
    submission(job),
    ...job.events.filter(({ type }) => type !== 'outcome').map((event) => line(job, event)),
  ];
  return Buffer.from(lines.map((fields) => `${JSON.stringify(fields)}\n`).join(''));
}

function submission(job: Job): Readonly<Record<string, unknown>> {
  const { name, codeVersion, params, inputs, output, baseUri, overwrite, limitRecords, by } = job.request;
  return {
    ...head(job, job.submittedAtMs, 'submitted'),
    name,
    codeVersion,
    params,
    inputs,
    output,
    baseUri,
    overwrite,
    limitRecords,
    ...(by !== undefined && { by }),
  };
}

function line(job: Job, event: LoggedEvent): Readonly<Record<string, unknown>> {
  const { index: _index, atMs, type, ...fields } = event;
  return { ...head(job, atMs, type), ...fields, ...(event.type === 'state' && more(job, event.to)) };
}

/** What is known from a state on: the plan when it is made, the resources when nothing more is spent. */
function more(job: Job, to: JobState): Readonly<Record<string, unknown>> {
  if (to === 'queued') return { name: job.inspected?.name, output: job.inspected?.output, plan: job.plan };
  return to === 'validating' || to === 'in_progress' ? {} : { resources: resourcesOf(job) };
}

function resourcesOf(job: Job): Readonly<Record<string, number>> {
  const attempts = job.events.filter((event) => event.type === 'attempt');
  const work = workOf(job);
  const { bytesRead, bytesShuffled, bytesWritten } = work ? totalCounts(work) : zeroCounts;
  return {
    attempts: attempts.length,
    failedAttempts: job.failedAttempts.size,
    executorMs: attempts.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0),
    bytesRead,
    bytesShuffled,
    bytesWritten,
  };
}

function head(job: Job, atMs: number, event: string) {
  return { at: new Date(atMs).toISOString(), job: job.id, event };
}
