/**
 * Emits of short string keys: packed into three words each, looked up together by the kernel's cache of keys
 * (`assembly/key-cache.ts`), which says how. They wait until their record is done, and until there are enough of them: many
 * lookups one after the other wait for memory together. So a record that fails has left nothing behind.
 *
 * A record that outgrows what can wait is taken as it comes, and can no longer be forgotten.
 */
import { GristmillError } from '../errors.js';
import type { TakeRows } from './emit-batch.js';
import type { Kernel } from './kernel.js';
import type { Regions } from './regions.js';

/** The longest string that is packed, in characters. */
export const PACKED_MAX = 12;

const WORDS = 3;
const ROW_BYTES = 4 * WORDS + 8;
const ROWS_AT_FIRST = 8192;
/** Enough that a call costs nothing, and few enough to stay in the nearest levels of the processor's cache. */
const ROWS_TOGETHER = 2048;
/** Of the cache: a slot and its address, twice, for the next size never overlaps. */
const SLOT_BYTES = 2 * (16 + 4);
const SLOTS_LEAST = 2048;
/** 4 MiB: beyond it a lookup costs as much as one in the table. */
const SLOTS_MAX = 2 ** 18;

/** Of the empty string, whose length would make its first word 0. */
const EMPTY_KEY = 15 << 28;

export interface PackedEmitsOptions {
  readonly kernel: Kernel;
  readonly regions: Regions;
  /** The most that the emits may come to take, and so again the cache. */
  readonly bytes: number;
  /** Whether emits of 1 can be counted, to be added together. */
  readonly countsOnes: boolean;
  /** Adds the first rows; returns when all are added. */
  readonly take: TakeRows;
}

export class PackedEmits {
  readonly #kernel: Kernel;
  readonly #take: TakeRows;
  readonly #wordsAt: number;
  readonly #valuesAt: number;
  readonly #words: Int32Array;
  readonly #values: Float64Array;
  #rowsMax = ROWS_AT_FIRST;
  #rows = 0;
  #doneRows = 0;
  #taken = 0;
  /** Rows of the record under way were taken. */
  #isCommitted = false;

  constructor({ kernel, regions, bytes, countsOnes, take }: PackedEmitsOptions) {
    const rows = Math.max(ROWS_AT_FIRST, Math.floor(bytes / ROW_BYTES));
    const slots = Math.min(SLOTS_MAX, Math.max(SLOTS_LEAST, 2 ** Math.floor(Math.log2(bytes / SLOT_BYTES))));
    const { buffer } = kernel.memory;
    this.#kernel = kernel;
    this.#take = take;
    this.#wordsAt = regions.take(rows * WORDS * 4);
    this.#valuesAt = regions.take(rows * 8);
    this.#words = new Int32Array(buffer, this.#wordsAt, rows * WORDS);
    this.#values = new Float64Array(buffer, this.#valuesAt, rows);
    kernel.exports.cacheInit(regions.take(2 * slots * 16), regions.take(2 * slots * 4), slots, countsOnes);
  }

  /** Emits of the records that are done. */
  get emitted(): number {
    return this.#taken + this.#doneRows;
  }

  /** False when the key has to be emitted as bytes: it is not ASCII. It is no longer than `PACKED_MAX`. */
  emit(key: string, value: number): boolean {
    if (this.#rows === this.#rowsMax) this.#makeRoom();
    const row = this.#rows;
    const words = this.#words;
    const at = row * WORDS;
    const length = key.length;
    let units = 0;
    if (length > 0) {
      // Always eight reads, some of the same character: where a loop ends, no processor can predict.
      const last = length - 1;
      const a = key.charCodeAt(0);
      const b = key.charCodeAt(atMost(1, last));
      const c = key.charCodeAt(atMost(2, last));
      const d = key.charCodeAt(atMost(3, last));
      const w = key.charCodeAt(notNegative(last - 3));
      const x = key.charCodeAt(notNegative(last - 2));
      const y = key.charCodeAt(notNegative(last - 1));
      const z = key.charCodeAt(last);
      units = a | b | c | d | w | x | y | z;
      words[at] = (length << 28) | (a << 21) | (b << 14) | (c << 7) | d;
      words[at + 1] = (w << 21) | (x << 14) | (y << 7) | z;
      let third = 0;
      if (length > 8) {
        const e = key.charCodeAt(4);
        const f = key.charCodeAt(5);
        const g = key.charCodeAt(6);
        const h = key.charCodeAt(7);
        units |= e | f | g | h;
        third = (e << 21) | (f << 14) | (g << 7) | h;
      }
      words[at + 2] = third;
    } else {
      words[at] = EMPTY_KEY;
      words[at + 1] = 0;
      words[at + 2] = 0;
    }
    if (units > 0x7f) return false;
    this.#values[row] = value;
    this.#rows = row + 1;
    return true;
  }

  recordDone(): void {
    this.#doneRows = this.#rows;
    this.#isCommitted = false;
    if (this.#rows >= ROWS_TOGETHER) this.#takeRows(this.#rows);
  }

  /** Forgets the emits of the record under way. */
  recordFailed(): void {
    if (this.#isCommitted) {
      throw new GristmillError('memory-exceeded', 'the record emitted too much for its emits to be taken back');
    }
    this.#rows = this.#doneRows;
  }

  /** No more emits: those of the record under way are forgotten, the others taken. */
  finish(): void {
    this.#rows = this.#doneRows;
    this.#takeRows(this.#doneRows);
  }

  /** The table is about to be emptied: entries get what was counted for them. */
  settle(): void {
    this.#kernel.exports.cacheSettle();
  }

  /** The table has been emptied. */
  clear(): void {
    this.#kernel.exports.cacheClear();
  }

  /** Room for one more emit. */
  #makeRoom(): void {
    if (this.#doneRows > 0) {
      this.#takeRows(this.#doneRows);
    } else if (this.#rowsMax * 2 <= this.#values.length) {
      this.#rowsMax *= 2;
    } else {
      this.#isCommitted = true;
      this.#takeRows(this.#rows);
    }
  }

  /** Hands over the first rows and moves the rest to the front. */
  #takeRows(rows: number): void {
    this.#take(rows);
    this.#words.copyWithin(0, rows * WORDS, this.#rows * WORDS);
    this.#values.copyWithin(0, rows, this.#rows);
    this.#taken += rows;
    this.#rows -= rows;
    this.#doneRows = Math.max(0, this.#doneRows - rows);
  }

  /** Adds the emits `[row, rows)`; returns the first that was not added, for the table is full. */
  add(row: number, rows: number): number {
    return this.#kernel.exports.cacheAdd(this.#wordsAt, this.#valuesAt, row, rows);
  }
}

/** Without a branch; both are small. */
function atMost(number: number, most: number): number {
  const above = most - number;
  return number + (above & (above >> 31));
}

function notNegative(number: number): number {
  return number & ~(number >> 31);
}
