/**
 * The audit log: every lifecycle event of a job with its time, parameters and resources, one JSON object per line.
 * Derived from durable state alone, so that it can be written again.
 */
import type { Job, LoggedEvent } from './scheduler/state.js';

export function auditLog(job: Job): Uint8Array {
  const lines = [
    submission(job),
    ...job.events.filter(({ type }) => type !== 'outcome').map((event) => line(job, event)),
  ];
  return Buffer.from(lines.map((fields) => `${JSON.stringify(fields)}\n`).join(''));
}

function submission(job: Job): Readonly<Record<string, unknown>> {
  const { name, codeVersion, params, inputs, output, baseUri, overwrite, limitRecords } = job.request;
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
  };
}

function line(job: Job, event: LoggedEvent): Readonly<Record<string, unknown>> {
  const { index: _index, atMs, type, ...fields } = event;
  return { ...head(job, atMs, type), ...fields };
}

function head(job: Job, atMs: number, event: string) {
  return { at: new Date(atMs).toISOString(), job: job.id, event };
}
