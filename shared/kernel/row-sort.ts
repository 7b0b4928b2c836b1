/** Rows in order of (partition, key, row): the partition of each, then the sort, range by range. */
import type { Kernel } from './kernel.js';
import { partitionBy, type PartitionFunction } from './partition.js';

export interface SortPlaces {
  /** 16 bytes for each row, twice. */
  readonly first: number;
  readonly second: number;
  /** 2 bytes for each row. */
  readonly chosen: number;
  /** 4 bytes for each partition and 4 more. */
  readonly starts: number;
}

/** Row r begins, at `start + r * stride`, with the u32 address of its key and the u32 length. */
export interface SortableRows {
  readonly rows: number;
  readonly start: number;
  readonly stride: number;
}

export class RowSort {
  readonly #kernel: Kernel;
  readonly #partitions: number;
  readonly #choose: PartitionFunction | undefined;

  constructor(kernel: Kernel, partitions: number, choose: PartitionFunction | undefined) {
    this.#kernel = kernel;
    this.#partitions = partitions;
    this.#choose = choose;
  }

  /** Calls `write` with the places of each partition that has rows, sorted. Throws `partition-failed`. */
  run(
    { rows, start, stride }: SortableRows,
    places: SortPlaces,
    write: (partition: number, from: number, to: number) => void,
  ): void {
    const { exports, view } = this.#kernel;
    exports.sortRows(start, stride);
    const isOne = this.#partitions === 1 && this.#choose === undefined;
    if (this.#choose) this.#chooseAll(this.#choose, { rows, start, stride }, places.chosen);
    else if (!isOne) exports.sortPartitions(places.chosen, rows, this.#partitions);
    exports.sortBegin(places.first, places.second, isOne ? 0 : places.chosen, places.starts, rows, this.#partitions);
    for (let partition = 0; partition < this.#partitions; partition++) {
      const from = view.getUint32(places.starts + partition * 4, true);
      const to = view.getUint32(places.starts + partition * 4 + 4, true);
      if (from === to) continue;
      exports.sortRange(from, to);
      write(partition, from, to);
    }
  }

  #chooseAll(choose: PartitionFunction, { rows, start, stride }: SortableRows, chosen: number): void {
    const { bytes, view } = this.#kernel;
    for (let row = 0; row < rows; row++) {
      const at = start + row * stride;
      const key = view.getUint32(at, true);
      const keyBytes = bytes.subarray(key, key + view.getUint32(at + 4, true));
      view.setUint16(chosen + row * 2, partitionBy(choose, keyBytes, this.#partitions), true);
    }
  }
}
