/**
 * The open sources of one merge: each has its current block in the kernel's memory, verified as raw bytes before it is
 * decoded, and is given the next one when the kernel says that it is used up.
 */
import { decodeBlock, decodeColumns, KIND_IDS, totalsOf, type Block, type Totals } from '../codec/block.js';
import { isSameLayout, type Layout } from '../codec/state.js';
import { GristmillError } from '../errors.js';
import { blamed, FrameStream } from './frame-stream.js';
import type { Kernel } from './kernel.js';
import type { MergeInput } from './merge-input.js';
import type { Slot, Slots } from './slots.js';

/** How a call of the kernel's merge ended. */
export const DONE = 0;
export const REFILL = 1;
export const FULL = 2;
export const OTHER = 3;
const UNSORTED = 4;

/** Bytes of the kernel's account of a source. */
export const SOURCE_BYTES = 64 + 4;
const CHECKED = 0;
const TOO_LARGE = 2;

interface OpenSource {
  readonly input: MergeInput;
  readonly frames: FrameStream;
  /** Of the payload that is being read, then of the block at hand. */
  slot: Slot | undefined;
  payload: Uint8Array;
  block: Block | undefined;
}

export interface MergeSourcesOptions {
  readonly kernel: Kernel;
  readonly slots: Slots;
  /** `SOURCE_BYTES` for each input and 64 more. */
  readonly place: number;
  readonly inputs: readonly MergeInput[];
  /** Of the states that the blocks must hold, or none. */
  readonly layout: Layout;
  readonly found: (totals: Totals) => void;
}

export class MergeSources {
  readonly #kernel: Kernel;
  readonly #slots: Slots;
  readonly #layout: Layout;
  readonly #found: (totals: Totals) => void;
  readonly #sources: OpenSource[];

  constructor({ kernel, slots, place, inputs, layout, found }: MergeSourcesOptions) {
    this.#kernel = kernel;
    this.#slots = slots;
    this.#layout = layout;
    this.#found = found;
    // All are opened before the first is read, so that they are read ahead together.
    this.#sources = inputs.map((input) => this.#open(input));
    kernel.exports.mergeInit(place, inputs.length);
    this.#sources.forEach((source, number) => this.#load(source, number));
    kernel.exports.mergeStart();
  }

  /** Gives the source that was used up its next block. */
  refill(): void {
    const { exports } = this.#kernel;
    const winner = exports.mergeWinner();
    const source = this.#sources[winner];
    if (!source) throw new GristmillError('internal', 'a merge without sources wants more');
    this.#load(source, winner);
    if (exports.mergeRefilled() === 0) this.#unsorted(winner);
  }

  /** Throws where a status means that a source is not sorted. */
  check(status: number): number {
    return status === UNSORTED ? this.#unsorted(this.#kernel.exports.mergeWinner()) : status;
  }

  /** The block at hand of a source, as the reference knows it. */
  block(source: number): Block {
    const open = this.#sources[source];
    if (!open) throw new GristmillError('internal', `a merge has no source ${source}`);
    return (open.block ??= decodeBlock(open.payload));
  }

  isFolded(source: number): boolean {
    return this.#sources[source]?.input.isFolded ?? false;
  }

  /** Closes what is open, and gives its memory back. */
  close(): void {
    for (const source of this.#sources) {
      source.frames.close();
      this.#giveBack(source);
    }
  }

  #open(input: MergeInput): OpenSource {
    const allocate = (bytes: number): Uint8Array => {
      this.#giveBack(source); // of a frame that is read again
      const slot = this.#slots.take(bytes);
      source.slot = slot;
      return this.#kernel.bytes.subarray(slot.at, slot.at + bytes);
    };
    const source: OpenSource = {
      input,
      frames: new FrameStream(input, allocate),
      slot: undefined,
      payload: new Uint8Array(0),
      block: undefined,
    };
    return source;
  }

  #load(source: OpenSource, number: number): void {
    this.#giveBack(source);
    try {
      const payload = source.frames.next();
      if (payload) this.#take(source, number, payload);
      else this.#kernel.exports.mergeEnd(number);
    } catch (error) {
      throw blamed(error, source.input);
    }
  }

  #take(source: OpenSource, number: number, payload: Uint8Array): void {
    const { exports } = this.#kernel;
    source.payload = payload;
    source.block = undefined;
    const columns = decodeColumns(payload);
    const { rows, keyBytes, keyEnds, kind, layout, values, valueEnds, weights } = columns;
    if (!isSameLayout(layout, this.#layout)) {
      throw new GristmillError('block-corrupt', `a block holds no states of ${this.#layout.join(', ') || 'this job'}`);
    }
    const keys = keyBytes.byteOffset;
    const ends = keyEnds.byteOffset;
    const at = values.byteOffset;
    const endsOfValues = valueEnds?.byteOffset ?? 0;
    const weightsAt = weights?.byteOffset ?? 0;
    const id = KIND_IDS[kind];
    if (source.input.isCounted) {
      const checked = exports.checkBlock(
        rows,
        keys,
        keyBytes.length,
        ends,
        id,
        at,
        values.length,
        endsOfValues,
        weightsAt,
      );
      if (checked === CHECKED) {
        const { checkedWeight, checkedSum } = exports;
        this.#found({ records: rows, weight: Number(checkedWeight.value), sum: BigInt.asUintN(64, checkedSum.value) });
      } else if (checked === TOO_LARGE) {
        this.#found(totalsOf((source.block = decodeBlock(payload))));
      } else {
        throw new GristmillError('block-corrupt', 'a block does not hold together: the ends of a column or a weight');
      }
    }
    exports.mergeLoad(number, keys, ends, at, endsOfValues, weightsAt, rows, id);
  }

  #giveBack(source: OpenSource): void {
    if (source.slot) this.#slots.give(source.slot);
    source.slot = undefined;
  }

  #unsorted(source: number): never {
    const error = new GristmillError('block-corrupt', 'the keys of a sorted run do not ascend');
    const input = this.#sources[source]?.input;
    throw input ? blamed(error, input) : error;
  }
}
