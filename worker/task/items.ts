/**
 * Items (`read.items`) as they lie in the store: for each split the frames of its blocks, whose rows all have the key null. The
 * frames of split s have s as their partition; the object's identity is that of the attempt that wrote it.
 */
import { copyBytes, encodeBlock, KIND_IDS } from '../../shared/codec/block.js';
import { BlockBuilder } from '../../shared/codec/block-builder.js';
import { encodeFrame, identityOf } from '../../shared/codec/frame.js';
import { encodeKey } from '../../shared/codec/key.js';
import { encodeValue } from '../../shared/codec/value.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';

const KEY = encodeKey(null);

export interface EncodedItems {
  readonly bytes: Uint8Array;
  /** Where each split begins. */
  readonly cuts: readonly number[];
}

export interface ItemsToEncode {
  readonly items: readonly unknown[];
  readonly itemsPerSplit: number;
  readonly job: string;
  readonly attempt: string;
  /** By the person who reads a message about one of them. */
  readonly called: string;
}

export function encodeItems({ items, itemsPerSplit, job, attempt, called }: ItemsToEncode): EncodedItems {
  const identity = identityOf(job, attempt);
  const pieces: Uint8Array[] = [];
  const cuts: number[] = [];
  let length = 0;
  for (let first = 0; first < items.length; first += itemsPerSplit) {
    const split = cuts.length;
    cuts.push(length);
    for (const piece of framesOf(items.slice(first, first + itemsPerSplit), identity, split, (i, item) =>
      encodeItem(item, `${called}, item ${first + i}`),
    )) {
      pieces.push(piece);
      length += piece.length;
    }
    if (length > limits.itemsBytesMax) throw tooManyBytes(called);
  }
  return { bytes: Buffer.concat(pieces), cuts };
}

function* framesOf(
  items: readonly unknown[],
  identity: bigint,
  split: number,
  encode: (i: number, item: unknown) => Uint8Array,
): Generator<Uint8Array> {
  const builder = new BlockBuilder();
  let blocks = 0;
  for (const [i, item] of items.entries()) {
    const value = encode(i, item);
    const end = copyBytes(value, 0, value.length, builder.reserve(value.length), builder.valueAt);
    builder.commit(KEY, 0, KEY.length, KIND_IDS.msgpack, end, 1);
    if (builder.full) {
      yield encodeFrame(identity, split, blocks++, encodeBlock(builder.take()));
    }
  }
  if (builder.rows > 0) yield encodeFrame(identity, split, blocks, encodeBlock(builder.take()));
}

function encodeItem(item: unknown, place: string): Uint8Array {
  try {
    return encodeValue(item);
  } catch (error) {
    const { code, message } = GristmillError.from(error);
    throw new GristmillError(code === 'value-invalid' ? 'definition-invalid' : code, `${place}: ${message}`, {
      cause: error,
    });
  }
}

function tooManyBytes(called: string): GristmillError {
  return new GristmillError(
    'definition-invalid',
    `${called}: the items need more than ${limits.itemsBytesMax} bytes; put them into a file and use read.jsonl`,
  );
}
