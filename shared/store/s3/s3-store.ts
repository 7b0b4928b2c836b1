/**
 * Objects in a bucket of an S3 server. A put is one request, conditional where it must be exclusive; a staged write is a
 * multipart upload whose completion is `publish`, so that nothing is ever copied or renamed. What servers and their client
 * get wrong, and what is done about it, is in docs/decisions/0015-s3-store.md.
 */
import { checkAttempt, checkKey, checkPrefix, checkWritableKey } from '../key.js';
import type {
  CallOptions,
  DeleteOptions,
  DiscardOptions,
  ObjectInfo,
  ObjectReader,
  ObjectStore,
  OpenOptions,
  PutOptions,
  ReadOptions,
  Seal,
  StageOptions,
  StagedWrite,
} from '../object-store.js';
import { checkRange } from '../range.js';
import { throwIfAborted } from '../signal.js';
import type { S3Access } from './access.js';
import { S3Endpoint } from './endpoint.js';
import { S3Place } from './place.js';
import { deleteObjects } from './s3-delete.js';
import { listObjects } from './s3-list.js';
import { headObject, putObject, readObject } from './s3-objects.js';
import { discardSeal, publishSeal } from './s3-publish.js';
import { S3Reader } from './s3-reader.js';
import { parseStaged } from './s3-seal.js';
import { beginStage, callOf } from './s3-stage.js';
import { prepareBucket } from './s3-bucket.js';
import { discardMarked } from './staging-marks.js';

const PIECE_BYTES = 1024 * 1024;

export interface S3StoreOptions {
  /** `s3://bucket` or `s3://bucket/prefix`. */
  readonly uri: string;
  readonly access: S3Access;
  /** Of the same access, shared with other stores of this process, which then outlives this one. */
  readonly endpoint?: S3Endpoint;
  /** Of a listing's page; for tests. */
  readonly keysPerPage?: number;
}

export class S3Store implements ObjectStore {
  readonly uri: string;
  readonly #place: S3Place;
  readonly #isOwnEndpoint: boolean;
  readonly #keysPerPage: number | undefined;

  /** Does no I/O. */
  constructor({ uri, access, endpoint, keysPerPage }: S3StoreOptions) {
    this.#place = new S3Place(endpoint ?? new S3Endpoint({ access }), uri);
    this.#isOwnEndpoint = endpoint === undefined;
    this.#keysPerPage = keysPerPage;
    this.uri = this.#place.uri;
  }

  /** Its requests, counted. */
  get endpoint(): S3Endpoint {
    return this.#place.endpoint;
  }

  /** Makes the bucket if it is not there, and sets what the server cleans up by itself. Returns warnings. */
  prepare(options: CallOptions = {}): Promise<readonly string[]> {
    return prepareBucket(this.#place, options);
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    checkWritableKey(key);
    throwIfAborted(options.signal);
    return putObject(this.#place, key, bytes, options);
  }

  async get(key: string, options: ReadOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    const range = checkRange(options.range);
    throwIfAborted(options.signal);
    const { bytes } = await readObject(this.#place, key, range, { signal: options.signal });
    return bytes;
  }

  async *stream(key: string, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    const reader = this.#reader(key, options);
    try {
      yield* reader.pieces(PIECE_BYTES);
    } finally {
      await reader.close();
    }
  }

  async open(key: string, options: OpenOptions = {}): Promise<ObjectReader> {
    return this.#reader(key, options);
  }

  #reader(key: string, options: OpenOptions): S3Reader {
    checkKey(key);
    const range = checkRange(options.range);
    throwIfAborted(options.signal);
    return new S3Reader({ place: this.#place, key, range, etag: options.etag, signal: options.signal });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    throwIfAborted(options.signal);
    const found = await headObject(this.#place, key, options);
    return found && { key, bytes: found.bytes, etag: found.etag };
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    const keysPerPage = this.#keysPerPage;
    yield* listObjects(this.#place, prefix, { ...options, ...(keysPerPage !== undefined && { keysPerPage }) });
  }

  async delete(keys: readonly string[], options: DeleteOptions = {}): Promise<void> {
    for (const key of keys) checkKey(key);
    throwIfAborted(options.signal);
    await deleteObjects(this.#place, keys, options);
  }

  async stage(key: string, attempt: string, options: StageOptions = {}): Promise<StagedWrite> {
    checkWritableKey(key);
    checkAttempt(attempt);
    throwIfAborted(options.signal);
    return beginStage({ place: this.#place, key, attempt, signal: options.signal });
  }

  async publish(seal: Seal, options: CallOptions = {}): Promise<void> {
    checkWritableKey(seal.key);
    parseStaged(seal);
    throwIfAborted(options.signal);
    await publishSeal(this.#place, seal, callOf(options.signal));
  }

  async discard(seal: Seal, options: CallOptions = {}): Promise<void> {
    checkWritableKey(seal.key);
    parseStaged(seal);
    throwIfAborted(options.signal);
    await discardSeal(this.#place, seal, callOf(options.signal));
  }

  async discardStaged(prefix: string, options: DiscardOptions = {}): Promise<void> {
    checkPrefix(prefix);
    throwIfAborted(options.signal);
    const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    const { deep = false, willRepeat = false } = options;
    await discardMarked(this.#place, folder, { ...callOf(options.signal), deep, willRepeat });
  }

  async close(): Promise<void> {
    if (this.#isOwnEndpoint) await this.#place.endpoint.close();
  }
}
