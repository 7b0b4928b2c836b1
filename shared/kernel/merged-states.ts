/**
 * The groups of a merge of states: folded by the kernel into entries, or, from the first row on that is no fixed state (a sum beyond
 * its fixed form, a minimum that is a string), by the reference, row by row.
 */
import { finishStates, type BuiltInSpec } from '../aggregation.js';
import { BlockBuilder } from '../codec/block-builder.js';
import { copyValue, KIND_IDS, valueBytes } from '../codec/block.js';
import { encoded, type EncodedBlock } from '../codec/shuffle-writer.js';
import { FORM_FIXED, FORM_WIDE } from '../codec/state.js';
import type { BlockOut } from './block-out.js';
import { CompositeFold } from './composite-fold.js';
import type { Kernel } from './kernel.js';
import { DONE, OTHER, REFILL, type MergeSources } from './merge-sources.js';
import { MergedRows } from './merged-rows.js';

/** Where an entry has its key, and the key's length. */
const KEY_LENGTH = 4;

export interface MergedStatesOptions {
  readonly kernel: Kernel;
  readonly sources: MergeSources;
  readonly spec: BuiltInSpec;
  /** Where entries and their keys go. */
  readonly place: { readonly at: number; readonly bytes: number };
  /** `MergedRows.bytes`. */
  readonly rows: number;
}

export class MergedStates {
  readonly #options: MergedStatesOptions;
  readonly #kernel: Kernel;
  readonly #fold: CompositeFold;
  /** Complete entries, and the one at hand. */
  #complete = 0;
  #entry = -1;
  #status = -1;
  /** From the first row on that the kernel does not fold. */
  #rows: MergedRows | undefined;
  #key = new Uint8Array(256);
  #keyLength = 0;
  #weight = 0;
  #inexact = 0;
  #row = new Uint8Array(64);
  /** `#rows` is at the first row of the next group. */
  #isAhead = false;

  constructor(options: MergedStatesOptions) {
    this.#options = options;
    this.#kernel = options.kernel;
    this.#fold = new CompositeFold(options.spec, 1);
    options.kernel.exports.foldPlaces(options.place.at, options.place.bytes);
  }

  /** Results so far that are sums past 2^53 and had to be rounded. */
  get inexact(): number {
    return this.#inexact + this.#fold.inexact;
  }

  /** Moves to the next group. */
  next(): boolean {
    this.#entry += 1;
    if (this.#entry < this.#complete) return true;
    if (!this.#rows && this.#foldOn()) return true;
    return this.#rows !== undefined && this.#nextByRows();
  }

  /** The group's key is `keys[keyStart, keyEnd)`, valid until the next group. */
  get keys(): Uint8Array {
    return this.#isEntry ? this.#kernel.bytes : this.#key;
  }

  get keyStart(): number {
    return this.#isEntry ? this.#kernel.view.getUint32(this.#entryAt(), true) : 0;
  }

  get keyEnd(): number {
    return this.#isEntry
      ? this.keyStart + this.#kernel.view.getUint32(this.#entryAt() + KEY_LENGTH, true)
      : this.#keyLength;
  }

  /** What the group's states come to. */
  finish(): unknown {
    if (!this.#isEntry) return this.#fold.finish(0);
    const { exports } = this.#kernel;
    const { result, layout } = this.#options.spec;
    const at = this.#entryAt();
    return finishStates(result, (part, isResult) => {
      const value = exports.finishPart(at, part);
      if (isResult && layout[part] === 'sum' && exports.inexact.value === 1) this.#inexact += 1;
      return value;
    });
  }

  /** Gives all groups as blocks of states. */
  write(out: BlockOut, take: (block: EncodedBlock) => void): void {
    const { exports } = this.#kernel;
    const { at } = this.#options.place;
    while (!this.#rows && this.#foldOn()) {
      for (let from = 0; from < this.#complete;) {
        const to = exports.writeStates(at, 0, from, this.#complete);
        take(out.take(to - from));
        from = to;
      }
    }
    if (this.#rows) this.#writeByRows(take);
  }

  #writeByRows(take: (block: EncodedBlock) => void): void {
    const fold = this.#fold;
    const builder = new BlockBuilder(fold.layout);
    while (this.#nextByRows()) {
      const kind = fold.isWide(0) ? KIND_IDS.wide : KIND_IDS.state;
      const target = builder.reserve(fold.bytesMax(0));
      const end = fold.write(0, target, builder.valueAt);
      builder.commit(this.#key, 0, this.#keyLength, kind, end, this.#weight);
      if (builder.full) take(encoded(builder.take()));
    }
    if (builder.rows > 0) take(encoded(builder.take()));
  }

  get #isEntry(): boolean {
    return this.#entry < this.#complete;
  }

  #entryAt(): number {
    return this.#options.place.at + this.#entry * this.#kernel.exports.stride.value;
  }

  /** Folds as many groups as there is room for; false when there are none, or the rest is not for the kernel. */
  #foldOn(): boolean {
    const { exports } = this.#kernel;
    const { sources } = this.#options;
    this.#complete = 0;
    this.#entry = 0;
    if (this.#status === DONE) return false;
    exports.foldClear();
    for (;;) {
      this.#status = sources.check(exports.mergeFold());
      if (this.#status !== REFILL) break;
      sources.refill();
    }
    this.#complete = exports.groups.value;
    if (this.#status === OTHER) this.#leaveKernel();
    return this.#complete > 0;
  }

  /** The last entry may go on with the row that the kernel did not fold. */
  #leaveKernel(): void {
    const { kernel, sources, rows, place } = this.#options;
    this.#rows = new MergedRows(kernel, sources, rows);
    this.#isAhead = this.#rows.next();
    if (this.#complete === 0 || !this.#isAhead || this.#rows.isNewGroup) return;
    this.#complete -= 1;
    const { exports, view, bytes } = kernel;
    exports.writeStates(place.at, 0, this.#complete, this.#complete + 1);
    const record = exports.recordPlace() >>> 0;
    const keyEnd = record + 4 + view.getUint32(record, true);
    this.#setKey(bytes, record + 4, keyEnd);
    this.#weight = Number(exports.weight.value);
    this.#fold.clear(0);
    this.#fold.merge(0, FORM_FIXED, bytes, keyEnd, keyEnd + exports.rowBytes.value);
  }

  #nextByRows(): boolean {
    const rows = this.#rows;
    if (!rows || !this.#isAhead) return false;
    if (rows.isNewGroup) {
      this.#setKey(rows.keys, rows.keyStart, rows.keyEnd);
      this.#weight = 0;
      this.#fold.clear(0);
    }
    do {
      this.#mergeRow(rows);
      this.#isAhead = rows.next();
    } while (this.#isAhead && !rows.isNewGroup);
    return true;
  }

  #mergeRow(rows: MergedRows): void {
    const { block, row } = rows.state();
    const bytes = valueBytes(block, row);
    if (bytes > this.#row.length) this.#row = new Uint8Array(bytes * 2);
    const end = copyValue(block, row, this.#row, 0);
    this.#fold.merge(0, block.kind === 'state' ? FORM_FIXED : FORM_WIDE, this.#row, 0, end);
    this.#weight += rows.weight;
  }

  #setKey(keys: Uint8Array, start: number, end: number): void {
    this.#keyLength = end - start;
    if (this.#keyLength > this.#key.length) this.#key = new Uint8Array(this.#keyLength * 2);
    this.#key.set(keys.subarray(start, end));
  }
}
