/** Emits of records that may still fail, and of some that are done, until the table takes them in one go. */
import { encodeKeyInto } from '../../codec/key.js';
import { limits } from '../../limits.js';
import { moved, type MemoryBudget } from './memory-budget.js';
import type { StateFold } from '../state-fold.js';

const BYTES_AT_FIRST = 64 * 1024;
const ROWS_AT_FIRST = 4096;
const ROW_BYTES = 17;

export class PendingEmits {
  readonly #fold: StateFold;
  readonly #budget: MemoryBudget;
  readonly #takeDone: () => void;
  /** Each key, followed by its value when that is not a number. */
  bytes = new Uint8Array(BYTES_AT_FIRST);
  /** Where keys end. */
  ends = new Uint32Array(ROWS_AT_FIRST);
  valueEnds = new Uint32Array(ROWS_AT_FIRST);
  numbers = new Float64Array(ROWS_AT_FIRST);
  /** 1 where the value is in `bytes`. */
  encoded = new Uint8Array(ROWS_AT_FIRST);
  #rows = 0;
  #end = 0;
  #doneRows = 0;

  /** `takeDone` reads the rows that are done and calls `drop`. */
  constructor(fold: StateFold, budget: MemoryBudget, takeDone: () => void) {
    this.#fold = fold;
    this.#budget = budget;
    this.#takeDone = takeDone;
    budget.move('pending bytes', BYTES_AT_FIRST);
    budget.move('pending rows', ROWS_AT_FIRST * ROW_BYTES);
  }

  get doneRows(): number {
    return this.#doneRows;
  }

  emit(key: unknown, value: unknown): void {
    if (this.#rows === this.ends.length) this.#makeRows();
    let keyEnd = encodeKeyInto(key, this.bytes, this.#end);
    while (keyEnd < 0) {
      this.#makeBytes();
      keyEnd = encodeKeyInto(key, this.bytes, this.#end);
    }
    let valueEnd = keyEnd;
    const plain = typeof value === 'number' && this.#fold.takesNumber(value);
    if (!plain) {
      valueEnd = this.#fold.encodeInto(value, this.bytes, keyEnd);
      if (valueEnd < 0) {
        // The key moves when room is made, so the emit begins anew.
        this.#makeBytes();
        this.emit(key, value);
        return;
      }
    }
    const row = this.#rows++;
    this.ends[row] = keyEnd;
    this.valueEnds[row] = valueEnd;
    this.numbers[row] = plain ? value : 0;
    this.encoded[row] = plain ? 0 : 1;
    this.#end = valueEnd;
  }

  recordDone(): void {
    this.#doneRows = this.#rows;
  }

  recordFailed(): void {
    this.#rows = this.#doneRows;
    this.#end = this.#endOf(this.#rows);
  }

  /** Forgets the first `taken` rows, which are done, and moves the others to the front. */
  drop(taken: number): void {
    const cut = this.#endOf(taken);
    this.bytes.copyWithin(0, cut, this.#end);
    for (let row = taken; row < this.#rows; row++) {
      this.ends[row - taken] = (this.ends[row] as number) - cut;
      this.valueEnds[row - taken] = (this.valueEnds[row] as number) - cut;
    }
    this.numbers.copyWithin(0, taken, this.#rows);
    this.encoded.copyWithin(0, taken, this.#rows);
    this.#rows -= taken;
    this.#end -= cut;
    this.#doneRows -= taken;
  }

  #endOf(rows: number): number {
    return rows === 0 ? 0 : (this.valueEnds[rows - 1] as number);
  }

  #makeRows(): void {
    if (this.#doneRows * 2 > this.#rows) {
      this.#takeDone();
      return;
    }
    const rows = this.#rows * 2;
    this.#budget.move('pending rows', rows * ROW_BYTES);
    this.ends = moved(this.ends, new Uint32Array(rows));
    this.valueEnds = moved(this.valueEnds, new Uint32Array(rows));
    this.numbers = moved(this.numbers, new Float64Array(rows));
    this.encoded = moved(this.encoded, new Uint8Array(rows));
  }

  #makeBytes(): void {
    if (this.#endOf(this.#doneRows) > limits.keyBytesMax) {
      this.#takeDone();
      return;
    }
    this.#budget.move('pending bytes', this.bytes.length * 2);
    this.bytes = moved(this.bytes, new Uint8Array(this.bytes.length * 2));
  }
}
