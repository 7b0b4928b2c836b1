/** Where a store lies in a bucket: `s3://bucket` or `s3://bucket/prefix`. */
import type { GristmillError } from '../../errors.js';
import { parseS3Uri, s3Uri } from '../s3-uri.js';
import type { AskOptions, S3Endpoint, S3Request, Settled } from './endpoint.js';
import type { Answer, Refusal } from './reply.js';
import { refusalError } from './s3-errors.js';

type PlaceRequest = Omit<S3Request, 'bucket' | 'key'> & { readonly key?: string };

export class S3Place {
  readonly endpoint: S3Endpoint;
  readonly bucket: string;
  /** Of every key of the store; empty, or ends in a slash. */
  readonly prefix: string;
  readonly uri: string;

  constructor(endpoint: S3Endpoint, uri: string) {
    const { bucket, key: path } = parseS3Uri(uri);
    this.endpoint = endpoint;
    this.bucket = bucket;
    this.prefix = path === '' ? '' : `${path}/`;
    this.uri = s3Uri({ bucket, key: path });
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
