/**
 * What an HTTP request means to an S3 server, as far as rules and counts need it. Buckets are in the path
 * (`/bucket/key`), as every client writes them for a server that has a port.
 */
import type { IncomingMessage } from 'node:http';

export const operations = [
  'PutObject',
  'GetObject',
  'GetObjectRange',
  'HeadObject',
  'CopyObject',
  'DeleteObject',
  'DeleteObjects',
  'ListObjects',
  'CreateMultipartUpload',
  'UploadPart',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
  'ListParts',
  'ListMultipartUploads',
  'Bucket',
  'Other',
] as const;

export type Operation = (typeof operations)[number];

export interface S3Request {
  readonly operation: Operation;
  readonly method: string;
  readonly bucket: string;
  /** Decoded; of a listing, the prefix that is listed. */
  readonly key: string;
}

export function describeRequest({ method = '', url = '/', headers }: IncomingMessage): S3Request {
  const { pathname, searchParams } = new URL(url, 'http://server');
  const [bucket = '', ...rest] = pathname.slice(1).split('/');
  const object = decoded(rest.join('/'));
  const isListing = object === '' && method === 'GET';
  const operation = object === '' ? onBucket(method, bucket, searchParams) : onObject(method, searchParams, headers);
  return { operation, method, bucket, key: isListing ? (searchParams.get('prefix') ?? '') : object };
}

function onBucket(method: string, bucket: string, query: URLSearchParams): Operation {
  if (bucket === '') return 'Other'; // the list of buckets, or a call to the token service
  if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
  if (method !== 'GET') return 'Bucket';
  if (query.has('uploads')) return 'ListMultipartUploads';
  const isListing = ['list-type', 'prefix', 'marker', 'delimiter', 'max-keys'].some((name) => query.has(name));
  return isListing ? 'ListObjects' : 'Bucket';
}

function onObject(method: string, query: URLSearchParams, headers: IncomingMessage['headers']): Operation {
  switch (method) {
    case 'PUT':
      if (query.has('uploadId')) return 'UploadPart';
      return headers['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject';
    case 'GET':
      if (query.has('uploadId')) return 'ListParts';
      return headers.range === undefined ? 'GetObject' : 'GetObjectRange';
    case 'HEAD':
      return 'HeadObject';
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      return query.has('uploadId') ? 'CompleteMultipartUpload' : 'Other';
    case 'DELETE':
      return query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject';
    default:
      return 'Other';
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // the server will say what it thinks of it
  }
}
