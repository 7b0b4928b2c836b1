/** The groups of a merge as a reduce task reads them: one after the other, each with its values or its states. */
import type { Totals } from '../codec/block.js';
import { decodeKeyAt, type Key } from '../codec/key.js';
import { GristmillError } from '../errors.js';
import { Merge, type MergeOptions } from './merge.js';
import type { MergedRows } from './merged-rows.js';
import type { MergedStates } from './merged-states.js';
import type { ValueFold } from './value-fold.js';

/** Nothing is opened before the first `nextGroup`. */
export function mergeGroups(options: MergeOptions): GroupCursor {
  return new GroupCursor(options);
}

export class GroupCursor {
  readonly #options: MergeOptions;
  readonly #merge: Merge;
  #states: MergedStates | undefined;
  #rows: MergedRows | undefined;
  #groups = 0;
  /** Where the cursor is in the rows: at one that is still to be shown, or at one that was. */
  #at: 'start' | 'waiting' | 'taken' | 'next-group' | 'end' = 'start';
  #key = new Uint8Array(256);
  #keyLength = 0;

  constructor(options: MergeOptions) {
    this.#options = options;
    this.#merge = new Merge(options);
  }

  /** Of all rows of the inputs, each counted once; complete when `nextGroup` has returned false. */
  get found(): Totals {
    return this.#merge.found;
  }

  get groups(): number {
    return this.#groups;
  }

  /** Written to local disk by passes. */
  get bytesSpilled(): number {
    return this.#merge.bytesSpilled;
  }

  /** Results of `foldStates` that are sums past 2^53 and had to be rounded. */
  get inexact(): number {
    return this.#states?.inexact ?? 0;
  }

  /** Moves to the next group, past whatever is left of this one. */
  nextGroup(): boolean {
    const { spec } = this.#options;
    const more = spec ? (this.#states ??= this.#merge.states(spec)).next() : this.#nextRowGroup();
    if (more) this.#groups += 1;
    else this.#merge.close();
    return more;
  }

  #nextRowGroup(): boolean {
    this.#rows ??= this.#merge.rows();
    if (this.#at === 'start') this.#at = this.#rows.next() ? 'next-group' : 'end';
    this.drainGroup();
    if (this.#at === 'end') return false;
    const { keys, keyStart, keyEnd } = this.#rows;
    this.#keyLength = keyEnd - keyStart;
    if (this.#keyLength > this.#key.length) this.#key = new Uint8Array(this.#keyLength * 2);
    this.#key.set(keys.subarray(keyStart, keyEnd));
    this.#at = 'waiting';
    return true;
  }

  /** The group's key as encoded; valid until the next group. */
  get keyBytes(): Uint8Array {
    const states = this.#states;
    return states ? states.keys.subarray(states.keyStart, states.keyEnd) : this.#key.subarray(0, this.#keyLength);
  }

  key(): Key {
    const states = this.#states;
    return states
      ? decodeKeyAt(states.keys, states.keyStart, states.keyEnd)
      : decodeKeyAt(this.#key, 0, this.#keyLength);
  }

  /** Moves to the next value of the group. */
  nextValue(): boolean {
    if (this.#at === 'waiting') {
      this.#at = 'taken';
      return true;
    }
    const rows = this.#rows;
    if (this.#at !== 'taken' || !rows) return false;
    if (!rows.next()) this.#at = 'end';
    else if (rows.isNewGroup) this.#at = 'next-group';
    else return true;
    return false;
  }

  /** The current value, decoded anew at each call. */
  value(): unknown {
    return this.#current().value();
  }

  /** The emits that the current value stands for. */
  get weight(): number {
    return this.#current().weight;
  }

  #current(): MergedRows {
    if (this.#at !== 'taken' || !this.#rows) throw new GristmillError('internal', 'there is no current value');
    return this.#rows;
  }

  /** Takes the rest of the group. */
  drainGroup(): void {
    while (this.nextValue());
  }

  /** The aggregator's result over the group's states. */
  foldStates(): unknown {
    if (!this.#states) throw new GristmillError('internal', 'a merge of values has no states');
    return this.#states.finish();
  }

  /** Merges the states that are left of the group, earlier ones first; the fold then holds what they make. */
  foldValues(fold: ValueFold): void {
    fold.begin(this.keyBytes);
    while (this.nextValue()) fold.mergeState(this.value());
  }
}
