/**
 * Sorts row numbers by key: a stable merge sort that compares 64 bits of each key, taken after what all keys of the
 * range have in common, and the arena's bytes only where those are equal.
 */
import { compareRanges } from '../codec/key.js';

/** Below this many rows insertion sort is faster. */
const INSERTION_ROWS = 12;

export class KeySorter {
  readonly #arena: Uint8Array;
  readonly #before: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #index: Uint32Array;
  /** The next 4 and 8 bytes of the key at the same place of the index, big-endian, filled up with zeros. */
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  readonly #held: readonly [index: Uint32Array, high: Uint32Array, low: Uint32Array];
  #common = 0;

  /** Keys are given as in `SortableRows`; `index` holds the row numbers. */
  constructor(arena: Uint8Array, before: Uint32Array, ends: Uint32Array, index: Uint32Array) {
    this.#arena = arena;
    this.#before = before;
    this.#ends = ends;
    this.#index = index;
    this.#high = new Uint32Array(index.length);
    this.#low = new Uint32Array(index.length);
    const half = Math.ceil(index.length / 2);
    this.#held = [new Uint32Array(half), new Uint32Array(half), new Uint32Array(half)];
  }

  /** Sorts the places `[from, to)` of the index; rows with equal keys stay in their order. */
  sort(from: number, to: number): void {
    if (to - from < 2) return;
    this.#common = this.#commonBytes(from, to);
    for (let place = from; place < to; place++) {
      const row = this.#index[place] as number;
      const start = this.#start(row) + this.#common;
      const end = this.#ends[row] as number;
      this.#high[place] = wordAt(this.#arena, start, end);
      this.#low[place] = wordAt(this.#arena, start + 4, end);
    }
    this.#sort(from, to);
  }

  #start(row: number): number {
    return row === 0 ? 0 : (this.#before[row - 1] as number);
  }

  #commonBytes(from: number, to: number): number {
    const first = this.#index[from] as number;
    const start = this.#start(first);
    let common = (this.#ends[first] as number) - start;
    for (let place = from + 1; place < to && common > 0; place++) {
      const row = this.#index[place] as number;
      const other = this.#start(row);
      common = Math.min(common, (this.#ends[row] as number) - other);
      let equal = 0;
      while (equal < common && this.#arena[start + equal] === this.#arena[other + equal]) equal++;
      common = equal;
    }
    return common;
  }

  #sort(from: number, to: number): void {
    if (to - from <= INSERTION_ROWS) {
      this.#insertionSort(from, to);
      return;
    }
    const middle = (from + to) >>> 1;
    this.#sort(from, middle);
    this.#sort(middle, to);
    const high = this.#high[middle - 1] as number;
    const low = this.#low[middle - 1] as number;
    if (this.#compare(high, low, this.#index[middle - 1] as number, middle) > 0) this.#merge(from, middle, to);
  }

  #insertionSort(from: number, to: number): void {
    const [index, high, low] = [this.#index, this.#high, this.#low];
    for (let place = from + 1; place < to; place++) {
      const row = index[place] as number;
      const rowHigh = high[place] as number;
      const rowLow = low[place] as number;
      let hole = place;
      while (hole > from && this.#compare(rowHigh, rowLow, row, hole - 1) < 0) {
        index[hole] = index[hole - 1] as number;
        high[hole] = high[hole - 1] as number;
        low[hole] = low[hole - 1] as number;
        hole--;
      }
      index[hole] = row;
      high[hole] = rowHigh;
      low[hole] = rowLow;
    }
  }

  #merge(from: number, middle: number, to: number): void {
    const [index, high, low] = [this.#index, this.#high, this.#low];
    const [heldIndex, heldHigh, heldLow] = this.#held;
    const held = middle - from;
    heldIndex.set(index.subarray(from, middle));
    heldHigh.set(high.subarray(from, middle));
    heldLow.set(low.subarray(from, middle));
    let left = 0;
    let right = middle;
    let target = from;
    while (left < held && right < to) {
      const order = this.#compare(heldHigh[left] as number, heldLow[left] as number, heldIndex[left] as number, right);
      if (order <= 0) {
        index[target] = heldIndex[left] as number;
        high[target] = heldHigh[left] as number;
        low[target++] = heldLow[left++] as number;
      } else {
        index[target] = index[right] as number;
        high[target] = high[right] as number;
        low[target++] = low[right++] as number;
      }
    }
    index.set(heldIndex.subarray(left, held), target);
    high.set(heldHigh.subarray(left, held), target);
    low.set(heldLow.subarray(left, held), target);
  }

  /** Compares the row with these 64 bits to the row at a place. */
  #compare(high: number, low: number, row: number, place: number): number {
    if (high !== this.#high[place]) return high - (this.#high[place] as number);
    if (low !== this.#low[place]) return low - (this.#low[place] as number);
    const other = this.#index[place] as number;
    const start = this.#start(row) + this.#common;
    const otherStart = this.#start(other) + this.#common;
    return compareRanges(
      this.#arena,
      start,
      this.#ends[row] as number,
      this.#arena,
      otherStart,
      this.#ends[other] as number,
    );
  }
}

/** Four bytes from `start`, big-endian, with zeros from `end` on. */
export function wordAt(bytes: Uint8Array, start: number, end: number): number {
  let word = 0;
  for (let at = start; at < start + 4; at++) word = (word << 8) | (at < end ? (bytes[at] as number) : 0);
  return word >>> 0;
}
