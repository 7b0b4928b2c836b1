/**
 * Where blocks come from: a partition of a shuffle object, or a scratch run. Synchronous, with back-pressure by asking.
 */
import { decodeBlock, type Block } from '../codec/block.js';
import type { FrameReader } from '../codec/frame.js';

/** A stream of bytes in fragments of any length. */
export interface ByteSource {
  /** The next bytes, valid until the next call; undefined at the end. */
  next(): Uint8Array | undefined;
  /** Ends it early; nothing after the end. */
  close(): void;
}

export interface BlockSource {
  /** The next block in order; undefined at the end, and from then on. */
  next(): Block | undefined;
}

/** Blocks from a stream of frames; `read` gives its bytes in fragments that are valid until the next call. */
export class FramedBlocks implements BlockSource {
  readonly #reader: FrameReader;
  readonly #read: () => Uint8Array | undefined;

  constructor(reader: FrameReader, read: () => Uint8Array | undefined) {
    this.#reader = reader;
    this.#read = read;
  }

  next(): Block | undefined {
    for (;;) {
      const payload = this.#reader.next();
      if (payload) return decodeBlock(payload);
      const bytes = this.#read();
      if (!bytes) {
        this.#reader.end();
        return undefined;
      }
      this.#reader.push(bytes);
    }
  }
}
