/** What a coordinator does to its bucket when it starts: makes it, and sets rules by which the server itself clears up. */
import { createHash } from 'node:crypto';
import { GristmillError } from '../../errors.js';
import { limits } from '../../limits.js';
import type { CallOptions } from '../object-store.js';
import type { S3Place } from './place.js';
import { queryOf } from './s3-list.js';
import { childrenOf, escapeXml, parseXml, textOf } from './xml.js';

/** Returns warnings: a server without lifecycle rules serves as well, only nobody clears up after a coordinator that is gone. */
export async function prepareBucket(place: S3Place, options: CallOptions): Promise<readonly string[]> {
  await ensureBucket(place, options);
  try {
    await setLifecycle(place, options);
    return [];
  } catch (thrown) {
    if (!(thrown instanceof GristmillError) || thrown.code === 'aborted') throw thrown;
    return [
      `no lifecycle rule could be set for ${place.uri}, so what a coordinator leaves that never comes back stays there: ` +
        thrown.message,
    ];
  }
}

async function ensureBucket(place: S3Place, options: CallOptions): Promise<void> {
  const patient = { ...options, patienceMs: limits.s3FirstContactMs };
  // By a listing, whose refusal says why, while that of a HEAD says nothing. MinIO lists no keys of any bucket, there or not.
  const query = queryOf({ 'list-type': '2', 'max-keys': '1', prefix: place.prefix });
  const looks = { operation: 'bucket', method: 'GET', query, changes: false } as const;
  const { reply } = await place.ask(looks, patient);
  if (reply.kind === 'answer') return;
  if (reply.code !== 'NoSuchBucket') throw place.error(looks, reply);
  const { region } = place.endpoint;
  const body =
    region === 'us-east-1'
      ? ''
      : `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${escapeXml(region)}` +
        '</LocationConstraint></CreateBucketConfiguration>';
  const makes = { operation: 'bucket', method: 'PUT', body, changes: true } as const;
  const made = await place.ask(makes, patient);
  if (made.reply.kind === 'answer' || made.reply.code === 'BucketAlreadyOwnedByYou') return;
  if (made.reply.status === 403) {
    throw new GristmillError(
      'store-denied',
      `there is no bucket ${place.bucket} at ${place.endpoint.name}, and the access key may not make it: make it, or check ` +
        'its name',
      { where: place.uri },
    );
  }
  throw place.error(makes, made.reply);
}

/** Other rules of the bucket stay as they are. */
async function setLifecycle(place: S3Place, options: CallOptions): Promise<void> {
  const id = `gristmill-${place.prefix}v1`;
  const rules = await otherRules(place, id, options);
  const both = await putRules(place, [...rules, expiryRule(place, id, true)], options);
  // MinIO refuses the part about uploads: it removes those of a day ago by itself.
  if (both !== undefined) {
    const refusal = await putRules(place, [...rules, expiryRule(place, id, false)], options);
    if (refusal !== undefined) throw refusal;
  }
}

function expiryRule(place: S3Place, id: string, withUploads: boolean): string {
  const days = limits.s3ShuffleKeepDays;
  const rule = (name: string, prefix: string, action: string) =>
    `<Rule><ID>${escapeXml(name)}</ID><Status>Enabled</Status><Filter><Prefix>${escapeXml(prefix)}</Prefix></Filter>` +
    `${action}</Rule>`;
  const shuffle = rule(id, `${place.prefix}v1/shuffle/`, `<Expiration><Days>${days}</Days></Expiration>`);
  const abort = `<AbortIncompleteMultipartUpload><DaysAfterInitiation>${days}</DaysAfterInitiation></AbortIncompleteMultipartUpload>`;
  return withUploads ? shuffle + rule(`${id}-uploads`, `${place.prefix}v1/`, abort) : shuffle;
}

/** As they are written; a rule of ours is replaced. */
async function otherRules(place: S3Place, id: string, options: CallOptions): Promise<readonly string[]> {
  const request = { operation: 'bucket', method: 'GET', query: 'lifecycle', changes: false } as const;
  const { reply } = await place.ask(request, options);
  if (reply.kind === 'refusal') {
    if (reply.code === 'NoSuchLifecycleConfiguration') return [];
    throw place.error(request, reply);
  }
  const text = new TextDecoder().decode(reply.body);
  const root = parseXml(text);
  const written = text.match(/<Rule>[\s\S]*?<\/Rule>/g) ?? [];
  if (root?.name !== 'LifecycleConfiguration' || childrenOf(root, 'Rule').length !== written.length) {
    throw new GristmillError('store-unavailable', 'the rules that are there are not understood, and stay as they are');
  }
  return written.filter((rule) => !isOurs(rule, id));
}

function isOurs(rule: string, id: string): boolean {
  const element = parseXml(rule);
  const name = element && textOf(element, 'ID');
  return name === id || name === `${id}-uploads`;
}

/** The refusal, if it is one of what the rules say. */
async function putRules(
  place: S3Place,
  rules: readonly string[],
  options: CallOptions,
): Promise<GristmillError | undefined> {
  const body = `<LifecycleConfiguration>${rules.join('')}</LifecycleConfiguration>`;
  const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
  const request = { operation: 'bucket', method: 'PUT', query: 'lifecycle', headers, body, changes: true } as const;
  const { reply } = await place.ask(request, options);
  if (reply.kind === 'answer') return undefined;
  const refusal = place.error(request, reply);
  if (reply.status === 403) throw refusal;
  return refusal;
}
