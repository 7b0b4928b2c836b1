/**
 * The output of one map attempt: takes emits, combines or collects them in the kernel's memory, sets them aside in sorted
 * runs whenever it is full, and writes the shuffle object, ordered by (partition, key, position).
 */
import type { BuiltInSpec } from '../aggregation.js';
import type { Key } from '../codec/key.js';
import { ShuffleWriter, type WrittenShuffle } from '../codec/shuffle-writer.js';
import { limits } from '../limits.js';
import { CollectedEmits } from './collected-emits.js';
import { CombinedEmits } from './combined-emits.js';
import { groupSizes, type CombineMode } from './combine-mode.js';
import type { TakeBlock } from './emit-store.js';
import type { Kernel } from './kernel.js';
import { BLOCK_BYTES, Merge, openMaxOf } from './merge.js';
import type { MergeInput } from './merge-input.js';
import { mergedInPasses } from './passes.js';
import { OtherEmits } from './other-emits.js';
import type { PackedEmits } from './packed-emits.js';
import { Regions } from './regions.js';
import { RowSort } from './row-sort.js';
import type { Scratch } from './scratch.js';
import { SpillRun } from './spill-run.js';
import type { ValueFold } from './value-fold.js';

export interface MapOutputOptions {
  readonly kernel: Kernel;
  readonly partitions: number;
  /** The user's choice of a partition, called with each key (each different one, with an aggregator) when it is written. */
  readonly partition?: ((key: Key, count: number) => number) | undefined;
  readonly aggregator?: BuiltInSpec | undefined;
  /** Functions of the job that fold the values of each key; instead of an aggregator. */
  readonly fold?: ValueFold | undefined;
  readonly combine?: CombineMode | undefined;
  /** What the task may touch of the kernel's memory. */
  readonly memoryBytes: number;
  /** Where runs go that do not fit into it. */
  readonly scratch: Scratch;
  readonly job: string;
  readonly attempt: string;
}

/** What was written: `records` are what the emits were combined into, `weight` counts the emits. */
export interface ShuffleSummary extends WrittenShuffle {
  /** Emits that went into combining. */
  readonly combinedIn: number;
  /** Written to local disk on the way. */
  readonly bytesSpilled: number;
}

/** Numbers between these magnitudes have all their bits in a sum's fixed form, and leave room for any count of them. */
const FIXED_LEAST = 2 ** -44;
const FIXED_MOST = 2 ** 54;

export class MapOutput {
  readonly #options: MapOutputOptions;
  readonly #spec: BuiltInSpec | undefined;
  readonly #store: CombinedEmits | CollectedEmits;
  readonly #hasSum: boolean;
  readonly #hasExtreme: boolean;
  readonly #other: OtherEmits | undefined;
  readonly #runs: SpillRun[] = [];
  #bytesSpilled = 0;
  /** Of the largest record of any run that makes a block larger than others, or 0. */
  #recordBytes = 0;

  constructor(options: MapOutputOptions) {
    this.#options = options;
    const { kernel, partitions, partition, aggregator, fold, memoryBytes } = options;
    const mode = options.combine ?? 'on';
    this.#spec = aggregator;
    this.#hasSum = aggregator?.layout.includes('sum') ?? false;
    this.#hasExtreme = aggregator?.layout.some((part) => part === 'min' || part === 'max') ?? false;
    const regions = new Regions(kernel, kernel.start, memoryBytes);
    const sort = new RowSort(kernel, partitions, partition);
    const common = { kernel, regions, partitions, sort, onFull: () => this.#spill() };
    this.#store = aggregator
      ? new CombinedEmits({ ...common, layout: aggregator.layout, combine: mode === 'on' })
      : new CollectedEmits({ ...common, fold, sizes: groupSizes[mode] });
    this.#other = aggregator && this.#otherEmits(aggregator);
  }

  #otherEmits(aggregator: BuiltInSpec): OtherEmits {
    const { partitions, partition, memoryBytes, job, attempt } = this.#options;
    const bytes = Math.max(limits.otherEmitsBytesMin, Math.floor(memoryBytes / 8));
    const onFull = () => this.#spillOther();
    return new OtherEmits({ partitions, partition, aggregator, memoryBytes: bytes, job, attempt, onFull });
  }

  /** Takes emits of a short string and of 1, where it can; what it refuses goes to `emit`. */
  get packed(): PackedEmits | undefined {
    return this.#store instanceof CombinedEmits ? this.#store.packed : undefined;
  }

  /** Emits of the records that are done. */
  get emitted(): number {
    return this.#store.emitted + (this.#other?.emitted ?? 0);
  }

  /** Throws `key-invalid`, `value-invalid` or `memory-exceeded`; then nothing of this emit is kept. */
  emit(key: unknown, value: unknown): void {
    if (this.#other === undefined || (typeof value === 'number' && this.#isFixed(value))) {
      this.#store.emit(key, value as number);
    } else if (!this.#hasSum && !this.#hasExtreme) {
      this.#store.emit(key, 0); // counted, whatever it is
    } else {
      this.#other.emit(key, value);
    }
  }

  #isFixed(value: number): boolean {
    if (!this.#hasSum) return value === value || !this.#hasExtreme;
    const size = value < 0 ? -value : value;
    return (size >= FIXED_LEAST && size <= FIXED_MOST) || size === 0;
  }

  /** Makes the record's emits visible. */
  recordDone(): void {
    this.#store.recordDone();
    this.#other?.recordDone();
  }

  /** Forgets the record's emits; `memory-exceeded` when there were too many of them. */
  recordFailed(): void {
    this.#store.recordFailed();
    this.#other?.recordFailed();
  }

  /** Writes the shuffle object. The bytes given to `write` belong to it. */
  finish(write: (bytes: Uint8Array) => void): ShuffleSummary {
    const { job, attempt, partitions } = this.#options;
    this.#store.finish();
    this.#spillOther();
    const combinedIn = this.emitted;
    const writer = new ShuffleWriter({ job, attempt, partitions, write });
    if (this.#runs.length === 0) {
      this.#store.drain((partition, block) => writer.addEncoded(partition, block));
    } else {
      if (!this.#store.isEmpty) this.#spill();
      this.#mergeRuns((partition, block) => writer.addEncoded(partition, block));
    }
    return { ...writer.finish(), combinedIn, bytesSpilled: this.#bytesSpilled };
  }

  #spill(): void {
    this.#addRun((take) => this.#store.drain(take));
  }

  #spillOther(): void {
    const other = this.#other;
    if (other && !other.isEmpty) this.#addRun((take) => other.drain(take));
  }

  #addRun(fill: (take: TakeBlock) => void): void {
    const { scratch, partitions, fold } = this.#options;
    const run = new SpillRun(scratch, partitions, fold !== undefined);
    fill((partition, block) => run.add(partition, block));
    this.#bytesSpilled += run.bytes;
    this.#noteRecords(run);
    this.#runs.push(run.finish());
  }

  #noteRecords({ blockBytesMost }: SpillRun): void {
    if (blockBytesMost > BLOCK_BYTES) this.#recordBytes = Math.max(this.#recordBytes, blockBytesMost);
  }

  /** Every run has one stream, so no more of them are merged than may be open. */
  #mergeRuns(take: TakeBlock): void {
    const { scratch, partitions, memoryBytes, fold } = this.#options;
    const most = openMaxOf(memoryBytes / 2, this.#recordBytes);
    const runs = mergedInPasses(this.#runs, most, (group) => {
      const merged = new SpillRun(scratch, partitions, fold !== undefined);
      this.#merge(group, (partition, block) => merged.add(partition, block));
      this.#bytesSpilled += merged.bytes;
      this.#noteRecords(merged);
      return merged.finish();
    });
    this.#merge(runs, take);
  }

  #merge(runs: readonly SpillRun[], take: TakeBlock): void {
    const { kernel, partitions, memoryBytes, scratch, fold, combine } = this.#options;
    for (let partition = 0; partition < partitions; partition++) {
      const inputs = runs
        .map((run) => run.input(partition))
        .filter((input): input is MergeInput => input !== undefined);
      if (inputs.length === 0) continue;
      const combining = combine === undefined || combine === 'on';
      const merge = new Merge({
        kernel,
        memoryBytes,
        inputs,
        recordBytes: this.#recordBytes,
        scratch,
        spec: this.#spec,
        fold: combining ? fold : undefined,
      });
      merge.write((block) => take(partition, block));
    }
  }
}
