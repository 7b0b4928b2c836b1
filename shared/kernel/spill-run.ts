/**
 * What a map task sets aside when its memory is full: everything that it held, sorted, as one scratch run. Partitions follow
 * each other, so that a merge of runs reads each from its beginning to its end.
 */
import { encodeFrame } from '../codec/frame.js';
import type { EncodedBlock } from '../codec/shuffle-writer.js';
import { GristmillError } from '../errors.js';
import type { ByteSource } from './block-source.js';
import type { MergeInput } from './merge-input.js';
import { scratchIdentity, type Scratch, type ScratchRun } from './scratch.js';

export class SpillRun {
  /** Its values are what a fold has come to. */
  readonly isFolded: boolean;
  readonly #run: ScratchRun;
  /** Of each partition. */
  readonly #bytes: number[];
  #blockBytesMost = 0;
  #partition = -1;
  #blocks = 0;
  #open: (() => ByteSource) | undefined;
  #source: ByteSource | undefined;
  #fragment = new Uint8Array(0);
  #at = 0;

  constructor(scratch: Scratch, partitions: number, isFolded: boolean) {
    this.#run = scratch.create();
    this.#bytes = new Array<number>(partitions).fill(0);
    this.isFolded = isFolded;
  }

  get bytes(): number {
    return this.#run.bytes;
  }

  /** Of its largest block. */
  get blockBytesMost(): number {
    return this.#blockBytesMost;
  }

  /** Blocks come ordered by partition, and by key within a partition. */
  add(partition: number, { payload }: EncodedBlock): void {
    if (partition !== this.#partition) this.#blocks = 0;
    this.#partition = partition;
    this.#blockBytesMost = Math.max(this.#blockBytesMost, payload.length);
    const frame = encodeFrame(scratchIdentity, partition, this.#blocks++, payload);
    this.#bytes[partition] = (this.#bytes[partition] ?? 0) + frame.length;
    this.#run.write(frame);
  }

  finish(): this {
    this.#open = this.#run.finish();
    return this;
  }

  /** The frames of a partition; to be read to their end, partition after partition. */
  input(partition: number): MergeInput | undefined {
    const bytes = this.#bytes[partition] ?? 0;
    if (bytes === 0) return undefined;
    return {
      open: () => this.#section(bytes),
      identity: scratchIdentity,
      partition,
      isCounted: false,
      isFolded: this.isFolded,
    };
  }

  #section(bytes: number): ByteSource {
    let left = bytes;
    return {
      next: () => {
        if (left === 0) return undefined;
        if (this.#at === this.#fragment.length) this.#fill();
        const piece = this.#fragment.subarray(this.#at, this.#at + left);
        this.#at += piece.length;
        left -= piece.length;
        return piece;
      },
      close: () => undefined,
    };
  }

  #fill(): void {
    this.#source ??= this.#open?.();
    const fragment = this.#source?.next();
    if (!fragment) throw new GristmillError('internal', 'a spilled run is shorter than it was written');
    this.#fragment = fragment as Uint8Array<ArrayBuffer>;
    this.#at = 0;
  }
}
