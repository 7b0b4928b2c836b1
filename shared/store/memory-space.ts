/**
 * What a store in memory holds, to be looked at and changed without a promise: `MemoryStore` is the store port over it, and
 * tasks that run in the same process as their store use it as it is.
 */
import { createXxh64 } from '../codec/checksum.js';
import { GristmillError } from '../errors.js';
import { STAGING, compareKeys, folderOf } from './key.js';
import type { ByteRange, ObjectInfo, Seal } from './object-store.js';

interface Stored {
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** The staged write it was published from. */
  readonly staged: string | undefined;
}

/** Keys are given as checked. Bytes that are handed over are the space's; bytes that it gives are not to be changed. */
export class MemorySpace {
  readonly #objects = new Map<string, Stored>();
  /** Sealed or open, by the name in the seal. */
  readonly #staged = new Map<string, MemoryStage>();
  #names = 0;

  has(key: string): boolean {
    return this.#objects.has(key);
  }

  /** Returns the etag. */
  put(key: string, bytes: Uint8Array, staged?: string): string {
    const etag = this.#nextName();
    this.#objects.set(key, { bytes, etag, staged });
    return etag;
  }

  info(key: string): ObjectInfo | undefined {
    const object = this.#objects.get(key);
    return object && { key, bytes: object.bytes.length, etag: object.etag };
  }

  /** A view. Throws `object-not-found`. */
  read(key: string, range?: ByteRange): Uint8Array {
    const object = this.#objects.get(key);
    if (object === undefined) throw new GristmillError('object-not-found', `there is no object ${key}`, { where: key });
    return range === undefined ? object.bytes : object.bytes.subarray(range.start, range.end);
  }

  /** Of the object under this key, if it was published from a staged write. */
  stagedNameOf(key: string): string | undefined {
    return this.#objects.get(key)?.staged;
  }

  keys(prefix: string): readonly string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareKeys);
  }

  delete(key: string): void {
    this.#objects.delete(key);
  }

  stage(key: string, attempt: string): MemoryStage {
    const staged = `${folderOf(key)}${STAGING}/${attempt}.${this.#nextName()}`;
    const stage = new MemoryStage({ staged, key, attempt }, () => this.#staged.delete(staged));
    this.#staged.set(staged, stage);
    return stage;
  }

  staged(name: string): MemoryStage | undefined {
    return this.#staged.get(name);
  }

  dropStaged(name: string): void {
    this.#staged.delete(name);
  }

  /** Drops every staged write whose name begins so. */
  dropStagedBelow(beginning: string): void {
    for (const staged of [...this.#staged.keys()]) if (staged.startsWith(beginning)) this.#staged.delete(staged);
  }

  #nextName(): string {
    this.#names += 1;
    return String(this.#names);
  }
}

type StageNames = Pick<Seal, 'staged' | 'key' | 'attempt'>;

/** A staged write; it takes bytes until it is sealed, aborted or, after an error, broken. */
export class MemoryStage {
  readonly #names: StageNames;
  readonly #remove: () => void;
  readonly #checksum = createXxh64();
  readonly #pieces: Uint8Array[] = [];
  #phase: 'open' | 'broken' | 'sealed' | 'aborted' = 'open';
  #seal: Seal | undefined;
  bytes = 0;

  constructor(names: StageNames, remove: () => void) {
    this.#names = names;
    this.#remove = remove;
  }

  isAborted(): boolean {
    return this.#phase === 'aborted';
  }

  /** The bytes are the stage's from here on. */
  write(bytes: Uint8Array): void {
    this.checkOpen();
    this.#pieces.push(bytes);
    this.#checksum.update(bytes);
    this.bytes += bytes.length;
  }

  /** It takes nothing more: a write has failed. */
  breakOff(): void {
    this.#phase = 'broken';
  }

  /** The seal, if it has one already. */
  get sealed(): Seal | undefined {
    return this.#phase === 'sealed' ? this.#seal : undefined;
  }

  seal(): Seal {
    this.#phase = 'sealed';
    this.#seal = { ...this.#names, bytes: this.bytes, xxh64: this.#checksum.digest() };
    return this.#seal;
  }

  abort(): void {
    this.#phase = 'aborted';
    this.#remove();
  }

  collect(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#pieces));
  }

  checkOpen(): void {
    if (this.#phase === 'open') return;
    const { key, attempt } = this.#names;
    throw new GristmillError(
      this.#phase === 'aborted' ? 'aborted' : 'internal',
      `the staged output takes no more bytes: it is ${this.#phase}`,
      { context: { key, attempt } },
    );
  }
}
