/** The arena's rows in their sorted order, shown one by one. */
import { KIND_IDS } from '../codec/block.js';
import { decodeUtf8 } from '../codec/utf8.js';
import { decodeValueAt } from '../codec/value-decode.js';
import type { SortedRows } from './fold-rows.js';
import type { Kernel } from './kernel.js';

export class ArenaRows implements SortedRows {
  readonly weight = 1;
  readonly isFolded = false;
  readonly keys: Uint8Array;
  keyStart = 0;
  keyEnd = 0;
  readonly #kernel: Kernel;
  readonly #rowsAt: number;
  readonly #to: number;
  #place: number;
  #row = 0;

  /** The places `[from, to)` of the sort; row r is 16 bytes at `rowsAt - 16 r`. */
  constructor(kernel: Kernel, rowsAt: number, from: number, to: number) {
    this.#kernel = kernel;
    this.keys = kernel.bytes;
    this.#rowsAt = rowsAt;
    this.#place = from;
    this.#to = to;
  }

  next(): boolean {
    if (this.#place === this.#to) return false;
    const { exports, view } = this.#kernel;
    this.#row = this.#rowsAt - exports.sortedRow(this.#place++) * 16;
    this.keyStart = view.getUint32(this.#row, true);
    this.keyEnd = this.keyStart + view.getUint32(this.#row + 4, true);
    return true;
  }

  value(): unknown {
    const { view, bytes } = this.#kernel;
    const end = this.keyEnd + view.getUint32(this.#row + 8, true);
    switch (view.getUint32(this.#row + 12, true)) {
      case KIND_IDS.f64:
        return view.getFloat64(this.keyEnd, true);
      case KIND_IDS.utf8:
        return decodeUtf8(bytes, this.keyEnd, end);
      case KIND_IDS.bytes:
        return bytes.slice(this.keyEnd, end);
      default:
        return decodeValueAt(bytes, this.keyEnd, end);
    }
  }
}
