/** Where a store lies in a bucket: `s3://bucket` or `s3://bucket/prefix`. */
import { GristmillError } from '../../errors.js';
import type { AskOptions, S3Endpoint, S3Request, Settled } from './endpoint.js';
import type { Answer, Refusal } from './reply.js';
import { refusalError } from './s3-errors.js';

export interface S3Location {
  readonly bucket: string;
  /** Decoded, without slashes at its ends; empty for the bucket itself. */
  readonly path: string;
}

/** Of an `s3:` URI, whose path may have escapes. */
export function parseS3Uri(uri: string): S3Location {
  const match = /^s3:\/\/([^/?#]+)(?:\/(.*))?$/s.exec(uri);
  const bucket = match?.[1] ?? '';
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket) || bucket.includes('..')) {
    throw new GristmillError(
      'invalid-request',
      `cannot use ${JSON.stringify(uri)}: it names no bucket; write s3://bucket or s3://bucket/prefix, the bucket with 3 to ` +
        '63 small letters, digits, dots and hyphens',
    );
  }
  try {
    return { bucket, path: decodeURIComponent(match?.[2] ?? '').replace(/^\/+|\/+$/g, '') };
  } catch (cause) {
    throw new GristmillError('invalid-request', `cannot use ${JSON.stringify(uri)}: it has half an escape`, { cause });
  }
}

type PlaceRequest = Omit<S3Request, 'bucket' | 'key'> & { readonly key?: string };

export class S3Place {
  readonly endpoint: S3Endpoint;
  readonly bucket: string;
  /** Of every key of the store; empty, or ends in a slash. */
  readonly prefix: string;
  readonly uri: string;

  constructor(endpoint: S3Endpoint, uri: string) {
    const { bucket, path } = parseS3Uri(uri);
    this.endpoint = endpoint;
    this.bucket = bucket;
    this.prefix = path === '' ? '' : `${path}/`;
    const escaped = path.split('/').map(encodeURIComponent).join('/');
    this.uri = path === '' ? `s3://${bucket}` : `s3://${bucket}/${escaped}`;
  }

  /** `key` is of the store. */
  ask(request: PlaceRequest, options?: AskOptions): Promise<Settled> {
    return this.endpoint.ask(this.#complete(request), options);
  }

  /** For requests that have nothing to be refused for. */
  async expect(request: PlaceRequest, options?: AskOptions): Promise<Answer> {
    const { reply } = await this.ask(request, options);
    if (reply.kind === 'refusal') throw this.error(request, reply);
    return reply;
  }

  error(request: PlaceRequest, refusal: Refusal): GristmillError {
    return refusalError(this.endpoint, this.#complete(request), refusal);
  }

  /** As a person writes it. */
  nameOf(key: string): string {
    return `s3://${this.bucket}/${this.prefix}${key}`;
  }

  #complete({ key, ...request }: PlaceRequest): S3Request {
    return { ...request, bucket: this.bucket, ...(key !== undefined && { key: this.prefix + key }) };
  }
}
