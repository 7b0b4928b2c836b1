/** Reading an object into memory of the caller's: directly where the store can, else by copying from its stream. */
import type { ObjectReader, ObjectStore, ReadOptions } from './object-store.js';

export async function openReader(store: ObjectStore, key: string, options: ReadOptions = {}): Promise<ObjectReader> {
  return store.open ? store.open(key, options) : new StreamReader(store.stream(key, options));
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
