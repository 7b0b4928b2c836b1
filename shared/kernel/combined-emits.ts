/**
 * Emits with an aggregator of fixed width: combined in the kernel's table. When the table is full, the owner is told
 * to drain it, and adding goes on.
 */
import type { Layout } from '../codec/state.js';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { BlockOut } from './block-out.js';
import { EmitBatch } from './emit-batch.js';
import type { TakeBlock } from './emit-store.js';
import type { Kernel } from './kernel.js';
import { setLayout } from './layout.js';
import { PACKED_MAX, PackedEmits } from './packed-emits.js';
import type { Regions } from './regions.js';
import type { RowSort, SortPlaces } from './row-sort.js';

const SLOTS_LEAST = 2048;
/** Of the memory for the index, at most and half of it at least: entries of short keys need about a third. */
const INDEX_SHARE = 0.4;
/** Of the memory, at most, for each of two batches of emits that wait for their record to be done. */
const BATCH_SHARE = 12;

export interface CombinedEmitsOptions {
  readonly kernel: Kernel;
  readonly regions: Regions;
  readonly layout: Layout;
  readonly partitions: number;
  readonly sort: RowSort;
  /** The table is full: `drain` has to be called before this returns. */
  readonly onFull: () => void;
  /** Whether emits of one key become one state. */
  readonly combine: boolean;
}

export class CombinedEmits {
  readonly #kernel: Kernel;
  readonly #sort: RowSort;
  readonly #batch: EmitBatch;
  readonly #packed: PackedEmits;
  readonly #out: BlockOut;
  readonly #onFull: () => void;
  readonly #combine: boolean;
  readonly #chosen: number;
  readonly #starts: number;
  readonly #places: SortPlaces;

  constructor(options: CombinedEmitsOptions) {
    const { kernel, regions, layout, partitions, sort, onFull } = options;
    this.#kernel = kernel;
    this.#sort = sort;
    this.#onFull = onFull;
    this.#combine = options.combine;
    const { exports } = kernel;
    setLayout(kernel, layout);
    this.#out = new BlockOut(kernel, regions, layout);
    const batchBytes = Math.min(limits.emitBatchBytesMax, Math.floor(regions.freeBytes / BATCH_SHARE));
    this.#batch = new EmitBatch(kernel, regions, batchBytes, (rows) => this.#add(rows));
    const countsOnes = !layout.includes('min') && !layout.includes('max');
    const take = (rows: number) => this.#addAll(rows, (row) => this.#packed.add(row, rows));
    this.#packed = new PackedEmits({ kernel, regions, bytes: batchBytes, countsOnes, take });
    this.#starts = regions.take((partitions + 1) * 4);
    // An entry takes 32 bytes of the index, which sorting uses again, and 2 for its partition.
    const slots = Math.max(SLOTS_LEAST, 2 ** Math.floor(Math.log2((regions.freeBytes * INDEX_SHARE) / 16)));
    this.#chosen = regions.take(slots);
    const { at, bytes } = regions.rest();
    exports.tableInit(at, bytes, slots);
    const index = exports.tableIndex() >>> 0;
    this.#places = { first: index, second: index + slots * 8, chosen: this.#chosen, starts: this.#starts };
  }

  get emitted(): number {
    return this.#batch.emitted + this.#packed.emitted;
  }

  get isEmpty(): boolean {
    return this.#kernel.exports.tableEntries() === 0;
  }

  /** Where emits of short strings may go straight to. */
  get packed(): PackedEmits | undefined {
    return this.#combine ? this.#packed : undefined;
  }

  /** `value` is a number of which every part of the layout has a fixed form. */
  emit(key: unknown, value: number): void {
    const isPacked =
      this.#combine && typeof key === 'string' && key.length <= PACKED_MAX && this.#packed.emit(key, value);
    if (!isPacked) this.#batch.emit(key, value);
  }

  recordDone(): void {
    this.#batch.recordDone();
    this.#packed.recordDone();
  }

  recordFailed(): void {
    this.#batch.recordFailed();
    this.#packed.recordFailed();
  }

  finish(): void {
    this.#batch.finish();
    this.#packed.finish();
  }

  drain(take: TakeBlock): void {
    this.#packed.settle();
    const { exports } = this.#kernel;
    const start = exports.tableStart() >>> 0;
    const rows = exports.tableEntries();
    this.#sort.run({ rows, start, stride: exports.stride.value }, this.#places, (partition, from, to) => {
      for (let place = from; place < to;) {
        const end = exports.writeStates(start, 1, place, to);
        take(partition, this.#out.take(end - place));
        place = end;
      }
    });
    exports.tableClear();
    this.#packed.clear();
  }

  #add(rows: number): void {
    const { exports } = this.#kernel;
    const { keysAt, endsAt, valuesAt } = this.#batch;
    const add = this.#combine ? exports.tableAdd : exports.tableAppend;
    this.#addAll(rows, (row) => add(keysAt, endsAt, valuesAt, row, rows));
  }

  /** `add` adds the rows from one on, and returns the first for which there is no room. */
  #addAll(rows: number, add: (row: number) => number): void {
    for (let row = add(0); row < rows;) {
      this.#onFull();
      const next = add(row);
      if (next === row) throw new GristmillError('memory-exceeded', "a key does not fit: raise 'memory'");
      row = next;
    }
  }
}
