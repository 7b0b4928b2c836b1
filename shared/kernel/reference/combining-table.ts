/**
 * Emits with an aggregator: an open-addressing table over the bytes of keys, with the states in typed columns.
 *
 * Emits wait in `PendingEmits` until their record is done; the table takes them in batches.
 */
import type { BuiltInSpec } from '../../aggregation.js';
import type { BlockBuilder } from '../../codec/block-builder.js';
import { copyBytes, KIND_IDS } from '../../codec/block.js';
import type { Layout } from '../../codec/state.js';
import { CompositeFold } from '../composite-fold.js';
import { MemoryBudget, moved } from './memory-budget.js';
import { PendingEmits } from './pending-emits.js';
import { FINISH_BYTES_PER_ROW, type EmitStore, type SortableRows } from './sortable-rows.js';

const ENTRIES_AT_FIRST = 1024;
const ARENA_BYTES_AT_FIRST = 16 * 1024;
/** Two slots of 8 bytes, the end of the key, the weight, and what finishing takes. */
const ENTRY_BYTES = 16 + 4 + 8 + FINISH_BYTES_PER_ROW;

export class CombiningTable implements EmitStore, SortableRows {
  readonly layout: Layout;
  readonly #budget: MemoryBudget;
  readonly #pending: PendingEmits;
  readonly #fold: CompositeFold;
  #arena = new Uint8Array(ARENA_BYTES_AT_FIRST);
  #arenaEnd = 0;
  #keyEnds = new Uint32Array(ENTRIES_AT_FIRST);
  #weights = new Float64Array(ENTRIES_AT_FIRST);
  #entries = 0;
  /** Pairs of an entry's number plus 1 (0 is a free slot) and its hash; twice as many as there may be entries. */
  #slots = new Uint32Array(ENTRIES_AT_FIRST * 4);
  #folded = 0;

  constructor(aggregator: BuiltInSpec, memoryBytes: number) {
    this.layout = aggregator.layout;
    this.#budget = new MemoryBudget(
      Math.min(memoryBytes, 2 ** 32 - 1),
      "raise 'memory', or emit fewer different keys from one record",
    );
    this.#budget.move('arena', ARENA_BYTES_AT_FIRST);
    this.#budget.move('entries', ENTRIES_AT_FIRST * ENTRY_BYTES);
    this.#fold = new CompositeFold(aggregator, ENTRIES_AT_FIRST);
    this.#budget.move('states', this.#fold.memoryBytes);
    this.#pending = new PendingEmits(this.#fold.emits, this.#budget, () => this.#foldPending());
  }

  get rows(): number {
    return this.#entries;
  }

  get emitted(): number {
    return this.#folded + this.#pending.doneRows;
  }

  get arena(): Uint8Array {
    return this.#arena;
  }

  get before(): Uint32Array {
    return this.#keyEnds;
  }

  get keyEnds(): Uint32Array {
    return this.#keyEnds;
  }

  emit(key: unknown, value: unknown): void {
    this.#pending.emit(key, value);
  }

  recordDone(): void {
    this.#pending.recordDone();
  }

  recordFailed(): void {
    this.#pending.recordFailed();
  }

  /** What still waits is folded whatever the budget says: it is no more than was held already. */
  finish(): SortableRows {
    this.#pending.recordFailed();
    this.#budget.lift();
    this.#foldPending();
    return this;
  }

  append(row: number, builder: BlockBuilder): void {
    const start = row === 0 ? 0 : (this.#keyEnds[row - 1] as number);
    const target = builder.reserve(this.#fold.bytesMax(row));
    const end = this.#fold.write(row, target, builder.valueAt);
    const kind = this.#fold.isWide(row) ? KIND_IDS.wide : KIND_IDS.state;
    builder.commit(this.#arena, start, this.#keyEnds[row] as number, kind, end, this.#weights[row] as number);
  }

  /** Where it throws for want of memory, what was folded until then is not folded again. */
  #foldPending(): void {
    const pending = this.#pending;
    const { doneRows } = pending;
    let row = 0;
    try {
      for (let start = 0; row < doneRows; row++) start = this.#foldRow(row, start);
    } finally {
      this.#folded += row;
      pending.drop(row);
    }
    this.#budget.measured('states', this.#fold.memoryBytes);
  }

  /** The row's key begins at `start`; returns where the next one does. */
  #foldRow(row: number, start: number): number {
    const fold = this.#fold.emits;
    const { bytes, ends, valueEnds, numbers, encoded } = this.#pending;
    const keyEnd = ends[row] as number;
    const end = valueEnds[row] as number;
    const entry = this.#entryOf(bytes, start, keyEnd);
    this.#weights[entry] = (this.#weights[entry] as number) + 1;
    if (encoded[row] === 0) fold.addNumber(entry, numbers[row] as number);
    else fold.addEncoded(entry, bytes, keyEnd, end);
    return end;
  }

  /** The entry of this key, made when there is none. */
  #entryOf(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashOf(bytes, start, end);
    const mask = this.#slots.length / 2 - 1;
    let slot = hash & mask;
    for (;;) {
      const found = this.#slots[slot * 2] as number;
      if (found === 0) break;
      if (this.#slots[slot * 2 + 1] === hash && this.#holds(found - 1, bytes, start, end)) return found - 1;
      slot = (slot + 1) & mask;
    }
    if (this.#entries === this.#keyEnds.length) {
      this.#growEntries();
      slot = this.#freeSlot(hash);
    }
    if (this.#arenaEnd + end - start > this.#arena.length) this.#growArena(end - start);
    const entry = this.#entries++;
    this.#arenaEnd = copyBytes(bytes, start, end, this.#arena, this.#arenaEnd);
    this.#keyEnds[entry] = this.#arenaEnd;
    this.#slots[slot * 2] = entry + 1;
    this.#slots[slot * 2 + 1] = hash;
    return entry;
  }

  #holds(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = entry === 0 ? 0 : (this.#keyEnds[entry - 1] as number);
    const length = end - start;
    if ((this.#keyEnds[entry] as number) - from !== length) return false;
    const arena = this.#arena;
    for (let i = 0; i < length; i++) if (arena[from + i] !== bytes[start + i]) return false;
    return true;
  }

  #freeSlot(hash: number): number {
    const mask = this.#slots.length / 2 - 1;
    let slot = hash & mask;
    while (this.#slots[slot * 2] !== 0) slot = (slot + 1) & mask;
    return slot;
  }

  #growEntries(): void {
    const entries = this.#entries * 2;
    this.#budget.move('entries', entries * ENTRY_BYTES);
    this.#budget.move('states', this.#fold.memoryBytes * 2);
    this.#keyEnds = moved(this.#keyEnds, new Uint32Array(entries));
    this.#weights = moved(this.#weights, new Float64Array(entries));
    this.#fold.grow(entries);
    const old = this.#slots;
    this.#slots = new Uint32Array(entries * 4);
    for (let at = 0; at < old.length; at += 2) {
      if (old[at] === 0) continue;
      const slot = this.#freeSlot(old[at + 1] as number);
      this.#slots[slot * 2] = old[at] as number;
      this.#slots[slot * 2 + 1] = old[at + 1] as number;
    }
  }

  #growArena(bytes: number): void {
    const size = Math.max(this.#arena.length * 2, this.#arenaEnd + bytes);
    this.#budget.move('arena', size);
    this.#arena = moved(this.#arena, new Uint8Array(size));
  }
}

/** FNV-1a with murmur3's last mixing step; only for this table, never stored. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
