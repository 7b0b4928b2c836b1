/** Objects in memory: for tests, simulation and `runJob`. Deterministic: no clock, no randomness, no I/O. */
import { GristmillError, hasCode } from '../errors.js';
import { STAGING, checkAttempt, checkKey, checkPrefix, checkWritableKey } from './key.js';
import { MemorySpace, type MemoryStage } from './memory-space.js';
import type {
  CallOptions,
  DiscardOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  ReadOptions,
  Seal,
  StageOptions,
  StagedWrite,
} from './object-store.js';
import { checkRange } from './range.js';
import { isSealed, publishLost, stagedMissing } from './seal-check.js';
import { throwIfAborted } from './signal.js';

const PIECE_BYTES = 1024 * 1024;

export type StoreOperation =
  'put' | 'get' | 'stream' | 'head' | 'list' | 'delete' | 'stage' | 'write' | 'seal' | 'publish' | 'discard';

export interface MemoryStoreOptions {
  readonly uri?: string;
  /** Called before a call takes effect; what it throws is the call's error, and nothing happens. */
  readonly before?: (operation: StoreOperation, key: string) => void | Promise<void>;
}

export class MemoryStore implements ObjectStore {
  readonly uri: string;
  readonly #before: (operation: StoreOperation, key: string) => void | Promise<void>;
  readonly #space: MemorySpace;

  constructor(options: MemoryStoreOptions = {}, space: MemorySpace = new MemorySpace()) {
    this.uri = options.uri ?? 'memory:';
    this.#before = options.before ?? (() => undefined);
    this.#space = space;
  }

  /** Another store object over the same objects, as another process would have, with a hook of its own. */
  handle(before?: MemoryStoreOptions['before']): MemoryStore {
    return new MemoryStore({ uri: this.uri, ...(before && { before }) }, this.#space);
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    checkWritableKey(key);
    const copy = new Uint8Array(bytes);
    await this.#begin('put', key, options);
    if (options.ifAbsent === true && this.#space.has(key)) {
      throw new GristmillError('object-exists', `${key} exists already`, { where: key });
    }
    return { etag: this.#space.put(key, copy) };
  }

  async get(key: string, options: ReadOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    const range = checkRange(options.range);
    await this.#begin('get', key, options);
    return this.#space.read(key, range).slice();
  }

  async *stream(key: string, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    checkKey(key);
    const range = checkRange(options.range);
    await this.#begin('stream', key, options);
    const bytes = this.#space.read(key, range);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      throwIfAborted(options.signal);
      yield bytes.slice(at, at + PIECE_BYTES);
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    await this.#begin('head', key, options);
    return this.#space.info(key);
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    await this.#begin('list', prefix, options);
    for (const key of this.#space.keys(prefix)) {
      throwIfAborted(options.signal);
      const info = this.#space.info(key);
      if (info !== undefined) yield info;
    }
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) {
      checkKey(key);
      await this.#begin('delete', key, options);
      this.#space.delete(key);
    }
  }

  async stage(key: string, attempt: string, options: StageOptions = {}): Promise<StagedWrite> {
    checkWritableKey(key);
    checkAttempt(attempt);
    await this.#begin('stage', key, options);
    const stage = this.#space.stage(key, attempt);
    return new StagedInMemory(stage, (operation) => this.#begin(operation, key, options));
  }

  async publish(seal: Seal, options: CallOptions = {}): Promise<void> {
    checkWritableKey(seal.key);
    checkKey(seal.staged);
    await this.#begin('publish', seal.key, options);
    const stage = this.#space.staged(seal.staged);
    const isWhole = stage?.bytes === seal.bytes;
    if (!this.#space.has(seal.key)) {
      if (stage === undefined || !isWhole) throw stagedMissing(seal);
      this.#space.put(seal.key, stage.collect(), seal.staged);
    } else if (!(await this.#isPublished(seal))) {
      throw publishLost(seal);
    }
    this.#space.dropStaged(seal.staged);
  }

  async discard(seal: Seal, options: CallOptions = {}): Promise<void> {
    checkWritableKey(seal.key);
    checkKey(seal.staged);
    await this.#begin('discard', seal.key, options);
    this.#space.dropStaged(seal.staged);
    if (await this.#isPublished(seal)) this.#space.delete(seal.key);
  }

  async discardStaged(prefix: string, options: DiscardOptions = {}): Promise<void> {
    checkPrefix(prefix);
    await this.#begin('discard', prefix, options);
    const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    const beginning = options.deep ? folder : `${folder}${STAGING}/`;
    this.#space.dropStagedBelow(beginning);
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  async #begin(operation: StoreOperation, key: string, options: CallOptions): Promise<void> {
    throwIfAborted(options.signal);
    await this.#before(operation, key);
    throwIfAborted(options.signal);
  }

  async #isPublished(seal: Seal): Promise<boolean> {
    if (!this.#space.has(seal.key)) return false;
    if (this.#space.stagedNameOf(seal.key) === seal.staged) return true;
    return isSealed(seal, oneByOne([this.#space.read(seal.key)]));
  }
}

async function* oneByOne(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

class StagedInMemory implements StagedWrite {
  readonly #stage: MemoryStage;
  readonly #begin: (operation: StoreOperation) => Promise<void>;

  constructor(stage: MemoryStage, begin: (operation: StoreOperation) => Promise<void>) {
    this.#stage = stage;
    this.#begin = begin;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#stage.isAborted()) return;
    this.#stage.checkOpen();
    const copy = new Uint8Array(bytes);
    try {
      await this.#begin('write');
    } catch (thrown) {
      if (!hasCode(thrown, 'aborted')) this.#stage.breakOff();
      throw thrown;
    }
    if (!this.#stage.isAborted()) this.#stage.write(copy);
  }

  async seal(): Promise<Seal> {
    const { sealed } = this.#stage;
    if (sealed !== undefined) return sealed;
    this.#stage.checkOpen();
    await this.#begin('seal');
    return this.#stage.seal();
  }

  async abort(): Promise<void> {
    this.#stage.abort();
  }
}
