/**
 * A shuffle object: what one map attempt leaves, all its partitions in order.
 *
 * Version 1, little-endian, four sections that follow each other without gaps:
 *
 *     frames      ordered by partition, and by key within a partition; block numbers from 0 in each partition
 *     index       48 bytes for each partition:
 *                    0  u64  offset of its first frame        24  u64  weight: emits folded into the records
 *                    8  u64  bytes of its frames              32  u64  wrapping sum of the records' checksums
 *                   16  u64  records                          40  u32  blocks
 *                   44  u32  low half of xxh64 of the 44 bytes before, seeded with the partition
 *     first keys  for each block in order: u32 bytes, then its first key's encoding
 *     tail        72 bytes:
 *                    0  u64  offset of the index              32  u64  digest: xxh64 of the index
 *                    8  u64  bytes of the index               40  u64  xxh64 of the first keys
 *                   16  u64  offset of the first keys         48  u32  partitions
 *                   24  u64  bytes of the first keys          52  u32  version: 1
 *                   56  u64  magic: "GRISTSHF"
 *                   64  u64  xxh64 of the 64 bytes before, seeded with the identity of the object
 *
 * The index's digest has no seed: two attempts that wrote the same records have the same digest. Because the tail, which
 * holds it, is bound to the identity, so is the index. The check of an entry lets a cached index be read entry by entry.
 */
import { GristmillError } from '../errors.js';
import { decodeBlock, totalsOf } from './block.js';
import { xxh64 } from './checksum.js';
import { FrameReader } from './frame.js';
import { compareBytes } from './key.js';

export const TAIL_BYTES = 72;
export const INDEX_ENTRY_BYTES = 48;
export const TAIL_CHECKED_BYTES = 64;
export const ENTRY_CHECKED_BYTES = 44;
export const SHUFFLE_VERSION = 1;
/** "GRISTSHF" read as little-endian u64. */
export const SHUFFLE_MAGIC = 0x4648535453495247n;

export interface ShuffleTail {
  readonly indexOffset: number;
  readonly indexBytes: number;
  readonly firstKeysOffset: number;
  readonly firstKeysBytes: number;
  /** Of the index. */
  readonly digest: bigint;
  readonly firstKeysDigest: bigint;
  readonly partitions: number;
  /** Of the whole object. */
  readonly objectBytes: number;
}

export interface PartitionEntry {
  readonly offset: number;
  readonly bytes: number;
  readonly records: number;
  readonly weight: number;
  readonly sum: bigint;
  readonly blocks: number;
}

export interface ShuffleIndex {
  readonly digest: bigint;
  readonly partitions: readonly PartitionEntry[];
}

/** `bytes` ends with the object's tail; `objectBytes`, when it is known, is the size that the object must have. */
export function parseTail(bytes: Uint8Array, identity: bigint, objectBytes?: number): ShuffleTail {
  if (bytes.length < TAIL_BYTES) corrupt(`its ${bytes.length} bytes are no tail`);
  const start = bytes.length - TAIL_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, TAIL_BYTES);
  if (view.getBigUint64(56, true) !== SHUFFLE_MAGIC) corrupt('it does not end as one');
  const checked = bytes.subarray(start, start + TAIL_CHECKED_BYTES);
  if (xxh64(checked, identity) !== view.getBigUint64(TAIL_CHECKED_BYTES, true)) {
    corrupt('its tail has a wrong checksum, or is of another object');
  }
  const version = view.getUint32(52, true);
  if (version !== SHUFFLE_VERSION) corrupt(`version ${version} is not known`);
  const tail = {
    indexOffset: integerAt(view, 0),
    indexBytes: integerAt(view, 8),
    firstKeysOffset: integerAt(view, 16),
    firstKeysBytes: integerAt(view, 24),
    digest: view.getBigUint64(32, true),
    firstKeysDigest: view.getBigUint64(40, true),
    partitions: view.getUint32(48, true),
  };
  const inOrder =
    tail.indexBytes === tail.partitions * INDEX_ENTRY_BYTES &&
    tail.firstKeysOffset === tail.indexOffset + tail.indexBytes;
  const total = tail.firstKeysOffset + tail.firstKeysBytes + TAIL_BYTES;
  if (!inOrder || (objectBytes !== undefined && objectBytes !== total)) corrupt('its sections do not fit together');
  return { ...tail, objectBytes: total };
}

/** `bytes` is the index alone. */
export function parseIndex(bytes: Uint8Array, tail: ShuffleTail): ShuffleIndex {
  if (bytes.length !== tail.indexBytes) corrupt(`its index has ${bytes.length} bytes instead of ${tail.indexBytes}`);
  if (xxh64(bytes) !== tail.digest) corrupt('its index has a wrong checksum');
  const partitions: PartitionEntry[] = [];
  let offset = 0;
  for (let partition = 0; partition < tail.partitions; partition++) {
    const start = partition * INDEX_ENTRY_BYTES;
    const entry = parseIndexEntry(bytes.subarray(start, start + INDEX_ENTRY_BYTES), partition);
    if (entry.offset !== offset) corrupt('its partitions do not follow each other', partition);
    offset += entry.bytes;
    partitions.push(entry);
  }
  if (offset !== tail.indexOffset) corrupt('its partitions do not end where the index begins');
  return { digest: tail.digest, partitions };
}

/** `bytes` is the entry of this partition alone. */
export function parseIndexEntry(bytes: Uint8Array, partition: number): PartitionEntry {
  if (bytes.length !== INDEX_ENTRY_BYTES) corrupt(`an index entry of ${bytes.length} bytes`, partition);
  const view = new DataView(bytes.buffer, bytes.byteOffset, INDEX_ENTRY_BYTES);
  const check = xxh64(bytes.subarray(0, ENTRY_CHECKED_BYTES), BigInt(partition)) & 0xffffffffn;
  if (BigInt(view.getUint32(ENTRY_CHECKED_BYTES, true)) !== check) corrupt('a wrong checksum in its index', partition);
  return {
    offset: integerAt(view, 0),
    bytes: integerAt(view, 8),
    records: integerAt(view, 16),
    weight: integerAt(view, 24),
    sum: view.getBigUint64(32, true),
    blocks: view.getUint32(40, true),
  };
}

/** `bytes` is the section of first keys alone; one list for each partition, one encoded key for each block. */
export function parseFirstKeys(bytes: Uint8Array, tail: ShuffleTail, index: ShuffleIndex): Uint8Array[][] {
  if (bytes.length !== tail.firstKeysBytes || xxh64(bytes) !== tail.firstKeysDigest) {
    corrupt('its first keys have a wrong checksum');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const lists = index.partitions.map(({ blocks }, partition) => {
    const keys: Uint8Array[] = [];
    for (let block = 0; block < blocks; block++) {
      if (at + 4 > bytes.length) corrupt('its first keys are cut off', partition);
      const start = at + 4;
      at = start + view.getUint32(at, true);
      if (at > bytes.length) corrupt('its first keys are cut off', partition);
      keys.push(bytes.slice(start, at));
    }
    return keys;
  });
  if (at !== bytes.length) corrupt('it has more first keys than blocks');
  return lists;
}

/** Reads all of an object and compares all that it says of itself. Throws `shuffle-corrupt`, before anything is decoded. */
export function verifyShuffleObject(bytes: Uint8Array, identity: bigint): ShuffleIndex {
  const tail = parseTail(bytes, identity, bytes.length);
  const index = parseIndex(bytes.subarray(tail.indexOffset, tail.firstKeysOffset), tail);
  const firstKeys = parseFirstKeys(bytes.subarray(tail.firstKeysOffset, -TAIL_BYTES), tail, index);
  index.partitions.forEach((entry, partition) => {
    const reader = new FrameReader(identity, partition);
    reader.push(bytes.subarray(entry.offset, entry.offset + entry.bytes));
    reader.end();
    let records = 0;
    let weight = 0;
    let sum = 0n;
    for (let payload = reader.next(), number = 0; payload; payload = reader.next(), number++) {
      const block = decodeBlock(payload);
      const totals = totalsOf(block);
      records += totals.records;
      weight += totals.weight;
      sum = BigInt.asUintN(64, sum + totals.sum);
      const first = firstKeys[partition]?.[number];
      if (!first || compareBytes(first, block.keyBytes.subarray(0, block.keyEnds[0])) !== 0) {
        corrupt('a first key is not that of its block', partition);
      }
    }
    const holds =
      records === entry.records && weight === entry.weight && sum === entry.sum && reader.blockNumber === entry.blocks;
    if (!holds) corrupt('its frames do not hold what its index says', partition);
  });
  return index;
}

function integerAt(view: DataView, offset: number): number {
  const value = Number(view.getBigUint64(offset, true));
  return Number.isSafeInteger(value) ? value : corrupt('a number in it is too large');
}

function corrupt(what: string, partition?: number): never {
  throw new GristmillError('shuffle-corrupt', `a shuffle object is not as it was written: ${what}`, {
    context: { partition },
  });
}
