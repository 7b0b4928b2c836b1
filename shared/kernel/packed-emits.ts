/**
 * Emits of short string keys, whose entries in the combining table are found without their bytes: an address and a number for
 * each, until their record is done.
 */
import { KEY_TAG_STRING } from '../codec/key.js';
import { GristmillError } from '../errors.js';
import type { Kernel } from './kernel.js';
import { KeyCache, PACKED_MAX } from './key-cache.js';
import type { Regions } from './regions.js';

const ROWS_AT_FIRST = 8192;
const ROW_BYTES = 12;
/** Where an entry has its key's length, after the key's address. */
const KEY_LENGTH = 4;

export class PackedEmits {
  static readonly bytesLeast = ROWS_AT_FIRST * ROW_BYTES + 256;
  readonly #kernel: Kernel;
  readonly #cache = new KeyCache();
  readonly #keyAt: number;
  readonly #addressesAt: number;
  readonly #valuesAt: number;
  readonly #addresses: Uint32Array;
  readonly #values: Float64Array;
  #rowsMax = ROWS_AT_FIRST;
  #rows = 0;
  #doneRows = 0;
  #taken = 0;
  /** Rows of the record under way were added. */
  #isCommitted = false;
  /** Some entries may have no emit. */
  #hasFailed = false;
  /** Keys of the record under way, while the table is being emptied: their rows hold places of this list. */
  #held: readonly Uint8Array[] = [];

  /** `bytes` is the most that the rows may come to take. */
  constructor(kernel: Kernel, regions: Regions, bytes: number) {
    const rows = Math.max(ROWS_AT_FIRST, Math.floor(bytes / ROW_BYTES));
    this.#kernel = kernel;
    this.#keyAt = regions.take(PACKED_MAX + 1);
    this.#addressesAt = regions.take(rows * 4);
    this.#valuesAt = regions.take(rows * 8);
    this.#addresses = new Uint32Array(kernel.memory.buffer, this.#addressesAt, rows);
    this.#values = new Float64Array(kernel.memory.buffer, this.#valuesAt, rows);
  }

  get emitted(): number {
    return this.#taken + this.#doneRows;
  }

  /** False when the key has to be emitted as bytes. `key` is no longer than `PACKED_MAX`. */
  emit(key: string, value: number): boolean {
    let entry = this.#cache.find(key);
    if (entry <= 0) {
      if (entry < 0) return false;
      entry = this.#ask(key);
      if (entry === 0) return false;
    }
    if (this.#rows === this.#rowsMax) this.#makeRoom();
    const row = this.#rows;
    this.#addresses[row] = entry;
    this.#values[row] = value;
    this.#rows = row + 1;
    return true;
  }

  /** The entry, made when there is none; 0 when the table is full. */
  #ask(key: string): number {
    const { bytes, exports } = this.#kernel;
    const at = this.#keyAt;
    bytes[at] = KEY_TAG_STRING;
    for (let i = 0; i < key.length; i++) bytes[at + 1 + i] = key.charCodeAt(i);
    const entry = exports.tableEntry(at, key.length + 1) >>> 0;
    if (entry !== 0) this.#cache.keep(entry);
    return entry;
  }

  recordDone(): void {
    this.#doneRows = this.#rows;
    this.#isCommitted = false;
  }

  recordFailed(): void {
    if (this.#isCommitted) {
      throw new GristmillError('memory-exceeded', 'the record emitted too much for its emits to be taken back');
    }
    this.#rows = this.#doneRows;
    this.#hasFailed = true;
  }

  /** No more emits: those of the record under way are forgotten, the others added. */
  finish(): void {
    if (this.#rows > this.#doneRows) this.recordFailed();
    this.settle();
  }

  /**
   * Adds the emits of the records that are done and forgets all entries: the table is about to be emptied. Those of the record under
   * way come into the empty one by `resume`, so that they can still be forgotten; unless they are most of what is in it.
   */
  settle(): void {
    const { exports } = this.#kernel;
    this.#add(this.#doneRows);
    const addresses = this.#addressesOfRows();
    if (addresses.length * 2 > exports.tableEntries()) {
      this.#isCommitted = true;
      this.#add(this.#rows);
    } else {
      this.#hold(addresses);
    }
    if (this.#hasFailed) exports.tableDropEmpty();
    this.#hasFailed = false;
    this.#cache.clear();
  }

  /** Different keys of the rows, by their addresses. */
  #addressesOfRows(): number[] {
    return [...new Set(this.#addresses.subarray(0, this.#rows))];
  }

  #hold(addresses: readonly number[]): void {
    if (addresses.length === 0) return;
    const { bytes, view } = this.#kernel;
    const places = new Map(addresses.map((address, place) => [address, place]));
    this.#held = addresses.map((address) => {
      const key = view.getUint32(address, true);
      return bytes.slice(key, key + view.getUint32(address + KEY_LENGTH, true));
    });
    for (let row = 0; row < this.#rows; row++) {
      this.#addresses[row] = places.get(this.#addresses[row] as number) as number;
    }
    this.#hasFailed = true;
  }

  /** After `settle`, once the table is empty. */
  resume(): void {
    const { bytes, exports } = this.#kernel;
    const entries = this.#held.map((key) => {
      bytes.set(key, this.#keyAt);
      return exports.tableEntry(this.#keyAt, key.length) >>> 0;
    });
    for (let row = 0; row < this.#rows; row++) {
      this.#addresses[row] = entries[this.#addresses[row] as number] as number;
    }
    this.#held = [];
  }

  #makeRoom(): void {
    if (this.#doneRows > 0) {
      this.#add(this.#doneRows);
    } else if (this.#rowsMax * 2 <= this.#values.length) {
      this.#rowsMax *= 2;
    } else {
      this.#isCommitted = true;
      this.#add(this.#rows);
    }
  }

  /** Adds the first rows and moves the rest to the front. */
  #add(rows: number): void {
    this.#kernel.exports.tableAddTo(this.#addressesAt, this.#valuesAt, rows);
    this.#addresses.copyWithin(0, rows, this.#rows);
    this.#values.copyWithin(0, rows, this.#rows);
    this.#taken += rows;
    this.#rows -= rows;
    this.#doneRows = Math.max(0, this.#doneRows - rows);
  }
}
