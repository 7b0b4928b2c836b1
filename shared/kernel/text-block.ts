/**
 * Whole lines of text, decoded at once: a string for all of them, of which each line is a part. Line ends and bytes that are
 * not ASCII are found by the kernel.
 *
 * A string with one character above U+00FF takes two bytes for every character, and all that is done with its parts takes up to
 * twice as long. So lines that have such characters are decoded by themselves, and the others together, as long as at most half of the
 * lines have them.
 */
import { decodeUtf8 } from '../codec/utf8.js';
import { decodeText } from '../formats/text.js';
import type { Kernel } from './kernel.js';

interface Slices {
  readonly latin1Slice: (this: Uint8Array, start: number, end: number) => string;
}

/** Node's own decoder, which takes any bytes without a Buffer around them. */
const { latin1Slice } = Buffer.prototype as unknown as Slices;
const REPLACEMENT = '\ufffd';
const CARRIAGE_RETURN = 0x0d;
const CHARACTER_EACH = 0;
const NARROW = 1;
const NEWLINES = 2;
const BYTES = 3;
/** Of the lines of a block, that are decoded by themselves at most. */
const WIDE_SHARE = 1 / 2;
/** In the end of a line that is not in the text. */
const WIDE = 1 << 31;

/** Lines as bytes of the kernel's memory that are characters of the text. Ends as `narrowLines` has them. */
export interface OneByteLines {
  readonly text: string;
  readonly at: number;
  readonly endsAt: number;
  readonly lines: number;
}

export class TextBlock {
  readonly #kernel: Kernel;
  readonly #ends: Uint32Array;
  /** In the text; negative for a line that is not in it. */
  readonly #narrowEnds: Int32Array;
  /**
   * How lines are found in the text: by their bytes, by ends of their own, by newlines, or not at all, since it cannot be decoded as
   * a whole.
   */
  #how: typeof CHARACTER_EACH | typeof NARROW | typeof NEWLINES | typeof BYTES = CHARACTER_EACH;
  #text = '';
  #hasReturn = false;
  #offset = 0;
  #lines = 0;
  #at = 0;
  /** Of the next line: its first byte, and its first character. */
  #byte = 0;
  #character = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#ends = new Uint32Array(kernel.memory.buffer, kernel.linesAt, kernel.textBytesMax);
    this.#narrowEnds = new Int32Array(kernel.memory.buffer, kernel.narrowEndsAt, kernel.textBytesMax);
  }

  get more(): boolean {
    return this.#at < this.#lines;
  }

  /** Where the first byte of the line that `next` will return is in the object. */
  get nextOffset(): number {
    return this.#offset + this.#byte;
  }

  /** `chunk[start, end)` is whole lines, at most `kernel.textBytesMax` bytes; the first byte is at `offset` of the object. */
  take(chunk: Uint8Array, start: number, end: number, offset: number): void {
    const { bytes, exports, textAt, linesAt } = this.#kernel;
    const length = end - start;
    bytes.set(chunk.subarray(start, end), textAt);
    this.#lines = exports.scanLines(textAt, length, linesAt);
    this.#hasReturn = exports.hasReturn.value === 1;
    if (exports.hasOther.value === 0) {
      this.#how = CHARACTER_EACH;
      this.#text = latin1Slice.call(bytes, textAt, textAt + length);
    } else if (!this.#takeNarrow()) {
      this.#text = decodeUtf8(bytes, textAt, textAt + length);
      this.#how = this.#text.includes(REPLACEMENT) ? BYTES : NEWLINES;
    }
    this.#offset = offset;
    this.#at = 0;
    this.#byte = 0;
    this.#character = 0;
  }

  /** False when too many lines would have to be decoded by themselves. */
  #takeNarrow(): boolean {
    const { bytes, exports, textAt, linesAt, narrowAt, narrowEndsAt } = this.#kernel;
    const lines = this.#lines;
    const most = Math.floor(lines * WIDE_SHARE);
    if (exports.narrowLines(textAt, linesAt, lines, narrowAt, narrowEndsAt, most) > most) return false;
    const length = (this.#narrowEnds[lines - 1] as number) & ~WIDE;
    this.#text = latin1Slice.call(bytes, narrowAt, narrowAt + length);
    this.#how = NARROW;
    return true;
  }

  /** All lines of the block, but those that are decoded by themselves; undefined when not every byte is a character. */
  get oneByteLines(): OneByteLines | undefined {
    const { textAt, linesAt, narrowAt, narrowEndsAt } = this.#kernel;
    const common = { text: this.#text, lines: this.#lines };
    if (this.#how === CHARACTER_EACH) return { ...common, at: textAt, endsAt: linesAt };
    return this.#how === NARROW ? { ...common, at: narrowAt, endsAt: narrowEndsAt } : undefined;
  }

  /** Passes over the next line, which is one of `oneByteLines`. */
  pass(): void {
    this.#byte = this.#ends[this.#at] as number;
    if (this.#how === NARROW) this.#character = this.#narrowEnds[this.#at] as number;
    this.#at++;
  }

  /**
   * The next line, without its end; it shares its characters with the block's other lines. Throws `record-invalid` where it is
   * not UTF-8, and goes on after it.
   */
  next(): string {
    const start = this.#byte;
    const end = this.#ends[this.#at++] as number;
    this.#byte = end;
    return this.#how === CHARACTER_EACH ? this.#cut(start, end - 1) : this.#nextOther(start, end - 1);
  }

  #nextOther(start: number, end: number): string {
    if (this.#how === NARROW) {
      const from = this.#character;
      const narrowEnd = this.#narrowEnds[this.#at - 1] as number;
      if (narrowEnd < 0) return this.#decode(start, end);
      this.#character = narrowEnd;
      return this.#cut(from, narrowEnd - 1);
    }
    if (this.#how === NEWLINES) {
      const from = this.#character;
      const to = this.#text.indexOf('\n', from);
      this.#character = to + 1;
      return this.#cut(from, to);
    }
    return this.#decode(start, end);
  }

  #decode(start: number, end: number): string {
    const { bytes, textAt } = this.#kernel;
    const hasReturn = end > start && bytes[textAt + end - 1] === CARRIAGE_RETURN;
    return decodeText(bytes, textAt + start, textAt + end - (hasReturn ? 1 : 0));
  }

  #cut(from: number, to: number): string {
    const hasReturn = this.#hasReturn && to > from && this.#text.charCodeAt(to - 1) === CARRIAGE_RETURN;
    return this.#text.slice(from, hasReturn ? to - 1 : to);
  }
}
