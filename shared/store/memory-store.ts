/** Objects in memory: for tests, simulation and `runJob`. Deterministic: no clock, no randomness, no I/O. */
import { GristmillError, hasCode } from '../errors.js';
import { createXxh64 } from '../codec/checksum.js';
import { isSealed, publishLost, stagedMissing } from './seal-check.js';
import { STAGING, checkAttempt, checkKey, checkPrefix, checkWritableKey, compareKeys, folderOf } from './key.js';
import type {
  ByteRange,
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
import { throwIfAborted } from './signal.js';

const PIECE_BYTES = 1024 * 1024;

export type StoreOperation =
  'put' | 'get' | 'stream' | 'head' | 'list' | 'delete' | 'stage' | 'write' | 'seal' | 'publish' | 'discard';

export interface MemoryStoreOptions {
  readonly uri?: string;
  /** Called before a call takes effect; what it throws is the call's error, and nothing happens. */
  readonly before?: (operation: StoreOperation, key: string) => void | Promise<void>;
}

interface Stored {
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** The staged write it was published from. */
  readonly staged?: string;
}

/** What all handles on one store share. */
class Space {
  readonly objects = new Map<string, Stored>();
  /** Sealed or open, by the name in the seal. */
  readonly staged = new Map<string, MemoryStage>();
  #count = 0;

  nextName(): string {
    this.#count += 1;
    return String(this.#count);
  }
}

export class MemoryStore implements ObjectStore {
  readonly uri: string;
  readonly #before: (operation: StoreOperation, key: string) => void | Promise<void>;
  readonly #space: Space;

  constructor(options: MemoryStoreOptions = {}, space: unknown = new Space()) {
    this.uri = options.uri ?? 'memory:';
    this.#before = options.before ?? (() => undefined);
    if (!(space instanceof Space)) throw new GristmillError('internal', 'a handle comes from MemoryStore.handle');
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
    if (options.ifAbsent === true && this.#space.objects.has(key)) {
      throw new GristmillError('object-exists', `${key} exists already`, { where: key });
    }
    const etag = this.#space.nextName();
    this.#space.objects.set(key, { bytes: copy, etag });
    return { etag };
  }

  async get(key: string, options: ReadOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    const range = checkRange(options.range);
    await this.#begin('get', key, options);
    return this.#read(key, range).slice();
  }

  async *stream(key: string, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    checkKey(key);
    const range = checkRange(options.range);
    await this.#begin('stream', key, options);
    const bytes = this.#read(key, range);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      throwIfAborted(options.signal);
      yield bytes.slice(at, at + PIECE_BYTES);
    }
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    await this.#begin('head', key, options);
    return this.#info(key);
  }

  async *list(prefix: string, options: CallOptions = {}): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    await this.#begin('list', prefix, options);
    const keys = [...this.#space.objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys);
    for (const key of keys) {
      throwIfAborted(options.signal);
      const info = this.#info(key);
      if (info !== undefined) yield info;
    }
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    for (const key of keys) {
      checkKey(key);
      await this.#begin('delete', key, options);
      this.#space.objects.delete(key);
    }
  }

  async stage(key: string, attempt: string, options: StageOptions = {}): Promise<StagedWrite> {
    checkWritableKey(key);
    checkAttempt(attempt);
    await this.#begin('stage', key, options);
    const staged = `${folderOf(key)}${STAGING}/${attempt}.${this.#space.nextName()}`;
    const stage = new MemoryStage(
      (operation) => this.#begin(operation, key, options),
      () => this.#space.staged.delete(staged),
      { staged, key, attempt },
    );
    this.#space.staged.set(staged, stage);
    return stage;
  }

  async publish(seal: Seal, options: CallOptions = {}): Promise<void> {
    checkWritableKey(seal.key);
    checkKey(seal.staged);
    await this.#begin('publish', seal.key, options);
    const stage = this.#space.staged.get(seal.staged);
    const isWhole = stage?.bytes === seal.bytes;
    if (!this.#space.objects.has(seal.key)) {
      if (stage === undefined || !isWhole) throw stagedMissing(seal);
      this.#space.objects.set(seal.key, { bytes: stage.collect(), etag: this.#space.nextName(), staged: seal.staged });
    } else if (!(await this.#isPublished(seal))) {
      throw publishLost(seal);
    }
    this.#space.staged.delete(seal.staged);
  }

  async discard(seal: Seal, options: CallOptions = {}): Promise<void> {
    checkWritableKey(seal.key);
    checkKey(seal.staged);
    await this.#begin('discard', seal.key, options);
    this.#space.staged.delete(seal.staged);
    if (await this.#isPublished(seal)) this.#space.objects.delete(seal.key);
  }

  async discardStaged(prefix: string, options: DiscardOptions = {}): Promise<void> {
    checkPrefix(prefix);
    await this.#begin('discard', prefix, options);
    const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
    const beginning = options.deep ? folder : `${folder}${STAGING}/`;
    for (const staged of [...this.#space.staged.keys()])
      if (staged.startsWith(beginning)) this.#space.staged.delete(staged);
  }

  async close(): Promise<void> {
    // Nothing is open.
  }

  async #begin(operation: StoreOperation, key: string, options: CallOptions): Promise<void> {
    throwIfAborted(options.signal);
    await this.#before(operation, key);
    throwIfAborted(options.signal);
  }

  #info(key: string): ObjectInfo | undefined {
    const object = this.#space.objects.get(key);
    return object && { key, bytes: object.bytes.length, etag: object.etag };
  }

  #read(key: string, range: ByteRange | undefined): Uint8Array {
    const object = this.#space.objects.get(key);
    if (object === undefined) throw new GristmillError('object-not-found', `there is no object ${key}`, { where: key });
    return range === undefined ? object.bytes : object.bytes.subarray(range.start, range.end);
  }

  async #isPublished(seal: Seal): Promise<boolean> {
    const object = this.#space.objects.get(seal.key);
    if (object === undefined) return false;
    if (object.staged === seal.staged) return true;
    return isSealed(seal, oneByOne([object.bytes]));
  }
}

async function* oneByOne(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

class MemoryStage implements StagedWrite {
  readonly #begin: (operation: StoreOperation) => Promise<void>;
  readonly #remove: () => void;
  readonly #names: Pick<Seal, 'staged' | 'key' | 'attempt'>;
  readonly #checksum = createXxh64();
  readonly #pieces: Uint8Array[] = [];
  #phase: 'open' | 'broken' | 'sealed' | 'aborted' = 'open';
  #seal: Seal | undefined;
  bytes = 0;

  constructor(
    begin: (operation: StoreOperation) => Promise<void>,
    remove: () => void,
    names: Pick<Seal, 'staged' | 'key' | 'attempt'>,
  ) {
    this.#begin = begin;
    this.#remove = remove;
    this.#names = names;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#phase === 'aborted') return;
    this.#refuse();
    const copy = new Uint8Array(bytes);
    try {
      await this.#begin('write');
    } catch (thrown) {
      if (!hasCode(thrown, 'aborted')) this.#phase = 'broken';
      throw thrown;
    }
    if (this.#isAborted()) return;
    this.#pieces.push(copy);
    this.#checksum.update(copy);
    this.bytes += copy.length;
  }

  async seal(): Promise<Seal> {
    if (this.#seal !== undefined && this.#phase === 'sealed') return this.#seal;
    this.#refuse();
    await this.#begin('seal');
    this.#phase = 'sealed';
    this.#seal = { ...this.#names, bytes: this.bytes, xxh64: this.#checksum.digest() };
    return this.#seal;
  }

  async abort(): Promise<void> {
    this.#phase = 'aborted';
    this.#remove();
  }

  collect(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#pieces));
  }

  #isAborted(): boolean {
    return this.#phase === 'aborted';
  }

  #refuse(): void {
    if (this.#phase === 'open') return;
    const { key, attempt } = this.#names;
    throw new GristmillError(
      this.#phase === 'aborted' ? 'aborted' : 'internal',
      `the staged output takes no more bytes: it is ${this.#phase}`,
      { context: { key, attempt } },
    );
  }
}
