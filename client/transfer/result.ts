/** A job's result as its manifest says it: what must be there, and whether a part that was read is what was written. */
import { parseHex64 } from '../../shared/codec/checksum.js';
import { parseManifest, type ManifestPart, type OutputManifest } from '../../shared/codec/manifest.js';
import { GristmillError, hasCode } from '../../shared/errors.js';
import { outputNames } from '../../shared/plan.js';
import type { Location, Locator } from '../../shared/store/stores.js';
import type { Job } from '../job-types.js';
import { expectSame, type Digest } from './copy.js';

export interface Result {
  readonly manifest: OutputManifest;
  /** An object of the output. */
  readonly at: (name: string) => Location;
}

/** Throws `no-result` for a job that has none, and `manifest-invalid`. */
export async function resultOf(job: Job, locator: Locator, signal: AbortSignal): Promise<Result> {
  refuseWithout(job);
  const { store, key } = locator.locate(job.output);
  const at = (name: string) => ({ store, key: key === '' ? name : `${key}/${name}` });
  let bytes: Uint8Array;
  try {
    bytes = await store.get(at(outputNames.manifest).key, { signal });
  } catch (thrown) {
    if (!hasCode(thrown, 'object-not-found')) throw thrown;
    const hint = job.output.startsWith('file:') ? '\nhint: a folder is read on a machine that has it' : '';
    throw noResult(`the result of job ${job.job} is gone: there is no ${outputNames.manifest} in ${job.output}${hint}`);
  }
  const manifest = parseManifest(bytes);
  if (manifest.job !== job.job) {
    throw noResult(`the result of job ${job.job} is gone: ${job.output} holds that of job ${manifest.job}`);
  }
  const rows = manifest.parts.reduce((sum, part) => sum + part.rows, 0);
  if (rows === manifest.counts.rowsWritten) return { manifest, at };
  const wanted = manifest.counts.rowsWritten;
  throw new GristmillError(
    'manifest-invalid',
    `the manifest of job ${job.job} counts ${wanted} rows and names ${rows}`,
  );
}

function refuseWithout({ job, state, outcome = state, reason, parts }: Job): void {
  switch (outcome) {
    case 'validating':
    case 'queued':
    case 'in_progress':
    case 'committing':
      throw noResult(
        `job ${job} is ${outcome}: it has no result yet\nhint: 'gristmill watch ${job}' waits for its end`,
      );
    case 'failed':
    case 'cancelled':
      throw noResult(`job ${job} ${outcome === 'failed' ? 'failed' : 'was cancelled'}: it has no result`);
    case 'expired':
    case 'completed':
    case 'partial_success':
    case 'archived':
      if (parts.length > 0) return;
      throw noResult(`job ${job} is ${outcome} and has published nothing${reason === '' ? '' : `: ${reason}`}`);
  }
}

export function noResult(message: string): GristmillError {
  return new GristmillError('no-result', message);
}

/** A part that is being read. */
export class PartCheck {
  readonly #part: ManifestPart;
  #rows = 0;

  constructor(part: ManifestPart) {
    this.#part = part;
  }

  take(piece: Uint8Array): void {
    for (let at = piece.indexOf(NEWLINE); at >= 0; at = piece.indexOf(NEWLINE, at + 1)) this.#rows++;
  }

  /** Throws `content-differs` unless bytes, checksum and rows are those of the manifest. */
  end(found: Digest): void {
    const { key, bytes, xxh64, rows } = this.#part;
    expectSame(key, found, { bytes, xxh64: parseHex64(xxh64) });
    if (this.#rows === rows) return;
    throw new GristmillError('content-differs', `${key} is damaged: it has ${this.#rows} rows, not ${rows}`);
  }
}

/** Every format of today ends each row with one. */
const NEWLINE = 0x0a;

/** What a store says of a part that is not there, with the job's result in it. */
export async function readingPart<T>({ key }: ManifestPart, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    if (!hasCode(thrown, 'object-not-found')) throw thrown;
    throw noResult(`${key} of the result is gone: ${GristmillError.from(thrown).message}`);
  }
}
