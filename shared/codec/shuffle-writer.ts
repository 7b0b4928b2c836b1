/** Writes a shuffle object, block by block, in the format of `shuffle-object.ts`. */
import { GristmillError } from '../errors.js';
import { encodeBlock, totalsOf, type Block, type Totals } from './block.js';
import { xxh64 } from './checksum.js';
import { encodeFrame, identityOf } from './frame.js';
import {
  ENTRY_CHECKED_BYTES,
  INDEX_ENTRY_BYTES,
  SHUFFLE_MAGIC,
  SHUFFLE_VERSION,
  TAIL_BYTES,
  TAIL_CHECKED_BYTES,
} from './shuffle-object.js';

export interface ShuffleWriterOptions {
  readonly job: string;
  readonly attempt: string;
  readonly partitions: number;
  /** The bytes are the receiver's. */
  readonly write: (bytes: Uint8Array) => void;
}

/** A block as it goes into a frame. */
export interface EncodedBlock {
  readonly payload: Uint8Array;
  /** The encoding of its first key. */
  readonly firstKey: Uint8Array;
  readonly totals: Totals;
}

export function encoded(block: Block): EncodedBlock {
  const firstKey = block.keyBytes.slice(0, block.keyEnds[0]);
  return { payload: encodeBlock(block), firstKey, totals: totalsOf(block) };
}

/** What was written; `records`, `weight` and `sum` over all partitions. */
export interface WrittenShuffle extends Totals {
  /** Of the whole object. */
  readonly bytes: number;
  /** xxh64 of the index. */
  readonly digest: bigint;
}

export class ShuffleWriter {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #identity: bigint;
  readonly #partitions: number;
  readonly #index: Uint8Array;
  readonly #view: DataView;
  readonly #firstKeys: Uint8Array[] = [];
  #offset = 0;
  #partition = 0;
  /** Of the current partition. */
  #start = 0;
  #blocks = 0;
  #totals: Totals = { records: 0, weight: 0, sum: 0n };
  #all: Totals = { records: 0, weight: 0, sum: 0n };

  constructor({ job, attempt, partitions, write }: ShuffleWriterOptions) {
    this.#write = write;
    this.#identity = identityOf(job, attempt);
    this.#partitions = partitions;
    this.#index = new Uint8Array(partitions * INDEX_ENTRY_BYTES);
    this.#view = new DataView(this.#index.buffer);
  }

  /** Blocks come ordered by partition, and by key within a partition. */
  add(partition: number, block: Block): void {
    this.addEncoded(partition, encoded(block));
  }

  /** `add` for a block whose totals are known. */
  addEncoded(partition: number, { payload, firstKey, totals }: EncodedBlock): void {
    if (partition < this.#partition || partition >= this.#partitions) {
      throw new GristmillError('internal', `partition ${partition} is out of order`);
    }
    while (this.#partition < partition) this.#endPartition();
    const frame = encodeFrame(this.#identity, partition, this.#blocks, payload);
    this.#totals = added(this.#totals, totals);
    this.#firstKeys.push(firstKey);
    this.#blocks++;
    this.#offset += frame.length;
    this.#write(frame);
  }

  finish(): WrittenShuffle {
    while (this.#partition < this.#partitions) this.#endPartition();
    const digest = xxh64(this.#index);
    const firstKeys = this.#encodeFirstKeys();
    const tail = new Uint8Array(TAIL_BYTES);
    const view = new DataView(tail.buffer);
    view.setBigUint64(0, BigInt(this.#offset), true);
    view.setBigUint64(8, BigInt(this.#index.length), true);
    view.setBigUint64(16, BigInt(this.#offset + this.#index.length), true);
    view.setBigUint64(24, BigInt(firstKeys.length), true);
    view.setBigUint64(32, digest, true);
    view.setBigUint64(40, xxh64(firstKeys), true);
    view.setUint32(48, this.#partitions, true);
    view.setUint32(52, SHUFFLE_VERSION, true);
    view.setBigUint64(56, SHUFFLE_MAGIC, true);
    view.setBigUint64(TAIL_CHECKED_BYTES, xxh64(tail.subarray(0, TAIL_CHECKED_BYTES), this.#identity), true);
    for (const section of [this.#index, firstKeys, tail]) this.#write(section);
    return { ...this.#all, digest, bytes: this.#offset + this.#index.length + firstKeys.length + TAIL_BYTES };
  }

  #endPartition(): void {
    const start = this.#partition * INDEX_ENTRY_BYTES;
    this.#view.setBigUint64(start, BigInt(this.#start), true);
    this.#view.setBigUint64(start + 8, BigInt(this.#offset - this.#start), true);
    this.#view.setBigUint64(start + 16, BigInt(this.#totals.records), true);
    this.#view.setBigUint64(start + 24, BigInt(this.#totals.weight), true);
    this.#view.setBigUint64(start + 32, this.#totals.sum, true);
    this.#view.setUint32(start + 40, this.#blocks, true);
    const checked = this.#index.subarray(start, start + ENTRY_CHECKED_BYTES);
    const check = Number(xxh64(checked, BigInt(this.#partition)) & 0xffffffffn);
    this.#view.setUint32(start + ENTRY_CHECKED_BYTES, check, true);
    this.#all = added(this.#all, this.#totals);
    this.#totals = { records: 0, weight: 0, sum: 0n };
    this.#start = this.#offset;
    this.#blocks = 0;
    this.#partition++;
  }

  #encodeFirstKeys(): Uint8Array {
    const section = new Uint8Array(this.#firstKeys.reduce((bytes, key) => bytes + 4 + key.length, 0));
    const view = new DataView(section.buffer);
    let at = 0;
    for (const key of this.#firstKeys) {
      view.setUint32(at, key.length, true);
      section.set(key, at + 4);
      at += 4 + key.length;
    }
    return section;
  }
}

function added(a: Totals, b: Totals): Totals {
  return {
    records: a.records + b.records,
    weight: a.weight + b.weight,
    sum: BigInt.asUintN(64, a.sum + b.sum),
  };
}
