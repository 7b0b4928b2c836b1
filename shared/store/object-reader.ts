/** Reading an object into memory of the caller's: directly where the store can, else by copying from its stream. */
import { GristmillError } from '../errors.js';
import type { ObjectReader, ObjectStore, OpenOptions } from './object-store.js';

export async function openReader(store: ObjectStore, key: string, options: OpenOptions = {}): Promise<ObjectReader> {
  if (store.open) return store.open(key, options);
  const reader = new StreamReader(store.stream(key, options));
  return options.etag === undefined ? reader : new PinnedReader(reader, store, key, { ...options, etag: options.etag });
}

export function objectChanged(name: string): GristmillError {
  return new GristmillError('object-changed', `the object ${name} has changed while it was read`, { where: name });
}

/** Looks after each read whether it was of the object that is meant. */
class PinnedReader implements ObjectReader {
  readonly #reader: ObjectReader;
  readonly #store: ObjectStore;
  readonly #key: string;
  readonly #options: OpenOptions & { readonly etag: string };

  constructor(reader: ObjectReader, store: ObjectStore, key: string, options: OpenOptions & { readonly etag: string }) {
    this.#reader = reader;
    this.#store = store;
    this.#key = key;
    this.#options = options;
  }

  async read(pieces: readonly Uint8Array[]): Promise<number> {
    const { etag, signal } = this.#options;
    const filled = await this.#reader.read(pieces);
    const info = await this.#store.head(this.#key, signal === undefined ? {} : { signal });
    if (info?.etag !== etag) throw objectChanged(this.#key);
    return filled;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

class StreamReader implements ObjectReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  /** What is left of the stream's last piece. */
  #rest: Uint8Array = new Uint8Array(0);
  #isOpen = true;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#pieces = stream[Symbol.asyncIterator]();
  }

  async read(pieces: readonly Uint8Array[]): Promise<number> {
    let filled = 0;
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        if (this.#rest.length === 0 && !(await this.#advance())) return filled;
        const part = this.#rest.subarray(0, piece.length - at);
        piece.set(part, at);
        this.#rest = this.#rest.subarray(part.length);
        at += part.length;
        filled += part.length;
      }
    }
    return filled;
  }

  async #advance(): Promise<boolean> {
    const next = await this.#pieces.next();
    this.#isOpen = next.done !== true;
    if (next.done !== true) this.#rest = next.value;
    return this.#isOpen;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#pieces.return?.();
  }
}
