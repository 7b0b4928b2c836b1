/**
 * Sorts row numbers by key: a stable merge sort that compares 64 bits of each key, taken after what all keys of the
 * range have in common, and the arena's bytes only where those are equal.
 */
import { compareRanges } from '../../codec/key.js';

/** Stands for a length of more than 8 bytes. */
const LONG = 9;
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
  /** How many bytes the key has from there on, 9 standing for all that are more than 8. */
  readonly #length: Uint8Array;
  readonly #held: readonly [index: Uint32Array, high: Uint32Array, low: Uint32Array, length: Uint8Array];
  #common = 0;

  /** Keys are given as in `SortableRows`; `index` holds the row numbers. */
  constructor(arena: Uint8Array, before: Uint32Array, ends: Uint32Array, index: Uint32Array) {
    this.#arena = arena;
    this.#before = before;
    this.#ends = ends;
    this.#index = index;
    this.#high = new Uint32Array(index.length);
    this.#low = new Uint32Array(index.length);
    this.#length = new Uint8Array(index.length);
    const half = Math.ceil(index.length / 2);
    this.#held = [new Uint32Array(half), new Uint32Array(half), new Uint32Array(half), new Uint8Array(half)];
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
      this.#length[place] = Math.min(end - start, LONG);
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
    const last = middle - 1;
    const [high, low] = [this.#high[last] as number, this.#low[last] as number];
    const order = this.#compare(high, low, this.#length[last] as number, this.#index[last] as number, middle);
    if (order > 0) this.#merge(from, middle, to);
  }

  #insertionSort(from: number, to: number): void {
    const [index, high, low, length] = [this.#index, this.#high, this.#low, this.#length];
    for (let place = from + 1; place < to; place++) {
      const row = index[place] as number;
      const rowHigh = high[place] as number;
      const rowLow = low[place] as number;
      const rowLength = length[place] as number;
      let hole = place;
      while (hole > from && this.#compare(rowHigh, rowLow, rowLength, row, hole - 1) < 0) {
        index[hole] = index[hole - 1] as number;
        high[hole] = high[hole - 1] as number;
        low[hole] = low[hole - 1] as number;
        length[hole] = length[hole - 1] as number;
        hole--;
      }
      index[hole] = row;
      high[hole] = rowHigh;
      low[hole] = rowLow;
      length[hole] = rowLength;
    }
  }

  #merge(from: number, middle: number, to: number): void {
    const [index, high, low, length] = [this.#index, this.#high, this.#low, this.#length];
    const [heldIndex, heldHigh, heldLow, heldLength] = this.#held;
    const held = middle - from;
    heldIndex.set(index.subarray(from, middle));
    heldHigh.set(high.subarray(from, middle));
    heldLow.set(low.subarray(from, middle));
    heldLength.set(length.subarray(from, middle));
    let left = 0;
    let right = middle;
    let target = from;
    while (left < held && right < to) {
      const row = heldIndex[left] as number;
      const rowHigh = heldHigh[left] as number;
      const rowLow = heldLow[left] as number;
      const rowLength = heldLength[left] as number;
      if (this.#compare(rowHigh, rowLow, rowLength, row, right) <= 0) {
        index[target] = row;
        high[target] = rowHigh;
        low[target] = rowLow;
        length[target++] = rowLength;
        left++;
      } else {
        index[target] = index[right] as number;
        high[target] = high[right] as number;
        low[target] = low[right] as number;
        length[target++] = length[right++] as number;
      }
    }
    index.set(heldIndex.subarray(left, held), target);
    high.set(heldHigh.subarray(left, held), target);
    low.set(heldLow.subarray(left, held), target);
    length.set(heldLength.subarray(left, held), target);
  }

  /** Compares the row with these 64 bits and this length to the row at a place. */
  #compare(high: number, low: number, length: number, row: number, place: number): number {
    if (high !== this.#high[place]) return high - (this.#high[place] as number);
    if (low !== this.#low[place]) return low - (this.#low[place] as number);
    // The zeros that fill up a key are after its end: of keys that are equal with them, the shorter one is first.
    const otherLength = this.#length[place] as number;
    if (length !== LONG || otherLength !== LONG) return length - otherLength;
    const other = this.#index[place] as number;
    return compareRanges(
      this.#arena,
      this.#start(row) + this.#common,
      this.#ends[row] as number,
      this.#arena,
      this.#start(other) + this.#common,
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
