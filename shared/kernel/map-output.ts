/**
 * The output of one map attempt: takes emits, combines or collects them within a memory budget, and writes the shuffle
 * object, ordered by (partition, key, position).
 */
import { BlockBuilder } from '../codec/block-builder.js';
import type { Key } from '../codec/key.js';
import type { WrittenShuffle } from '../codec/shuffle-writer.js';
import { ShuffleWriter } from '../codec/shuffle-writer.js';
import type { AggregatorName } from '../codec/state.js';
import { groupSizes, type CombineMode } from './combine-mode.js';
import { CombiningTable } from './combining-table.js';
import { KeySorter } from './key-sorter.js';
import { partitionBy, partitionOf } from './partition.js';
import { RecordArena } from './record-arena.js';
import type { EmitStore, SortableRows } from './sortable-rows.js';

export interface MapOutputOptions {
  readonly partitions: number;
  /** The user's choice of a partition, called with each key (each different one, with an aggregator) at the end. */
  readonly partition?: ((key: Key, count: number) => number) | undefined;
  readonly aggregator?: AggregatorName | undefined;
  readonly combine?: CombineMode | undefined;
  /** What arenas and columns may hold; over it the task fails with `memory-exceeded`. */
  readonly memoryBytes: number;
  readonly job: string;
  readonly attempt: string;
}

/** What was written: `records` are what the emits were combined into, `weight` counts the emits. */
export interface ShuffleSummary extends WrittenShuffle {
  /** Emits that went into combining. */
  readonly combinedIn: number;
}

export class MapOutput {
  readonly #options: MapOutputOptions;
  readonly #store: EmitStore;

  constructor(options: MapOutputOptions) {
    this.#options = options;
    this.#store =
      options.aggregator === undefined
        ? new RecordArena(options.memoryBytes)
        : new CombiningTable(options.aggregator, options.memoryBytes, groupSizes[options.combine ?? 'on']);
  }

  /** Emits of the records that are done. */
  get emitted(): number {
    return this.#store.emitted;
  }

  /** Throws `key-invalid`, `value-invalid` or `memory-exceeded`; then nothing of this emit is kept. */
  emit(key: unknown, value: unknown): void {
    this.#store.emit(key, value);
  }

  /** Makes the record's emits visible. */
  recordDone(): void {
    this.#store.recordDone();
  }

  /** Forgets the record's emits. */
  recordFailed(): void {
    this.#store.recordFailed();
  }

  /** Writes the shuffle object. The bytes given to `write` belong to it. */
  finish(write: (bytes: Uint8Array) => void): ShuffleSummary {
    const { job, attempt, partitions } = this.#options;
    const rows = this.#store.finish();
    const { index, starts } = this.#byPartition(rows);
    const sorter = new KeySorter(rows.arena, rows.before, rows.keyEnds, index);
    const writer = new ShuffleWriter({ job, attempt, partitions, write });
    const builder = new BlockBuilder(rows.layout);
    for (let partition = 0; partition < partitions; partition++) {
      const from = starts[partition] as number;
      const to = starts[partition + 1] as number;
      sorter.sort(from, to);
      for (let place = from; place < to; place++) {
        rows.append(index[place] as number, builder);
        if (builder.full || place === to - 1) writer.add(partition, builder.take());
      }
    }
    return { ...writer.finish(), combinedIn: rows.emitted };
  }

  /** Row numbers by partition, in their order within each; partition p is at `[starts[p], starts[p + 1])`. */
  #byPartition(rows: SortableRows): { readonly index: Uint32Array; readonly starts: Uint32Array } {
    const { partitions, partition: choose } = this.#options;
    const chosen = new Uint16Array(partitions === 1 && !choose ? 0 : rows.rows);
    const starts = new Uint32Array(partitions + 1);
    for (let row = 0, start = 0; row < rows.rows; row++) {
      const keyBytes = rows.arena.subarray(start, rows.keyEnds[row]);
      start = rows.before[row] as number;
      const partition = choose
        ? partitionBy(choose, keyBytes, partitions)
        : partitions === 1
          ? 0
          : partitionOf(keyBytes, partitions);
      chosen[row] = partition;
      starts[partition + 1] = (starts[partition + 1] as number) + 1;
    }
    for (let p = 0; p < partitions; p++) starts[p + 1] = (starts[p + 1] as number) + (starts[p] as number);
    const next = starts.slice();
    const index = new Uint32Array(rows.rows);
    for (let row = 0; row < rows.rows; row++) {
      const partition = chosen[row] ?? 0;
      const place = next[partition] as number;
      index[place] = row;
      next[partition] = place + 1;
    }
    return { index, starts };
  }
}
