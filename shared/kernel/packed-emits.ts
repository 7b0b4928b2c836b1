/**
 * Emits of short string keys, whose entries in the combining table are found without their bytes.
 *
 * An emit of 1, the commonest, is counted where the key was found, and comes to its entry in the end; what the
 * record under way has emitted is remembered until it is done, to be subtracted if it fails. Other emits wait as an address and
 * a number each.
 */
import { KEY_TAG_STRING } from '../codec/key.js';
import { GristmillError } from '../errors.js';
import type { Kernel } from './kernel.js';
import { KeyCache, NO_ROOM, ONES, PACKED_MAX } from './key-cache.js';
import type { Regions } from './regions.js';

const ROWS_AT_FIRST = 8192;
const ROW_BYTES = 12;
const COUNTS_MAX = 4096;
/** Emits of 1 that are only in the cache, at most: counts of slots stay far below 2^31. */
const ONES_MAX = 2 ** 30;
/** Where an entry has its key's length, after the key's address. */
const KEY_LENGTH = 4;

export class PackedEmits {
  readonly #kernel: Kernel;
  readonly #cache: KeyCache;
  readonly #slots: Int32Array;
  /** Whether adding 1 can be taken back. */
  readonly countsOnes: boolean;
  readonly #keyAt: number;
  /** Rows that wait: addresses of entries, and numbers. */
  readonly #addressesAt: number;
  readonly #valuesAt: number;
  readonly #addresses: Uint32Array;
  readonly #values: Float64Array;
  #rowsMax = ROWS_AT_FIRST;
  #rows = 0;
  #doneRows = 0;
  /** Addresses of entries, and how many emits of 1 they get. */
  readonly #countedAt: number;
  readonly #countsAt: number;
  readonly #counted: Uint32Array;
  readonly #counts: Int32Array;
  #countedRows = 0;
  /** Slots of the record's emits of 1. */
  readonly #log = new Uint32Array(ROWS_AT_FIRST);
  #logged = 0;
  /** Emits of 1 since the cache has had none. */
  #ones = 0;
  /** Emits of the record under way that were added for good. */
  #committed = 0;
  #emitted = 0;
  /** Some entries may have no emit. */
  #hasFailed = false;
  /** Emits of the record under way, while the table is being emptied. */
  #held: { readonly key: Uint8Array; readonly value: number }[] = [];

  /** `bytes` is the most that rows may come to take. */
  constructor(kernel: Kernel, regions: Regions, bytes: number, countsOnes: boolean) {
    const rows = Math.max(ROWS_AT_FIRST, Math.floor(bytes / ROW_BYTES));
    const { buffer } = kernel.memory;
    this.#kernel = kernel;
    this.#cache = new KeyCache(kernel, regions, bytes);
    this.#slots = this.#cache.slots;
    this.countsOnes = countsOnes;
    this.#keyAt = regions.take(PACKED_MAX + 1);
    this.#addressesAt = regions.take(rows * 4);
    this.#valuesAt = regions.take(rows * 8);
    this.#addresses = new Uint32Array(buffer, this.#addressesAt, rows);
    this.#values = new Float64Array(buffer, this.#valuesAt, rows);
    this.#countedAt = regions.take(COUNTS_MAX * 4);
    this.#countsAt = regions.take(COUNTS_MAX * 4);
    this.#counted = new Uint32Array(buffer, this.#countedAt, COUNTS_MAX);
    this.#counts = new Int32Array(buffer, this.#countsAt, COUNTS_MAX);
  }

  /** Emits of the records that are done. */
  get emitted(): number {
    return this.#emitted;
  }

  /** An emit of 1, where `countsOnes`; else as `emit`. */
  emitOne(key: string): boolean {
    let slot = this.#cache.find(key);
    if (slot < 0 && (slot = this.#ask(key, slot)) < 0) return false;
    if (this.#logged === ROWS_AT_FIRST) this.#makeRoomInLog();
    const slots = this.#slots;
    slots[slot + ONES] = (slots[slot + ONES] as number) + 1;
    this.#log[this.#logged++] = slot;
    return true;
  }

  /** False when the key has to be emitted as bytes. `key` is no longer than `PACKED_MAX`. */
  emit(key: string, value: number): boolean {
    let slot = this.#cache.find(key);
    if (slot < 0 && (slot = this.#ask(key, slot)) < 0) return false;
    if (this.#rows === this.#rowsMax) this.#makeRoom();
    const row = this.#rows;
    this.#addresses[row] = this.#cache.entryOf(slot);
    this.#values[row] = value;
    this.#rows = row + 1;
    return true;
  }

  /** The slot of a key that was not found, with its entry, made when there is none; negative when there cannot be one. */
  #ask(key: string, found: number): number {
    if (found === NO_ROOM) return found;
    const { bytes, exports } = this.#kernel;
    const at = this.#keyAt;
    bytes[at] = KEY_TAG_STRING;
    for (let i = 0; i < key.length; i++) bytes[at + 1 + i] = key.charCodeAt(i);
    const entry = exports.tableEntry(at, key.length + 1) >>> 0;
    if (entry === 0) return NO_ROOM;
    const slot = this.#cache.keep(entry);
    return this.#cache.isFull ? this.#grow(slot) : slot;
  }

  /** Where the slot is then. */
  #grow(slot: number): number {
    const moved = this.#cache.grow();
    if (!moved) return slot;
    for (let i = 0; i < this.#logged; i++) this.#log[i] = moved(this.#log[i] as number);
    return moved(slot);
  }

  recordDone(): void {
    this.#emitted += this.#committed + this.#logged + this.#rows - this.#doneRows;
    this.#doneRows = this.#rows;
    this.#ones += this.#logged;
    this.#logged = 0;
    this.#committed = 0;
    if (this.#ones > ONES_MAX) this.#takeOnes();
  }

  recordFailed(): void {
    if (this.#committed > 0) {
      throw new GristmillError('memory-exceeded', 'the record emitted too much for its emits to be taken back');
    }
    this.#takeBackOnes();
    this.#rows = this.#doneRows;
    this.#hasFailed = true;
  }

  /** No more emits: those of the record under way are forgotten, the others added. */
  finish(): void {
    if (this.#logged > 0 || this.#rows > this.#doneRows) this.recordFailed();
    this.settle();
  }

  /**
   * Adds the emits of the records that are done and forgets all entries: the table is about to be emptied. Those of the record under
   * way come into the empty one by `resume`, so that they can still be forgotten; unless they are most of what is in it.
   */
  settle(): void {
    const { exports } = this.#kernel;
    const undone = this.#logged + this.#rows - this.#doneRows;
    if (undone * 2 <= exports.tableEntries()) {
      this.#hold();
    } else {
      this.#committed += undone;
      this.#logged = 0;
    }
    this.#addRows(this.#rows);
    this.#takeOnes();
    this.#cache.clear();
    if (this.#hasFailed) exports.tableDropEmpty();
    this.#hasFailed = false;
  }

  /** Takes back what the record under way has emitted, and keeps it by its keys. */
  #hold(): void {
    for (let i = 0; i < this.#logged; i++) {
      this.#held.push({ key: this.#keyOf(this.#cache.entryOf(this.#log[i] as number)), value: 1 });
    }
    for (let row = this.#doneRows; row < this.#rows; row++) {
      this.#held.push({ key: this.#keyOf(this.#addresses[row] as number), value: this.#values[row] as number });
    }
    this.#hasFailed ||= this.#held.length > 0;
    this.#takeBackOnes();
    this.#rows = this.#doneRows;
  }

  #keyOf(entry: number): Uint8Array {
    const { bytes, view } = this.#kernel;
    const key = view.getUint32(entry, true);
    return bytes.slice(key, key + view.getUint32(entry + KEY_LENGTH, true));
  }

  /** After `settle`, once the table is empty. */
  resume(): void {
    const { bytes, exports } = this.#kernel;
    for (const { key, value } of this.#held) {
      bytes.set(key, this.#keyAt);
      if (this.#rows === this.#rowsMax) this.#makeRoom();
      this.#addresses[this.#rows] = exports.tableEntry(this.#keyAt, key.length) >>> 0;
      this.#values[this.#rows++] = value;
    }
    this.#held = [];
  }

  #takeBackOnes(): void {
    for (let i = 0; i < this.#logged; i++) {
      const count = (this.#log[i] as number) + ONES;
      this.#slots[count] = (this.#slots[count] as number) - 1;
    }
    this.#logged = 0;
  }

  #makeRoomInLog(): void {
    this.#committed += this.#logged;
    this.#ones += this.#logged;
    this.#logged = 0;
    if (this.#ones > ONES_MAX) this.#takeOnes();
  }

  #makeRoom(): void {
    if (this.#doneRows > 0) {
      this.#addRows(this.#doneRows);
    } else if (this.#rowsMax * 2 <= this.#values.length) {
      this.#rowsMax *= 2;
    } else {
      this.#committed += this.#rows;
      this.#addRows(this.#rows);
    }
  }

  /** Adds the first rows and moves the rest to the front. */
  #addRows(rows: number): void {
    this.#kernel.exports.tableAddTo(this.#addressesAt, this.#valuesAt, rows);
    this.#addresses.copyWithin(0, rows, this.#rows);
    this.#values.copyWithin(0, rows, this.#rows);
    this.#rows -= rows;
    this.#doneRows = Math.max(0, this.#doneRows - rows);
  }

  /** What the slots have counted goes to their entries. Nothing is logged that could be taken back. */
  #takeOnes(): void {
    this.#cache.each((slot) => {
      this.#count(this.#cache.entryOf(slot), this.#slots[slot + ONES] as number);
      this.#slots[slot + ONES] = 0;
    });
    this.#addCounts();
    this.#ones = 0;
  }

  #count(entry: number, ones: number): void {
    if (this.#countedRows === COUNTS_MAX) this.#addCounts();
    this.#counted[this.#countedRows] = entry;
    this.#counts[this.#countedRows++] = ones;
  }

  #addCounts(): void {
    this.#kernel.exports.tableAddOnes(this.#countedAt, this.#countsAt, this.#countedRows);
    this.#countedRows = 0;
  }
}
