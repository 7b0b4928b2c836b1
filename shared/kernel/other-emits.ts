/**
 * Emits that no kernel takes: strings of a maximum, sums of the very large and the very small. They are combined by the reference, in
 * memory of their own, and set aside whenever it is full.
 */
import type { BuiltInSpec } from '../aggregation.js';
import { encoded } from '../codec/shuffle-writer.js';
import { GristmillError, hasCode } from '../errors.js';
import type { TakeBlock } from './emit-store.js';
import type { PartitionFunction } from './partition.js';
import { MapOutput as ReferenceOutput } from './reference/map-output.js';

export interface OtherEmitsOptions {
  readonly partitions: number;
  readonly partition: PartitionFunction | undefined;
  readonly aggregator: BuiltInSpec;
  readonly memoryBytes: number;
  readonly job: string;
  readonly attempt: string;
  /** The memory is full: `drain` has to be called before this returns. */
  readonly onFull: () => void;
}

export class OtherEmits {
  readonly #options: OtherEmitsOptions;
  #output: ReferenceOutput | undefined;
  #drained = 0;
  /** Of the record under way: they go into the next output when this one is drained. */
  #undone: (readonly [key: unknown, value: unknown])[] = [];
  /** Emits of the record under way were drained. */
  #isCommitted = false;

  constructor(options: OtherEmitsOptions) {
    this.#options = options;
  }

  /** Emits of the records that are done. */
  get emitted(): number {
    return this.#drained + (this.#output?.emitted ?? 0);
  }

  get isEmpty(): boolean {
    return this.#output === undefined;
  }

  /** Throws `key-invalid` or `value-invalid`; then nothing of this emit is kept. */
  emit(key: unknown, value: unknown): void {
    this.#add(key, value);
    this.#undone.push([kept(key), value]);
  }

  #add(key: unknown, value: unknown): void {
    this.#output ??= new ReferenceOutput(this.#options);
    try {
      this.#output.emit(key, value);
    } catch (error) {
      if (!hasCode(error, 'memory-exceeded')) throw error;
      this.#makeRoom(this.#output);
      this.#add(key, value);
    }
  }

  recordDone(): void {
    this.#output?.recordDone();
    if (this.#undone.length > 0) this.#undone = [];
    this.#isCommitted = false;
  }

  /** Forgets the record's emits; `memory-exceeded` when there were too many of them. */
  recordFailed(): void {
    if (this.#isCommitted) {
      throw new GristmillError('memory-exceeded', 'the record emitted too much for its emits to be taken back');
    }
    this.#output?.recordFailed();
    this.#undone = [];
  }

  /** Gives what is held of the records that are done, sorted by (partition, key), and holds nothing any more. */
  drain(take: TakeBlock): void {
    const output = this.#output;
    this.#output = undefined;
    if (!output) return;
    this.#drained += output.drain((partition, block) => take(partition, encoded(block)));
  }

  #makeRoom(output: ReferenceOutput): void {
    const undone = this.#undone;
    this.#undone = [];
    // A record that outgrows the memory by itself is taken as it comes.
    const isAlone = output.emitted === 0;
    if (isAlone) output.recordDone();
    this.#isCommitted ||= isAlone;
    this.#options.onFull();
    if (!isAlone) for (const [key, value] of undone) this.emit(key, value);
  }
}

/** A key as it is now: the job may change what it has emitted. */
function kept(key: unknown): unknown {
  if (Array.isArray(key)) return key.map(kept);
  return key instanceof Uint8Array ? key.slice() : key;
}
