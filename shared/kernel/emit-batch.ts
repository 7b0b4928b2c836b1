/**
 * Emits with an aggregator of numbers, on their way into the combining table: keys as bytes, numbers beside them, no object for
 * any. Those of the record under way can still be forgotten.
 *
 * The batch is small, so that it stays in the cache, and grows only for a record that emits more than it holds. A record
 * that outgrows even its largest size is taken as it comes, and can no longer be forgotten.
 */
import { encodeKeyInto, KEY_TAG_STRING } from '../codec/key.js';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import type { Kernel } from './kernel.js';
import type { Regions } from './regions.js';

/** Longer strings are written faster by one call than by a loop over their units. */
const SHORT_UNITS = 24;
const ROWS_AT_FIRST = 8192;
const BYTES_AT_FIRST = 2 * limits.keyBytesMax;
const ROW_BYTES = 12;

/** Takes the first rows out of the batch's columns; returns when all are taken. */
export type TakeRows = (rows: number) => void;

export class EmitBatch {
  readonly keysAt: number;
  readonly endsAt: number;
  readonly valuesAt: number;
  readonly #keys: Uint8Array;
  readonly #ends: Uint32Array;
  readonly #values: Float64Array;
  readonly #take: TakeRows;
  #rowsMax = ROWS_AT_FIRST;
  #bytesMax = BYTES_AT_FIRST;
  #rows = 0;
  #end = 0;
  #doneRows = 0;
  #taken = 0;
  /** Rows of the record under way were taken. */
  #isCommitted = false;

  /** `bytes` is the most that the batch may come to take. */
  constructor(kernel: Kernel, regions: Regions, bytes: number, take: TakeRows) {
    const keyBytes = Math.max(BYTES_AT_FIRST, Math.floor(bytes / 2));
    const rows = Math.max(ROWS_AT_FIRST, Math.floor(bytes / 2 / ROW_BYTES));
    const { buffer } = kernel.memory;
    this.keysAt = regions.take(keyBytes);
    this.endsAt = regions.take(rows * 4);
    this.valuesAt = regions.take(rows * 8);
    this.#keys = new Uint8Array(buffer, this.keysAt, keyBytes);
    this.#ends = new Uint32Array(buffer, this.endsAt, rows);
    this.#values = new Float64Array(buffer, this.valuesAt, rows);
    this.#take = take;
  }

  /** Emits of the records that are done. */
  get emitted(): number {
    return this.#taken + this.#doneRows;
  }

  /** `value` is a number that the table takes. */
  emit(key: unknown, value: number): void {
    if (this.#rows === this.#rowsMax || this.#end + limits.keyBytesMax > this.#bytesMax) this.#makeRoom();
    const keys = this.#keys;
    let end = this.#end;
    if (typeof key === 'string' && key.length <= SHORT_UNITS) {
      keys[end] = KEY_TAG_STRING;
      end += 1;
      let units = 0;
      for (let i = 0; i < key.length; i++) {
        const unit = key.charCodeAt(i);
        units |= unit;
        keys[end + i] = unit;
      }
      end = units < 0x80 ? end + key.length : encodeKeyInto(key, keys, this.#end);
    } else {
      end = encodeKeyInto(key, keys, end);
    }
    const row = this.#rows;
    this.#ends[row] = end;
    this.#values[row] = value;
    this.#rows = row + 1;
    this.#end = end;
  }

  recordDone(): void {
    this.#doneRows = this.#rows;
    this.#isCommitted = false;
  }

  /** Forgets the emits of the record under way. */
  recordFailed(): void {
    if (this.#isCommitted) {
      throw new GristmillError('memory-exceeded', 'the record emitted too much for its emits to be taken back');
    }
    this.#rows = this.#doneRows;
    this.#end = this.#endOf(this.#rows);
  }

  /** No more emits: those of the record under way are forgotten, the others taken. */
  finish(): void {
    this.#rows = this.#doneRows;
    this.#takeRows(this.#doneRows);
  }

  #endOf(rows: number): number {
    return rows === 0 ? 0 : (this.#ends[rows - 1] as number);
  }

  /** Room for one more key, however long it is. */
  #makeRoom(): void {
    if (this.#doneRows > 0) {
      this.#takeRows(this.#doneRows);
      if (this.#rows < this.#rowsMax && this.#end + limits.keyBytesMax <= this.#bytesMax) return;
    }
    if (this.#rowsMax * 2 <= this.#values.length && this.#bytesMax * 2 <= this.#keys.length) {
      this.#rowsMax *= 2;
      this.#bytesMax *= 2;
      return;
    }
    this.#isCommitted = true;
    this.#takeRows(this.#rows);
  }

  /** Hands over the first rows and moves the rest to the front. */
  #takeRows(rows: number): void {
    const cut = this.#endOf(rows);
    this.#take(rows);
    this.#keys.copyWithin(0, cut, this.#end);
    for (let row = rows; row < this.#rows; row++) this.#ends[row - rows] = (this.#ends[row] as number) - cut;
    this.#values.copyWithin(0, rows, this.#rows);
    this.#taken += rows;
    this.#rows -= rows;
    this.#end -= cut;
    this.#doneRows = Math.max(0, this.#doneRows - rows);
  }
}
