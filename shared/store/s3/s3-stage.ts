/**
 * A staged write of an S3 store: a multipart upload that `publish` completes. Bytes are collected into parts, of which a few
 * are on their way while the next one fills; memory is bounded by their number.
 */
import { GristmillError, hasCode } from '../../errors.js';
import { limits } from '../../limits.js';
import type { CallOptions, StagedWrite } from '../object-store.js';
import { Staging, type StagedBytes } from '../staging.js';
import { PartBuffer } from './part-buffer.js';
import type { S3Place } from './place.js';
import { deleteObjects } from './s3-delete.js';
import { formatStaged } from './s3-seal.js';
import { abortUpload, beginUpload, uploadPart, type BegunUpload } from './s3-uploads.js';
import { markOf, putDoubt, putMark } from './staging-marks.js';

interface StageNames {
  readonly place: S3Place;
  readonly key: string;
  readonly attempt: string;
  readonly writer: string;
  readonly signal: AbortSignal | undefined;
}

/** Leaves the mark by which others find it, and then begins the upload: whoever is killed in between leaves no upload unmarked. */
export async function beginStage(names: Omit<StageNames, 'writer'>): Promise<StagedWrite> {
  const { place, key, attempt, signal } = names;
  const writer = place.endpoint.newName();
  const mark = markOf(key, attempt, writer);
  const options = callOf(signal);
  await putMark(place, mark, options);
  try {
    const upload = await beginUpload(place, key, { writer, attempt }, options);
    // Whoever clears up after the job then looks for uploads of this key, and finds the one whose id was lost.
    if (upload.mayHaveTwin) await putDoubt(place, mark, options);
    return new Staging(new S3StagedBytes({ ...names, writer }, upload));
  } catch (thrown) {
    // The mark stays: there may be an upload.
    if (mayHaveBegun(thrown)) await putDoubt(place, mark, {});
    throw thrown;
  }
}

function mayHaveBegun(thrown: unknown): boolean {
  return hasCode(thrown, 'store-timeout') || hasCode(thrown, 'aborted');
}

/** The parts of one upload. */
class S3StagedBytes implements StagedBytes {
  readonly key: string;
  readonly attempt: string;
  readonly signal: AbortSignal | undefined;
  readonly #names: StageNames;
  readonly #uploadId: string;
  readonly #stop = new AbortController();
  readonly #onAbort = (): void => this.#stop.abort(this.signal?.reason);
  readonly #buffer = new PartBuffer();
  readonly #etags: string[] = [];
  readonly #uploading = new Set<Promise<void>>();
  #failure: { readonly thrown: unknown } | undefined;
  #isGone = false;
  #isDropped = false;

  constructor(names: StageNames, upload: BegunUpload) {
    this.key = names.key;
    this.attempt = names.attempt;
    this.signal = names.signal;
    this.#names = names;
    this.#uploadId = upload.id;
    names.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += this.#buffer.fill(bytes.subarray(at), partBytesOf(this.#etags.length + 1));
      if (this.#buffer.length < partBytesOf(this.#etags.length + 1)) break;
      await this.#uploadNext(limits.s3PartsInFlight - 1);
      if (this.#isDropped) return;
    }
  }

  async finish(): Promise<string> {
    // An empty output has one empty part: no upload is completed without a part.
    if (this.#buffer.length > 0 || this.#etags.length === 0) await this.#uploadNext(0);
    await this.#settle(0);
    const etags = this.#isGone ? [] : this.#etags;
    this.#end();
    return formatStaged({ writer: this.#names.writer, uploadId: this.#uploadId, etags });
  }

  async drop(): Promise<void> {
    this.#isDropped = true;
    this.#stop.abort();
    await Promise.allSettled(this.#uploading);
    this.#end();
    const { place, key, attempt, writer } = this.#names;
    await abortUpload(place, key, this.#uploadId, {});
    await deleteObjects(place, [markOf(key, attempt, writer)], {});
  }

  /** Starts the next part, once so many are left on their way. */
  async #uploadNext(left: number): Promise<void> {
    await this.#settle(left);
    const { place, key } = this.#names;
    const number = this.#etags.length + 1;
    if (number > limits.s3PartsMax) {
      throw new GristmillError('store-denied', `${place.nameOf(key)} is larger than any S3 object may be`);
    }
    this.#etags.push('');
    const part = { number, bytes: this.#buffer.take() };
    const uploading = uploadPart(place, key, this.#uploadId, part, { signal: this.#stop.signal })
      .then(
        (etag) => {
          // Discarded by another: whoever publishes is told.
          if (etag === undefined) this.#isGone = true;
          else this.#etags[number - 1] = etag;
        },
        (thrown: unknown) => {
          this.#failure ??= { thrown };
        },
      )
      .finally(() => this.#uploading.delete(uploading));
    this.#uploading.add(uploading);
  }

  /** Waits until so many parts are on their way; throws when one has failed. */
  async #settle(left: number): Promise<void> {
    while (this.#uploading.size > left) await Promise.race(this.#uploading);
    if (this.#failure !== undefined && !this.#isDropped) throw this.#failure.thrown;
  }

  #end(): void {
    this.signal?.removeEventListener('abort', this.#onAbort);
  }
}

function partBytesOf(number: number): number {
  return number <= limits.s3SmallPartsMax ? limits.s3PartBytes : limits.s3LargePartBytes;
}

export function callOf(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}
