/** Everything in a bucket: objects, the marks of staged outputs, and uploads that are not complete. */
import type { S3Endpoint } from '../../shared/store/s3/endpoint.js';
import { S3Place } from '../../shared/store/s3/place.js';
import { listAll } from '../../shared/store/s3/s3-list.js';
import { childrenOf, parseXml, textOf } from '../../shared/store/s3/xml.js';

/** Relative to the URI, sorted; an upload as `uploading <key>`. */
export async function everythingInBucket(endpoint: S3Endpoint, uri: string): Promise<string[]> {
  const place = new S3Place(endpoint, uri);
  const found: string[] = [];
  for await (const { key } of listAll(place, '', {})) found.push(key);
  // Without a prefix, MinIO lists what this process of it remembers of all keys: which is all, in a test.
  const request = { operation: 'upload-list', method: 'GET', query: 'uploads', changes: false } as const;
  const { body } = await place.expect(request);
  const page = parseXml(new TextDecoder().decode(body));
  if (page === undefined || textOf(page, 'IsTruncated') === 'true') throw new Error('not all uploads are listed');
  for (const upload of childrenOf(page, 'Upload')) {
    found.push(`uploading ${(textOf(upload, 'Key') ?? '').slice(place.prefix.length)}`);
  }
  return found.sort();
}
