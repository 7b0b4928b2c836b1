/** Rows of a record arena in a sorted order of their numbers, shown one by one. */
import type { SortedRows } from '../fold-rows.js';
import type { RecordArena } from './record-arena.js';

export class ArenaRows implements SortedRows {
  readonly weight = 1;
  readonly isFolded = false;
  readonly #arena: RecordArena;
  readonly #index: Uint32Array;
  readonly #to: number;
  #place: number;
  #row = 0;

  /** The rows whose numbers are at the places `[from, to)` of the index. */
  constructor(arena: RecordArena, index: Uint32Array, from: number, to: number) {
    this.#arena = arena;
    this.#index = index;
    this.#place = from;
    this.#to = to;
  }

  next(): boolean {
    if (this.#place === this.#to) return false;
    this.#row = this.#index[this.#place++] as number;
    return true;
  }

  get keys(): Uint8Array {
    return this.#arena.arena;
  }

  get keyStart(): number {
    return this.#row === 0 ? 0 : (this.#arena.before[this.#row - 1] as number);
  }

  get keyEnd(): number {
    return this.#arena.keyEnds[this.#row] as number;
  }

  value(): unknown {
    return this.#arena.value(this.#row);
  }
}
