/** Deletions: many keys with one request, and what the server says of each. */
import { createHash } from 'node:crypto';
import { GristmillError } from '../../errors.js';
import { limits } from '../../limits.js';
import type { CallOptions, DeleteOptions } from '../object-store.js';
import type { S3Place } from './place.js';
import type { Refusal } from './reply.js';
import { parsed } from './s3-list.js';
import { childrenOf, escapeXml, isXmlText, textOf } from './xml.js';

interface Failed {
  readonly key: string;
  readonly code: string;
  readonly says: string;
}

/** Keys that do not exist are no error; of others the first that could not be deleted is named. */
export async function deleteObjects(
  place: S3Place,
  keys: readonly string[],
  { forReuse = false, ...options }: DeleteOptions,
): Promise<void> {
  const all = [...new Set(keys)];
  const named = all.filter(isXmlText);
  // A name that no document can hold goes into the path of a request of its own.
  const alone = named.length === 1 ? all : all.filter((key) => !isXmlText(key));
  let mayComeLate = false;
  for (const key of alone) mayComeLate = (await deleteObject(place, key, options)) || mayComeLate;
  for (let at = 0; named.length > 1 && at < named.length; at += limits.s3DeleteBatch) {
    mayComeLate = (await deleteBatch(place, named.slice(at, at + limits.s3DeleteBatch), options)) || mayComeLate;
  }
  if (forReuse && mayComeLate) await place.endpoint.pause(limits.s3LateDeleteMs, options.signal);
}

/** True when an earlier request for it got no answer. */
async function deleteObject(place: S3Place, key: string, options: CallOptions): Promise<boolean> {
  const request = { operation: 'delete', method: 'DELETE', key, changes: true } as const;
  const { reply, mayHaveLanded } = await place.ask(request, options);
  if (reply.kind === 'refusal' && reply.code !== 'NoSuchKey') throw place.error(request, reply);
  return mayHaveLanded;
}

/** What fails for a reason that may pass is asked for once more. True as above. */
async function deleteBatch(place: S3Place, keys: readonly string[], options: CallOptions): Promise<boolean> {
  const { failed, mayHaveLanded } = await askFor(place, keys, options);
  if (failed.length === 0) return mayHaveLanded;
  const passing = failed.filter(({ code }) => PASSING.has(code)).map(({ key }) => key);
  const again = passing.length < failed.length ? undefined : await askFor(place, passing, options);
  const still = again?.failed ?? failed;
  const [first] = still;
  if (first !== undefined) throw failure(place, first, still.length);
  return mayHaveLanded || again?.mayHaveLanded === true;
}

const PASSING = new Set([
  'InternalError',
  'SlowDown',
  'SlowDownWrite',
  'SlowDownRead',
  'ServiceUnavailable',
  'OperationAborted',
]);

interface Asked {
  readonly failed: readonly Failed[];
  readonly mayHaveLanded: boolean;
}

async function askFor(place: S3Place, keys: readonly string[], options: CallOptions): Promise<Asked> {
  const objects = keys.map((key) => `<Object><Key>${escapeXml(place.prefix + key)}</Key></Object>`).join('');
  const body = `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${objects}</Delete>`;
  const headers = { 'content-md5': createHash('md5').update(body).digest('base64'), 'content-type': 'application/xml' };
  const request = { operation: 'delete-batch', method: 'POST', query: 'delete', headers, body, changes: true } as const;
  const { reply, mayHaveLanded } = await place.ask(request, options);
  if (reply.kind === 'refusal') throw place.error(request, reply);
  const result = parsed(place, reply.body, 'DeleteResult');
  const failed = childrenOf(result, 'Error')
    .map((entry) => ({
      key: (textOf(entry, 'Key') ?? '').slice(place.prefix.length),
      code: textOf(entry, 'Code') ?? '',
      says: textOf(entry, 'Message') ?? '',
    }))
    .filter(({ code }) => code !== 'NoSuchKey');
  return { failed, mayHaveLanded };
}

function failure(place: S3Place, { key, code, says }: Failed, count: number): GristmillError {
  const request = { operation: 'delete-batch', method: 'POST', key, changes: true } as const;
  if (PASSING.has(code)) {
    const name = place.nameOf(key);
    const message = `${count} objects could not be deleted, among them ${name} (${code}${says === '' ? '' : `: ${says}`})`;
    return new GristmillError('store-timeout', message, { where: name });
  }
  const status = code === 'AccessDenied' ? 403 : 400;
  const refusal: Refusal = { kind: 'refusal', status, headers: {}, code, says };
  return place.error(request, refusal);
}
