/**
 * `s3://bucket/key`. The key is percent-encoded as the path of a `file:` URI is: an escape stands for its character, what
 * should have been escaped and is not stands for itself, and `* ? [ ] { }` are glob characters unless they are escaped. So
 * a `%` in a key is best written `%25`. Keys are paths: none of their names is empty, `.` or `..`; nothing is relative.
 */
import { GristmillError } from '../errors.js';
import { encodePattern, encodeRest, invalidUri, literal } from './uri-encoding.js';

export interface S3Place {
  readonly bucket: string;
  /** Without a final slash; empty for the bucket itself. */
  readonly key: string;
}

/** As servers take them: 3 to 63 of these characters. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export function isS3Uri(uri: string): boolean {
  return /^s3:/i.test(uri);
}

/** The URI with every character escaped that has to be, glob characters as they are. */
export function normaliseS3Uri(uri: string): string {
  const { bucket, path } = partsOf(uri);
  keyOf(uri, path);
  return path === '' ? `s3://${bucket}` : `s3://${bucket}/${encodeRest(path)}`;
}

/** What the URI names when no character in it is a glob's. */
export function parseS3Uri(uri: string): S3Place {
  const { bucket, path } = partsOf(uri);
  return { bucket, key: keyOf(uri, path) };
}

/** The URI of an object, in which no character is a glob's. */
export function s3Uri({ bucket, key }: S3Place): string {
  return key === '' ? `s3://${bucket}` : `s3://${bucket}/${literal(encodePattern(key))}`;
}

function partsOf(uri: string): { readonly bucket: string; readonly path: string } {
  const match = /^s3:\/\/([^/]*)(?:\/(.*))?$/is.exec(uri);
  const [, bucket = '', path = ''] = match ?? [];
  if (bucket.includes('@')) {
    // It may be a secret: it is not repeated.
    const message = 'an s3: URI takes no user name, key or secret before the bucket';
    throw new GristmillError('invalid-request', `${message}; docs/guide/storage.md says where credentials belong`);
  }
  if (match === null || bucket === '') throw invalidUri(uri, 'write s3://bucket/key');
  if (!BUCKET.test(bucket) || bucket.includes('..')) {
    throw invalidUri(uri, `${bucket} is no name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes`);
  }
  return { bucket, path };
}

function keyOf(uri: string, path: string): string {
  if (path === '') return '';
  const names = path.replace(/\/$/, '').split('/');
  return names.map((name) => decodedName(uri, encodeRest(name))).join('/');
}

function decodedName(uri: string, encoded: string): string {
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch (cause) {
    throw invalidUri(uri, 'it is not percent-encoded UTF-8', cause);
  }
  if (name === '') throw invalidUri(uri, 'a name in its key is empty');
  if (name === '.' || name === '..') throw invalidUri(uri, `keys have no folder ${name}`);
  if (/[/\0]/.test(name)) throw invalidUri(uri, 'an escaped slash or NUL is no character of a key');
  return name;
}
