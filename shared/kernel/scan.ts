/**
 * Lines of a byte stream, without copying where a line lies within one chunk.
 *
 * A split owns the lines whose first byte lies in `[start, end)`: it is fed from one byte before its start, which tells
 * whether a line begins there, and past its end, until its last line is complete. `\n` ends a line, a `\r` before it is
 * stripped; a last line without `\n` counts, an empty rest does not. A byte order mark at offset 0 is not part of a line.
 */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

export interface LineScannerOptions {
  /** The input's name for messages. */
  readonly uri?: string;
  /** Longer lines are refused with `record-too-large`. */
  readonly recordBytesMax?: number;
}

/**
 * Feed it `push(chunk)`, then call `next()` until it returns false; the chunk must stay as it is so long. After the last
 * chunk call `finish()`, then `next()` once more. Stop feeding as soon as `done` is true.
 */
export class LineScanner {
  /** The offset of the first byte to push. */
  readonly feedFrom: number;
  /** After `next()` returned true: the line is `bytes[start, end)`, valid until the next call. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Where the line's first byte is in the object. */
  offset = 0;

  readonly #splitEnd: number;
  readonly #uri: string;
  readonly #recordBytesMax: number;
  #chunk: Uint8Array = new Uint8Array(0);
  /** The next byte of the chunk that has not been looked at, and the chunk's offset in the object. */
  #at = 0;
  #chunkOffset: number;
  /** Where the line under way begins; its part from earlier chunks is in `#held`. */
  #lineOffset: number;
  #held = new Uint8Array(0);
  #heldBytes = 0;
  /** Passing over the rest of a line that belongs to an earlier split, or was too long. */
  #skipping: boolean;
  #finished = false;
  #done: boolean;

  constructor(start: number, end: number, options: LineScannerOptions = {}) {
    this.feedFrom = Math.max(0, start - 1);
    this.#chunkOffset = this.feedFrom;
    this.#lineOffset = this.feedFrom;
    this.#splitEnd = end;
    this.#skipping = start > 0;
    this.#done = start >= end;
    this.#uri = options.uri ?? 'the input';
    this.#recordBytesMax = options.recordBytesMax ?? limits.recordBytesMax;
  }

  /** No further line belongs to the split: no more bytes are needed. */
  get done(): boolean {
    return this.#done;
  }

  push(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length && !this.#done) {
      throw new GristmillError('internal', 'a chunk was pushed before the one before it was used up');
    }
    this.#chunkOffset += this.#chunk.length;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The object has ended. */
  finish(): void {
    this.#finished = true;
  }

  /**
   * Passes over all lines that are whole within the chunk and belong to the split: `[start, end)` of the chunk's bytes, at most
   * `bytesMax` of them. Undefined where there is none, or where they have to be taken one by one.
   */
  wholeLines(bytesMax: number): { readonly start: number; readonly end: number; readonly offset: number } | undefined {
    const start = this.#at;
    const chunk = this.#chunk;
    // At offset 0 there may be a byte order mark; a limit below a chunk is a test's.
    const oneByOne = this.#skipping || this.#heldBytes > 0 || this.#lineOffset === 0 || this.#recordBytesMax < bytesMax;
    if (this.#done || oneByOne) return undefined;
    let end = chunk.lastIndexOf(NEWLINE, Math.min(chunk.length, start + bytesMax) - 1) + 1;
    if (end <= start) return undefined;
    const lastByte = this.#splitEnd - 1 - this.#chunkOffset;
    if (end > lastByte + 1) end = chunk.indexOf(NEWLINE, Math.max(start, lastByte)) + 1;
    const offset = this.#chunkOffset + start;
    this.#at = end;
    this.#beginLine(this.#chunkOffset + end);
    return { start, end, offset };
  }

  /** The chunk that was pushed last. */
  get chunk(): Uint8Array {
    return this.#chunk;
  }

  /** Moves to the next line; false when there is none yet, or none any more. Throws `record-too-large` and goes on after it. */
  next(): boolean {
    while (!this.#done) {
      const newline = this.#chunk.indexOf(NEWLINE, this.#at);
      if (newline < 0) return this.#endOfChunk();
      const skipped = this.#skipping;
      const lineOffset = this.#lineOffset;
      const from = this.#at;
      this.#at = newline + 1;
      this.#beginLine(this.#chunkOffset + this.#at);
      if (skipped) continue;
      this.#show(lineOffset, from, newline);
      return true;
    }
    return false;
  }

  /** The line is what is held and the chunk's `[from, to)`. */
  #show(lineOffset: number, from: number, to: number): void {
    if (this.#heldBytes + to - from > this.#recordBytesMax) {
      this.#heldBytes = 0;
      this.#refuse(lineOffset);
    }
    this.offset = lineOffset;
    if (this.#heldBytes === 0) {
      this.bytes = this.#chunk;
      this.start = from;
      this.end = to;
    } else {
      this.#hold(from, to);
      this.bytes = this.#held;
      this.start = 0;
      this.end = this.#heldBytes;
      this.#heldBytes = 0;
    }
    if (lineOffset === 0 && this.#hasMark()) this.start += BYTE_ORDER_MARK.length;
    if (this.end > this.start && this.bytes[this.end - 1] === CARRIAGE_RETURN) this.end--;
  }

  #hasMark(): boolean {
    return this.end - this.start >= 3 && BYTE_ORDER_MARK.every((byte, i) => this.bytes[this.start + i] === byte);
  }

  #beginLine(offset: number): void {
    this.#lineOffset = offset;
    this.#skipping = false;
    this.#done = offset >= this.#splitEnd;
  }

  /** No newline is left in the chunk: keeps what the line has so far, or ends with it. */
  #endOfChunk(): boolean {
    const from = this.#at;
    const to = this.#chunk.length;
    this.#at = to;
    if (this.#finished) return this.#lastLine(from, to);
    if (this.#skipping) {
      // A line that begins later than here begins beyond the split.
      if (this.#chunkOffset + to >= this.#splitEnd) this.#done = true;
    } else if (this.#heldBytes + to - from > this.#recordBytesMax) {
      this.#heldBytes = 0;
      this.#skipping = true;
      this.#refuse(this.#lineOffset);
    } else if (to > from) {
      this.#hold(from, to);
    }
    return false;
  }

  #lastLine(from: number, to: number): boolean {
    this.#done = true;
    if (this.#skipping || this.#heldBytes + to - from === 0) return false;
    this.#show(this.#lineOffset, from, to);
    // A byte order mark alone is an empty rest.
    return this.end > this.start || this.offset > 0 || this.bytes[this.end] === CARRIAGE_RETURN;
  }

  #hold(from: number, to: number): void {
    const needed = this.#heldBytes + to - from;
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.max(needed, this.#held.length * 2, 4096));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(this.#chunk.subarray(from, to), this.#heldBytes);
    this.#heldBytes = needed;
  }

  #refuse(offset: number): never {
    throw new GristmillError(
      'record-too-large',
      `the line at byte ${offset} of ${this.#uri} is longer than ${this.#recordBytesMax} bytes`,
      { where: `${this.#uri}:${offset}` },
    );
  }
}
