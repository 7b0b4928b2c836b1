/**
 * Cells of the CSV lines of a block of text, found by the kernel for all lines at once: strings are cut out of the block's
 * text, and numbers are read from its bytes. Lines that need a closer look are left to the parser (`assembly/cells.ts` says which).
 */
import type { Kernel } from './kernel.js';
import type { TextBlock } from './text-block.js';

export const CELL_UNWANTED = 0;
export const CELL_STRING = 1;
export const CELL_NUMBER = 2;
const NO_QUOTE = 256;

export interface CellsWanted {
  /** A character up to U+00FF that no decimal has. */
  readonly delimiterCode: number;
  /** The same, or one beyond, which is in no such line. */
  readonly quoteCode: number;
  /** For each cell of a line, from the first. */
  readonly kinds: Uint8Array;
}

export class CellBlock {
  readonly #kernel: Kernel;
  readonly #wanted: CellsWanted;
  readonly #strings: readonly number[];
  readonly #numbers: readonly number[];
  readonly #delimitersAt: number;
  readonly #kindsAt: number;
  readonly #flags: Uint8Array;
  readonly #cuts: Uint32Array;
  readonly #values: Float64Array;
  #text = '';
  #lines = 0;
  #line = 0;
  #cut = 0;
  #value = 0;

  constructor(kernel: Kernel, wanted: CellsWanted) {
    const { memory, cellsAt, textBytesMax } = kernel;
    const placesOf = (kind: number) => [...wanted.kinds.keys()].filter((place) => wanted.kinds[place] === kind);
    this.#kernel = kernel;
    this.#wanted = wanted;
    this.#strings = placesOf(CELL_STRING);
    this.#numbers = placesOf(CELL_NUMBER);
    const at = Math.ceil(cellsAt / 8) * 8;
    this.#cuts = new Uint32Array(memory.buffer, at, 2 * textBytesMax);
    this.#values = new Float64Array(memory.buffer, at + 8 * textBytesMax, textBytesMax / 2);
    this.#delimitersAt = at + 12 * textBytesMax;
    const flagsAt = this.#delimitersAt + 4 * (textBytesMax + 1);
    this.#flags = new Uint8Array(memory.buffer, flagsAt, textBytesMax);
    this.#kindsAt = flagsAt + textBytesMax;
  }

  /** The lines of a block that has just been taken. */
  take(block: TextBlock): void {
    const lines = block.oneByteLines;
    this.#line = 0;
    this.#lines = lines?.lines ?? 0;
    if (!lines) return;
    const { bytes, exports } = this.#kernel;
    const { delimiterCode, quoteCode, kinds } = this.#wanted;
    bytes.set(kinds, this.#kindsAt);
    exports.cutCells(
      lines.at,
      lines.text.length,
      lines.endsAt,
      lines.lines,
      delimiterCode,
      quoteCode >= 0 && quoteCode < NO_QUOTE ? quoteCode : NO_QUOTE,
      this.#kindsAt,
      kinds.length,
      this.#delimitersAt,
      this.#flags.byteOffset,
      this.#cuts.byteOffset,
      this.#values.byteOffset,
    );
    this.#text = lines.text;
    this.#cut = 0;
    this.#value = 0;
  }

  /** Writes the wanted cells of the next line, each to its place; false when that line needs a closer look. */
  next(values: unknown[]): boolean {
    const line = this.#line++;
    if (line >= this.#lines || this.#flags[line] === 0) return false;
    const text = this.#text;
    const cuts = this.#cuts;
    for (const place of this.#strings) {
      values[place] = text.slice(cuts[this.#cut], cuts[this.#cut + 1]);
      this.#cut += 2;
    }
    for (const place of this.#numbers) values[place] = this.#values[this.#value++];
    return true;
  }
}
