/**
 * Rows sorted by key -> one row for each key, its values folded: what a map task with an aggregator of its own, or with
 * `combine`, writes. Whoever sorted or merged the rows shows them one by one.
 */
import { copyBytes, KIND_IDS } from '../codec/block.js';
import type { BlockBuilder } from '../codec/block-builder.js';
import { compareRanges } from '../codec/key.js';
import { encodeUtf8Into } from '../codec/utf8.js';
import { encodeValue, valueTooLarge } from '../codec/value.js';
import { limits } from '../limits.js';
import { kindOf } from './value-kind.js';
import type { GroupSizes } from './combine-mode.js';
import type { ValueFold } from './value-fold.js';

export interface SortedRows {
  /** Moves to the next row, in the order of keys, equal keys in the order of their emits; false at the end. */
  next(): boolean;
  /** The row's key is `keys[keyStart, keyEnd)`; these are valid until the next call of `next`. */
  readonly keys: Uint8Array;
  readonly keyStart: number;
  readonly keyEnd: number;
  /** Decoded anew at each call. */
  value(): unknown;
  /** Emits that the row stands for. */
  readonly weight: number;
  /** The value is what a fold has come to, as in a spilled run, and not what was emitted. */
  readonly isFolded: boolean;
}

/**
 * Appends a row for each key, or for as many values of it as `sizes` says; `appended` is called after each, so that a full
 * block can be taken.
 */
export function foldRows(
  rows: SortedRows,
  fold: ValueFold,
  sizes: GroupSizes,
  builder: BlockBuilder,
  appended: () => void,
): void {
  let key = new Uint8Array(0);
  let isFirst = true;
  let more = rows.next();
  while (more) {
    if (isFirst) key = rows.keys.slice(rows.keyStart, rows.keyEnd);
    const most = isFirst ? sizes.first : sizes.next;
    let weight = 0;
    let values = 0;
    fold.begin(key);
    do {
      if (rows.isFolded) fold.mergeState(rows.value());
      else fold.add(rows.value());
      weight += rows.weight;
      values += 1;
      more = rows.next();
      isFirst = !more || compareRanges(rows.keys, rows.keyStart, rows.keyEnd, key, 0, key.length) !== 0;
    } while (!isFirst && values < most);
    try {
      appendValue(builder, key, fold.finish(), weight);
    } catch (error) {
      throw fold.refused(error);
    }
    appended();
  }
}

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** Appends a row with a plain value, in the kind that costs least. Throws `value-invalid` when it cannot be stored. */
function appendValue(builder: BlockBuilder, key: Uint8Array, value: unknown, weight: number): void {
  const kind = kindOf(value);
  let end: number;
  if (kind === KIND_IDS.f64) {
    float[0] = (value as number) + 0;
    end = copyBytes(floatBytes, 0, 8, builder.reserve(8), builder.valueAt);
  } else if (kind === KIND_IDS.utf8) {
    end = appendText(builder, value as string);
  } else {
    const bytes = kind === KIND_IDS.bytes ? (value as Uint8Array) : encodeValue(value);
    end = copyBytes(bytes, 0, bytes.length, builder.reserve(bytes.length), builder.valueAt);
  }
  if (end - builder.valueAt > limits.recordBytesMax) throw valueTooLarge();
  builder.commit(key, 0, key.length, kind, end, weight);
}

/** Three bytes of UTF-8 are room enough for each unit of a string. */
function appendText(builder: BlockBuilder, text: string): number {
  if (text.length > limits.recordBytesMax) throw valueTooLarge();
  const end = encodeUtf8Into(text, builder.reserve(text.length * 3), builder.valueAt);
  // A lone surrogate: refused there, with the path.
  if (end < 0) encodeValue(text);
  return end;
}
