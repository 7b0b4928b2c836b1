/**
 * A snapshot as bytes, version 1: the durable state after every slot up to and including one. UTF-8 lines, each ended by
 * one line feed, as in a journal slot.
 *
 * ```
 * {"format":"gristmill-snapshot","version":1,"slot":1000,"epoch":2,"jobs":3}
 * {"epoch":2,"fences":[1,400],…}           what is not about one job
 * {"state":"completed","id":"…",…}         one line for each job, in the order of submission
 * 0123456789abcdef                         xxh64 of every byte before this line, 16 lowercase hex digits
 * ```
 *
 * Lines are JSON tagged as in `tagged-json.ts`. Which job a request id belongs to is not written: the jobs say it. A field
 * that an earlier release did not know is absent; who reads it says in `state.ts` what that means.
 */
import { hex64, xxh64 } from '../shared/codec/checksum.js';
import { GristmillError } from '../shared/errors.js';
import type { JobId } from '../shared/ids.js';
import { emptyState, type DurableState, type Job } from './scheduler/state.js';
import { fromTagged, toTagged, type Json } from './tagged-json.js';

export interface Snapshot {
  /** The last slot whose records are in it. */
  readonly slot: number;
  readonly durable: DurableState;
}

/** Lines of the state as it was when they were made. */
export interface StateLines {
  readonly epoch: number;
  readonly jobs: number;
  readonly text: string;
}

const FORMAT = 'gristmill-snapshot';
const VERSION = 1;
const CHECKSUM_LINE_BYTES = 17;

/** The state as text, at once: nothing that happens to it later is in there. */
export function stateLines(durable: DurableState): StateLines {
  const { jobs, byRequest: _derived, ...rest } = durable;
  const lines = [rest, ...jobs.values()].map((part) => `${JSON.stringify(toTagged(part))}\n`);
  return { epoch: durable.epoch, jobs: jobs.size, text: lines.join('') };
}

export function encodeSnapshot(slot: number, { epoch, jobs, text }: StateLines): Uint8Array {
  const header = JSON.stringify({ format: FORMAT, version: VERSION, slot, epoch, jobs });
  const body = Buffer.from(`${header}\n${text}`);
  return Buffer.concat([body, Buffer.from(`${hex64(xxh64(body))}\n`)]);
}

/** The snapshot in these bytes; `journal-corrupt` when they are not what was written for that slot. */
export function decodeSnapshot(slot: number, bytes: Uint8Array): Snapshot {
  const body = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_LINE_BYTES));
  const written = Buffer.from(bytes.subarray(body.length)).toString('latin1');
  if (written !== `${hex64(xxh64(body))}\n`) throw corrupt(slot, 'its checksum is wrong');
  const [first = '', state = '', ...lines] = Buffer.from(body).toString('utf8').split('\n').slice(0, -1);
  const header = JSON.parse(first) as Readonly<Record<string, unknown>>;
  if (header['format'] !== FORMAT) throw corrupt(slot, 'it is no snapshot');
  if (header['version'] !== VERSION) throw corrupt(slot, `its version is ${String(header['version'])}, not ${VERSION}`);
  if (header['slot'] !== slot) throw corrupt(slot, `it was written for slot ${String(header['slot'])}`);
  if (header['jobs'] !== lines.length) throw corrupt(slot, 'it has another number of jobs than it says');
  const jobs = new Map<JobId, Job>();
  for (const line of lines) {
    const job = fromTagged(JSON.parse(line) as Json) as Job;
    jobs.set(job.id, job);
  }
  const byRequest = new Map([...jobs.values()].map((job) => [job.request.requestId, job.id]));
  const rest = fromTagged(JSON.parse(state) as Json) as Partial<DurableState>;
  return { slot, durable: { ...emptyState(), ...rest, jobs, byRequest } };
}

function corrupt(slot: number, reason: string): GristmillError {
  return new GristmillError('journal-corrupt', `the snapshot up to journal slot ${slot} cannot be read: ${reason}`, {
    context: { slot },
  });
}
