/**
 * Multipart uploads, each step by itself. The client's own upload takes up any unfinished upload of the same key, whoever
 * began it, and so mixes the bytes of two attempts.
 */
import { GristmillError } from '../../errors.js';
import type { CallOptions } from '../object-store.js';
import type { S3Place } from './place.js';
import { etagOf, unquoted, WRITER_HEADER } from './s3-objects.js';
import { parsed, queryOf, type UploadedPart } from './s3-list.js';
import { escapeXml, parseXml, textOf } from './xml.js';

export interface BegunUpload {
  readonly id: string;
  /** The answer to an earlier request was lost: there may be another upload that nobody knows. */
  readonly mayHaveTwin: boolean;
}

export async function beginUpload(
  place: S3Place,
  key: string,
  names: { readonly writer: string; readonly attempt: string },
  options: CallOptions,
): Promise<BegunUpload> {
  const headers = {
    'content-type': 'application/octet-stream',
    [WRITER_HEADER]: names.writer,
    'x-amz-meta-gristmill-attempt': encodeURIComponent(names.attempt),
  };
  const request = { operation: 'upload-begin', method: 'POST', key, query: 'uploads', headers, changes: true } as const;
  const { reply, mayHaveLanded } = await place.ask(request, options);
  if (reply.kind === 'refusal') throw place.error(request, reply);
  const id = textOf(parsed(place, reply.body, 'InitiateMultipartUploadResult'), 'UploadId') ?? '';
  if (id !== '') return { id, mayHaveTwin: mayHaveLanded };
  throw new GristmillError('store-unavailable', `the store at ${place.endpoint.name} began an upload without an id`);
}

/** The part's ETag; undefined when the upload is gone. */
export async function uploadPart(
  place: S3Place,
  key: string,
  uploadId: string,
  part: { readonly number: number; readonly bytes: Uint8Array },
  options: CallOptions,
): Promise<string | undefined> {
  const query = queryOf({ partNumber: String(part.number), uploadId });
  const request = { operation: 'upload-part', method: 'PUT', key, query, body: part.bytes, changes: true } as const;
  const { reply } = await place.ask(request, options);
  if (reply.kind === 'answer') return etagOf(reply);
  if (reply.code === 'NoSuchUpload') return undefined;
  throw place.error(request, reply);
}

/**
 * `gone`: there is no such upload, or not with these parts. `occupied`: an object is under the key. `unknown`: the server
 * began to say yes and then said that something went wrong.
 */
export type Completion = 'done' | 'gone' | 'occupied' | 'unknown';

/** Never onto an object that is there, as far as the server keeps to the condition. */
export async function completeUpload(
  place: S3Place,
  key: string,
  uploadId: string,
  parts: readonly Pick<UploadedPart, 'number' | 'etag'>[],
  options: CallOptions,
): Promise<Completion> {
  const listed = parts.map(
    ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>"${escapeXml(etag)}"</ETag></Part>`,
  );
  const body = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${listed.join('')}</CompleteMultipartUpload>`;
  const headers = { 'content-type': 'application/xml', 'if-none-match': '*' };
  const query = queryOf({ uploadId });
  const request = { operation: 'upload-complete', method: 'POST', key, query, headers, body, changes: true } as const;
  const { reply } = await place.ask(request, options);
  if (reply.kind === 'answer') return completionOf(reply.body);
  if (reply.status === 412) return 'occupied';
  if (GONE.has(reply.code)) return 'gone';
  throw place.error(request, reply);
}

/** Servers answer 200 before they are done, and may say in the body that they failed: only an ETag is success. */
function completionOf(body: Uint8Array): Completion {
  const root = parseXml(new TextDecoder().decode(body));
  if (root?.name === 'CompleteMultipartUploadResult' && unquoted(textOf(root, 'ETag') ?? '') !== '') return 'done';
  const code = (root && textOf(root, 'Code')) ?? '';
  if (code === 'PreconditionFailed') return 'occupied';
  return GONE.has(code) ? 'gone' : 'unknown';
}

const GONE = new Set(['NoSuchUpload', 'InvalidPart', 'InvalidPartOrder', 'EntityTooSmall']);

/** An upload that is gone is no error. */
export async function abortUpload(place: S3Place, key: string, uploadId: string, options: CallOptions): Promise<void> {
  const query = queryOf({ uploadId });
  const request = { operation: 'upload-abort', method: 'DELETE', key, query, changes: true } as const;
  const { reply } = await place.ask(request, options);
  if (reply.kind === 'refusal' && reply.code !== 'NoSuchUpload') throw place.error(request, reply);
}
