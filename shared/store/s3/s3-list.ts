/** Listings: of objects, page after page, and of uploads that are not complete. */
import { GristmillError } from '../../errors.js';
import { checkKey, compareKeys, isReserved } from '../key.js';
import type { CallOptions, ObjectInfo } from '../object-store.js';
import { throwIfAborted } from '../signal.js';
import type { S3Place } from './place.js';
import { unquoted } from './s3-objects.js';
import { childrenOf, parseXml, textOf, type XmlElement } from './xml.js';

export interface ListOptions extends CallOptions {
  /** Keys of one page; default and most: 1,000. */
  readonly keysPerPage?: number;
}

/** Objects whose key begins with `prefix`, ascending; reserved names, and names that are no keys, are left out. */
export async function* listObjects(place: S3Place, prefix: string, options: ListOptions): AsyncGenerator<ObjectInfo> {
  for await (const info of listAll(place, prefix, options)) {
    throwIfAborted(options.signal);
    if (isKey(info.key) && !info.key.split('/').some(isReserved)) yield info;
  }
}

/** Reserved names too. */
export async function* listAll(
  place: S3Place,
  prefix: string,
  { keysPerPage = 1000, signal }: ListOptions,
): AsyncGenerator<ObjectInfo> {
  let token: string | undefined;
  let last: string | undefined;
  do {
    throwIfAborted(signal);
    const query = queryOf({
      'list-type': '2',
      'encoding-type': 'url',
      'max-keys': String(keysPerPage),
      prefix: place.prefix + prefix,
      'continuation-token': token,
    });
    const request = { operation: 'list', method: 'GET', query, changes: false } as const;
    const { body } = await place.expect(request, { signal });
    const page = parsed(place, body, 'ListBucketResult');
    for (const entry of childrenOf(page, 'Contents')) {
      const key = decoded(textOf(entry, 'Key') ?? '').slice(place.prefix.length);
      // Whoever reads a listing relies on its order, and takes the last key for the newest.
      if (last !== undefined && compareKeys(last, key) >= 0) throw outOfOrder(place, last, key);
      last = key;
      yield { key, bytes: Number(textOf(entry, 'Size')), etag: unquoted(textOf(entry, 'ETag') ?? '') };
    }
    token = textOf(page, 'IsTruncated') === 'true' ? textOf(page, 'NextContinuationToken') : undefined;
  } while (token !== undefined);
}

/**
 * Ids of the uploads of this very key that are not complete. Servers take `prefix` for a prefix, but MinIO takes it for a
 * key: both name those of a key by it.
 */
export async function uploadsOf(place: S3Place, key: string, options: CallOptions): Promise<string[]> {
  const found = new Set<string>();
  const name = place.prefix + key;
  let markers: { readonly key: string; readonly id: string } | undefined;
  for (;;) {
    const query = queryOf({
      uploads: '',
      'encoding-type': 'url',
      prefix: name,
      'key-marker': markers?.key,
      'upload-id-marker': markers?.id,
    });
    const request = { operation: 'upload-list', method: 'GET', query, changes: false } as const;
    const { body } = await place.expect(request, options);
    const page = parsed(place, body, 'ListMultipartUploadsResult');
    const uploads = childrenOf(page, 'Upload').filter((entry) => decoded(textOf(entry, 'Key') ?? '') === name);
    const before = found.size;
    for (const entry of uploads) found.add(textOf(entry, 'UploadId') ?? '');
    const next = { key: decoded(textOf(page, 'NextKeyMarker') ?? ''), id: textOf(page, 'NextUploadIdMarker') ?? '' };
    // Longer keys come after it; and a page that says nothing new is the last one, whatever it says of itself.
    if (textOf(page, 'IsTruncated') !== 'true' || next.key !== name || found.size === before) return [...found];
    markers = next;
  }
}

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
  readonly bytes: number;
}

/** The parts of an upload, ascending; undefined when there is no such upload. */
export async function partsOf(
  place: S3Place,
  key: string,
  uploadId: string,
  options: CallOptions,
): Promise<readonly UploadedPart[] | undefined> {
  const parts: UploadedPart[] = [];
  let marker = '';
  for (;;) {
    const query = queryOf({ uploadId, 'part-number-marker': marker === '' ? undefined : marker });
    const request = { operation: 'part-list', method: 'GET', key, query, changes: false } as const;
    const { reply } = await place.ask(request, options);
    if (reply.kind === 'refusal') {
      if (reply.code === 'NoSuchUpload') return undefined;
      throw place.error(request, reply);
    }
    const page = parsed(place, reply.body, 'ListPartsResult');
    for (const part of childrenOf(page, 'Part')) {
      const number = Number(textOf(part, 'PartNumber'));
      parts.push({ number, etag: unquoted(textOf(part, 'ETag') ?? ''), bytes: Number(textOf(part, 'Size')) });
    }
    const next = textOf(page, 'NextPartNumberMarker') ?? '';
    if (textOf(page, 'IsTruncated') !== 'true' || Number(next) <= Number(marker)) return parts;
    marker = next;
  }
}

/** Sorted by name, as they are signed; what is undefined is left out. */
export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(parameters)
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => (value === '' && name !== 'prefix' ? name : `${name}=${escapeQuery(value)}`))
    .join('&');
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Of an answer with `encoding-type=url`, in which a space is a plus. */
function decoded(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function isKey(name: string): boolean {
  try {
    return checkKey(name) === name;
  } catch {
    return false; // a folder made by some browser of buckets, or another program's name
  }
}

export function parsed(place: S3Place, body: Uint8Array, root: string): XmlElement {
  const element = parseXml(new TextDecoder().decode(body));
  if (element?.name === root) return element;
  throw new GristmillError(
    'store-unavailable',
    `the store at ${place.endpoint.name} gave an answer about ${place.uri} that is not understood: no ${root} in it`,
  );
}

function outOfOrder(place: S3Place, before: string, after: string): GristmillError {
  return new GristmillError(
    'store-unfit',
    `the store at ${place.endpoint.name} lists ${JSON.stringify(after)} after ${JSON.stringify(before)}: a store needs ` +
      'listings in the order of keys; use a server that keeps it, such as MinIO (a directory bucket does not)',
    { where: place.uri },
  );
}
