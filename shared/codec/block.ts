/**
 * A block: about 256 KiB of records sorted by key, as columns.
 *
 * Version 1, msgpack: `[version, rows, keyBytes, keyEnds, valueKind, values, valueEnds, weights]`; columns are `bin`,
 * little-endian.
 *
 *     rows       at least 1
 *     keyBytes   the keys' encodings, one after the other; keyEnds: u32 each, where a key ends
 *     valueKind  1 f64, 2 utf8, 3 bytes, 4 msgpack, or for states [5 or 6 (state or wide), ids of the layout...]
 *     values     f64: 8 bytes each; state: columns, see `state.ts`; others: the values one after the other, and
 *     valueEnds  u32 each, where a value ends; nil for f64 and state
 *     weights    u64 each: emits that are folded into a record; nil when all are 1
 *
 * Nothing here covers the bytes with a checksum: the frame does.
 */
import { Packr } from 'msgpackr';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { xxh64 } from './checksum.js';
import { copyStateRow, layoutIds, layoutOfIds, stateColumnsBytes, stateRowBytes, type Layout } from './state.js';
import { decodeUtf8 } from './utf8.js';
import { decodeValueAt } from './value.js';

const VERSION = 1;

/** Plain msgpack, which any language reads: without records, msgpackr's own extension. */
const packr = new Packr({ useRecords: false });

export type ValueKind = 'f64' | 'utf8' | 'bytes' | 'msgpack' | 'state' | 'wide';
export const KIND_IDS: Readonly<Record<ValueKind, number>> = {
  f64: 1,
  utf8: 2,
  bytes: 3,
  msgpack: 4,
  state: 5,
  wide: 6,
};
const kinds = Object.keys(KIND_IDS) as ValueKind[];

export interface Block {
  readonly rows: number;
  readonly keyBytes: Uint8Array;
  readonly keyEnds: Uint32Array;
  readonly kind: ValueKind;
  /** The parts of a state; empty for other kinds. */
  readonly layout: Layout;
  readonly values: Uint8Array;
  readonly valueEnds: Uint32Array | undefined;
  /** Undefined when every record is one emit. */
  readonly weights: Float64Array | undefined;
}

if (new Uint8Array(new Uint16Array([1]).buffer)[0] !== 1) {
  throw new GristmillError('internal', 'columns are little-endian, as this machine is not');
}

/** A block as it is packed: each column the bytes that go into the msgpack, or that came out of it. */
export interface BlockColumns {
  readonly rows: number;
  readonly keyBytes: Uint8Array;
  readonly keyEnds: Uint8Array;
  readonly kind: ValueKind;
  readonly layout: Layout;
  readonly values: Uint8Array;
  readonly valueEnds: Uint8Array | undefined;
  readonly weights: Uint8Array | undefined;
}

/** Columns are taken as they lie in memory: a copy of bytes, not a loop. */
function bytesOf(column: Uint32Array): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

export function encodeBlock(block: Block): Uint8Array {
  const { keyEnds, valueEnds, weights } = block;
  return encodeColumns({
    ...block,
    keyEnds: bytesOf(keyEnds),
    valueEnds: valueEnds && bytesOf(valueEnds),
    weights: weights && encodeWeights(weights),
  });
}

/** The columns are copied. */
export function encodeColumns(columns: BlockColumns): Uint8Array {
  const { rows, keyBytes, keyEnds, kind, layout, values, valueEnds, weights } = columns;
  const id = KIND_IDS[kind];
  return packr.pack([
    VERSION,
    rows,
    keyBytes,
    keyEnds,
    layout.length === 0 ? id : [id, ...layoutIds(layout)],
    values,
    valueEnds ?? null,
    weights ?? null,
  ]);
}

function encodeWeights(weights: Float64Array): Uint8Array {
  const words = new Uint32Array(weights.length * 2);
  weights.forEach((weight, row) => {
    words[row * 2] = weight;
    words[row * 2 + 1] = Math.floor(weight / 2 ** 32);
  });
  return bytesOf(words);
}

/** Key and value bytes are views of `bytes`. Refuses what does not fit together with `block-corrupt`. */
export function decodeBlock(bytes: Uint8Array): Block {
  const columns = decodeColumns(bytes);
  const { rows, keyBytes, keyEnds, values, valueEnds, weights } = columns;
  return {
    ...columns,
    keyEnds: decodeEnds(keyEnds, rows, keyBytes, 1, limits.keyBytesMax),
    valueEnds: valueEnds && decodeEnds(valueEnds, rows, values, 0, values.length),
    weights: weights && decodeWeights(weights, rows),
  };
}

/** Views of `bytes` whose lengths fit together; what stands in ends and weights is not looked at. */
export function decodeColumns(bytes: Uint8Array): BlockColumns {
  const fields = unpack(bytes);
  if (!Array.isArray(fields) || fields.length !== 8 || fields[0] !== VERSION)
    return corrupt('not a block of version 1');
  const [, rows, keyBytes, keyEnds, valueKind, values, valueEnds, weights] = fields as unknown[];
  if (typeof rows !== 'number' || rows < 1 || !Number.isInteger(rows)) return corrupt('the number of rows');
  if (!(keyBytes instanceof Uint8Array) || !(values instanceof Uint8Array)) return corrupt('a column is missing');
  const [kindId, ...ids] = Array.isArray(valueKind) ? (valueKind as unknown[]) : [valueKind];
  const kind = kinds.find((name) => KIND_IDS[name] === kindId);
  const isState = kind === 'state' || kind === 'wide';
  const layout = isState ? layoutOfIds(ids) : [];
  if (kind === undefined || layout === undefined || isState !== Array.isArray(valueKind)) return corrupt('value kind');
  const fixedBytes = kind === 'f64' ? rows * 8 : kind === 'state' ? stateColumnsBytes(layout, rows) : undefined;
  if (fixedBytes !== undefined && (values.length !== fixedBytes || valueEnds !== null)) return corrupt('the values');
  return {
    rows,
    keyBytes: viewOf(keyBytes),
    keyEnds: columnOf(keyEnds, rows * 4),
    kind,
    layout,
    values: viewOf(values),
    valueEnds: fixedBytes === undefined ? columnOf(valueEnds, rows * 4) : undefined,
    weights: weights === null ? undefined : columnOf(weights, rows * 8),
  };
}

/** Binaries come as Buffers. */
function viewOf(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function columnOf(column: unknown, bytes: number): Uint8Array {
  return column instanceof Uint8Array && column.length === bytes ? viewOf(column) : corrupt('the length of a column');
}

/** What msgpackr throws may quote the data, so it goes no further. */
function unpack(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch {
    return corrupt('it is not msgpack');
  }
}

function decodeEnds(
  ends: Uint8Array,
  rows: number,
  bytes: Uint8Array,
  lengthMin: number,
  lengthMax: number,
): Uint32Array {
  const column = decodeWords(ends);
  let start = 0;
  for (let row = 0; row < rows; row++) {
    const end = column[row] as number;
    if (end < start + lengthMin || end > start + lengthMax) corrupt('the ends of a column');
    start = end;
  }
  if (start !== bytes.length) corrupt('the ends of a column');
  return column;
}

function decodeWeights(bytes: Uint8Array, rows: number): Float64Array {
  const words = decodeWords(bytes);
  const weights = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const weight = (words[row * 2] as number) + (words[row * 2 + 1] as number) * 2 ** 32;
    if (weight < 1 || weight > Number.MAX_SAFE_INTEGER) corrupt('a weight');
    weights[row] = weight;
  }
  return weights;
}

/** A copy, for a view of words has to begin at a multiple of 4. */
function decodeWords(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

function corrupt(what: string): never {
  throw new GristmillError('block-corrupt', `a block does not hold together: ${what}`);
}

/** Where the key of a row begins. */
export function keyStart(block: Block, row: number): number {
  return row === 0 ? 0 : (block.keyEnds[row - 1] as number);
}

const scalar = new Uint8Array(8);
const scalarFloat = new Float64Array(scalar.buffer);

/** The value of a row of a kind other than `state` and `wide`. */
export function valueAt(block: Block, row: number): unknown {
  const { kind, values, valueEnds } = block;
  if (kind === 'f64') {
    for (let i = 0, at = row * 8; i < 8; i++) scalar[i] = values[at + i] as number;
    return scalarFloat[0];
  }
  if (valueEnds === undefined || kind === 'wide') throw new GristmillError('internal', 'a state is not a value');
  const start = row === 0 ? 0 : (valueEnds[row - 1] as number);
  const end = valueEnds[row] as number;
  if (kind === 'utf8') return decodeUtf8(values, start, end);
  return kind === 'bytes' ? new Uint8Array(values.subarray(start, end)) : decodeValueAt(values, start, end);
}

/** Bytes of a row's value, as `copyValue` writes them. */
export function valueBytes(block: Block, row: number): number {
  if (block.kind === 'f64') return 8;
  if (block.valueEnds === undefined) return stateRowBytes(block.layout);
  return (block.valueEnds[row] as number) - (row === 0 ? 0 : (block.valueEnds[row - 1] as number));
}

/** Writes the bytes of a row's value, states in row form, where the caller has made room; returns the new end. */
export function copyValue(block: Block, row: number, target: Uint8Array, offset: number): number {
  const { kind, values, valueEnds } = block;
  if (kind === 'state') return copyStateRow(block.layout, block.rows, values, row, target, offset);
  const start = kind === 'f64' ? row * 8 : row === 0 ? 0 : ((valueEnds as Uint32Array)[row - 1] as number);
  return copyBytes(values, start, start + valueBytes(block, row), target, offset);
}

/** Short ranges are copied faster by a loop than by a call. */
export function copyBytes(source: Uint8Array, start: number, end: number, target: Uint8Array, offset: number): number {
  if (end - start > 64) {
    target.set(source.subarray(start, end), offset);
  } else {
    for (let from = start, to = offset; from < end; from++, to++) target[to] = source[from] as number;
  }
  return offset + end - start;
}

/** What the conservation laws compare: records, emits folded into them, and the wrapping sum of their checksums. */
export interface Totals {
  readonly records: number;
  readonly weight: number;
  readonly sum: bigint;
}

let row64 = new Uint8Array(4096);

/** The sum is, modulo 2^64, that of xxh64 of each record's key length (u32), key and value (states in row form). */
export function totalsOf(block: Block): Totals {
  let sum = 0n;
  let weight = 0;
  for (let row = 0; row < block.rows; row++) {
    const start = keyStart(block, row);
    const end = block.keyEnds[row] as number;
    const bytes = 4 + end - start + valueBytes(block, row);
    if (bytes > row64.length) row64 = new Uint8Array(bytes * 2);
    for (let i = 0, length = end - start; i < 4; i++, length >>>= 8) row64[i] = length;
    copyValue(block, row, row64, copyBytes(block.keyBytes, start, end, row64, 4));
    sum = BigInt.asUintN(64, sum + xxh64(row64.subarray(0, bytes)));
    weight += block.weights ? (block.weights[row] as number) : 1;
  }
  return { records: block.rows, weight, sum };
}
