/** Objects one by one: what is under a key, its bytes, and how they come there. */
import { GristmillError } from '../../errors.js';
import { limits } from '../../limits.js';
import { objectChanged } from '../object-reader.js';
import type { ByteRange, CallOptions, ObjectInfo, PutOptions } from '../object-store.js';
import type { S3Place } from './place.js';
import type { Answer } from './reply.js';

/** Kept beside an object: which call of a writer, or which staged output, it came from. */
export const WRITER_HEADER = 'x-amz-meta-gristmill-writer';

export interface S3ObjectInfo extends ObjectInfo {
  readonly writer: string | undefined;
}

export async function headObject(
  place: S3Place,
  key: string,
  options: CallOptions = {},
): Promise<S3ObjectInfo | undefined> {
  const request = { operation: 'head', method: 'HEAD', key, changes: false } as const;
  const { reply } = await place.ask(request, options);
  if (reply.kind === 'answer') {
    const writer = reply.headers[WRITER_HEADER];
    const bytes = Number(reply.headers['content-length']);
    return { key, bytes, etag: etagOf(reply), writer: typeof writer === 'string' ? writer : undefined };
  }
  // The same status is said of a bucket that is not there; servers that tell the two apart do it in a header.
  if (reply.status === 404 && reply.code !== 'NoSuchBucket') return undefined;
  throw place.error(request, reply);
}

export async function putObject(
  place: S3Place,
  key: string,
  bytes: Uint8Array,
  { ifAbsent = false, signal }: PutOptions,
): Promise<{ readonly etag: string }> {
  const writer = place.endpoint.newName();
  const condition = { 'if-none-match': '*', [WRITER_HEADER]: writer };
  const request = {
    operation: ifAbsent ? 'put-absent' : 'put',
    method: 'PUT',
    key,
    headers: { 'content-type': 'application/octet-stream', ...(ifAbsent && condition) },
    body: bytes,
    changes: true,
  } as const;
  const { reply, mayHaveLanded } = await place.ask(request, { signal });
  if (reply.kind === 'answer') return { etag: etagOf(reply) };
  if (!ifAbsent || reply.status !== 412) throw place.error(request, reply);
  // Occupied: by ourselves, perhaps, when the answer to an earlier request of this call was lost.
  if (mayHaveLanded) {
    const found = await headObject(place, key, signal === undefined ? {} : { signal });
    if (found?.writer === writer) return { etag: found.etag };
  }
  const name = place.nameOf(key);
  throw new GristmillError('object-exists', `${name} exists already`, { where: name });
}

export interface ReadPiece {
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** Of the whole object. */
  readonly size: number;
}

interface ReadTerms {
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One read of a range, or of all. The range is cut at the object's end. `etag`: of an earlier read of the same reader, so
 * that no two pieces are of different objects: `object-changed`. What comes short, though its answer looks whole, is read
 * again.
 */
export async function readObject(
  place: S3Place,
  key: string,
  range: ByteRange | undefined,
  terms: ReadTerms,
): Promise<ReadPiece> {
  for (let tries = 1; ; tries++) {
    const found = await readOnce(place, key, range, terms);
    if (!('wanted' in found)) return found;
    if (tries > limits.storeRetriesMax) {
      const name = place.nameOf(key);
      const message = `cannot read ${name}: ${found.came} bytes came instead of ${found.wanted}`;
      throw new GristmillError('store-unavailable', message, { where: name });
    }
    await place.endpoint.backOff(tries, terms.signal);
  }
}

async function readOnce(
  place: S3Place,
  key: string,
  range: ByteRange | undefined,
  { etag, signal }: ReadTerms,
): Promise<ReadPiece | { readonly came: number; readonly wanted: number }> {
  if (range !== undefined && range.start === range.end) return emptyPiece(place, key, signal);
  const request = {
    operation: 'get',
    method: 'GET',
    key,
    headers: {
      // Also where all is wanted: only the answer to a range says how long the object is.
      range: range === undefined ? 'bytes=0-' : `bytes=${range.start}-${range.end - 1}`,
      ...(etag !== undefined && { 'if-match': `"${etag}"` }),
    },
    changes: false,
  } as const;
  const { reply } = await place.ask(request, { signal });
  if (reply.kind === 'refusal') {
    // The range begins behind the end; that of an empty object always does.
    const piece = reply.status === 416 ? await emptyPiece(place, key, signal) : undefined;
    if (reply.status === 412 || (piece && etag !== undefined && piece.etag !== etag)) {
      throw objectChanged(place.nameOf(key));
    }
    if (piece) return range === undefined && piece.size > 0 ? { came: 0, wanted: piece.size } : piece;
    throw place.error(request, reply);
  }
  const size = sizeOf(reply);
  // A server that leaves a range unheeded sends everything.
  const bytes = reply.status === 206 || range === undefined ? reply.body : reply.body.slice(range.start, range.end);
  const wanted = Math.min(range?.end ?? size, size) - (range?.start ?? 0);
  if (bytes.length !== wanted) return { came: bytes.length, wanted };
  return { bytes, etag: etagOf(reply), size };
}

/** What does not exist has no empty range either. */
async function emptyPiece(place: S3Place, key: string, signal: AbortSignal | undefined): Promise<ReadPiece> {
  const found = await headObject(place, key, signal === undefined ? {} : { signal });
  const name = place.nameOf(key);
  if (!found) throw new GristmillError('object-not-found', `there is no object ${name}`, { where: name });
  return { bytes: new Uint8Array(0), etag: found.etag, size: found.bytes };
}

function sizeOf(answer: Answer): number {
  const whole = /\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1];
  return answer.status === 206 && whole !== undefined ? Number(whole) : answer.body.length;
}

export function etagOf(answer: Answer): string {
  return unquoted(answer.headers.etag ?? '');
}

export function unquoted(etag: string): string {
  return etag.replace(/^"|"$/g, '');
}
