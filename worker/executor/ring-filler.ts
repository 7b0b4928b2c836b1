/** Brings a source's bytes into buffers of the ring, as its credits allow, and hands them to the user thread in order. */
import { limits } from '../../shared/limits.js';
import type { Credits } from './credits.js';
import { FILLED_DATA, type RingProducer } from './ring.js';

/** Buffers of one source that are filled together. */
export interface Batch {
  readonly source: number;
  readonly buffers: readonly number[];
  /** What the reader is to bring; the last buffer may be larger. */
  readonly bytes: number;
}

export class RingFiller {
  private readonly ring: RingProducer;
  private readonly credits: Credits;

  constructor(ring: RingProducer, credits: Credits) {
    this.ring = ring;
    this.credits = credits;
  }

  get bufferBytes(): number {
    return this.ring.shape.bufferBytes;
  }

  /** Waits for one buffer and takes what more there is, for at most `bytes`. */
  async take(source: number, bytes: number): Promise<Batch> {
    const first = await this.credits.take(source);
    // The reader of a source that holds nothing else may be waiting: it gets a block at once, and then more.
    const readBytes = this.credits.heldBy(source) > 1 ? limits.readBytesMax : limits.blockBytesTarget;
    const countMax = Math.ceil(Math.min(readBytes, bytes) / this.bufferBytes);
    const buffers = [first, ...this.credits.takeMore(source, countMax - 1)];
    return { source, buffers, bytes: Math.min(bytes, buffers.length * this.bufferBytes) };
  }

  /** Waits until the reader has drained all that the source has brought. */
  async takeWhenDrained(source: number, bytes: number): Promise<Batch> {
    const buffers = [await this.credits.take(source, true)];
    return { source, buffers, bytes: Math.min(bytes, this.bufferBytes) };
  }

  /**
   * `read` fills the pieces in order and says with how many bytes; nothing is handed on before it has resolved. Resolves
   * with the same number.
   */
  async fill(batch: Batch, read: (pieces: readonly Uint8Array[]) => Promise<number>): Promise<number> {
    const { source, buffers, bytes } = batch;
    const size = this.bufferBytes;
    let used = 0;
    try {
      const filled = await read(buffers.map((buffer, i) => this.ring.bufferIn(buffer).subarray(0, bytes - i * size)));
      if (!this.credits.isOpen(source)) return filled; // closed meanwhile: nobody waits for the bytes
      for (let at = 0; at < filled; at += size) {
        const length = Math.min(size, filled - at);
        this.ring.push({ source, buffer: buffers[used++] as number, length, kind: FILLED_DATA });
      }
      return filled;
    } finally {
      if (used < buffers.length) this.credits.release(buffers.slice(used).map((buffer) => [source, buffer] as const));
    }
  }

  /** Bytes that are in memory already. */
  async pour(source: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const batch = await this.take(source, bytes.length - at);
      at += await this.fill(batch, (pieces) => Promise.resolve(copyInto(pieces, bytes.subarray(at))));
    }
  }
}

function copyInto(pieces: readonly Uint8Array[], bytes: Uint8Array): number {
  let at = 0;
  for (const piece of pieces) {
    const part = bytes.subarray(at, at + piece.length);
    piece.set(part);
    at += part.length;
  }
  return at;
}
