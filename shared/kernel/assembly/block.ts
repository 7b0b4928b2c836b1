/**
 * The columns of blocks (`shared/codec/block.ts`): written from sorted rows, and checked before anything trusts them.
 *
 * Both count what the conservation laws compare: records, emits folded into them, and the wrapping sum of xxh64 over each
 * record's key length, key and value.
 */
import { copyShort } from './bytes';
import { columnsBytes, copyRowForm, KEY, KEY_LENGTH, rowBytes, stride, WEIGHT, writeRow } from './layout';
import { RECORD, RECORD_BYTES } from './places';
import { sortedRow } from './sort';
import { xxh64 } from './xxh64';

export const KIND_F64: u32 = 1;
export const KIND_STATE: u32 = 5;
const WEIGHT_MAX: u64 = 9007199254740991;
const KEY_BYTES_MAX: u32 = 65536;
/** A row's share of its ends and weight, as blocks are measured. */
const ROW_OVERHEAD: u32 = 8;

let keys: usize = 0;
let ends: usize = 0;
let values: usize = 0;
let valueEnds: usize = 0;
let weights: usize = 0;
let room: u32 = 0;
let target: u32 = 0;

/** Of the block that is being written, which may go on after others were checked. */
export let keyBytes: u32 = 0;
export let valueBytes: u32 = 0;
export let weighted: bool = false;
/** The kind of all its values, 0 when they differ. */
export let kind: u32 = 0;
export let weight: u64 = 0;
export let sum: u64 = 0;
/** The row does not fit into the block's places: it has to be written in another way. */
export let oversize: bool = false;

/** Where columns are written: keys and values with room for `bytes` each, u32 ends of both, u64 weights. */
export function blockPlaces(
  keysAt: usize,
  endsAt: usize,
  valuesAt: usize,
  valueEndsAt: usize,
  weightsAt: usize,
  bytes: u32,
  targetBytes: u32,
): void {
  keys = keysAt;
  ends = endsAt;
  values = valuesAt;
  valueEnds = valueEndsAt;
  weights = weightsAt;
  room = bytes;
  target = targetBytes;
}

function begin(): void {
  keyBytes = 0;
  valueBytes = 0;
  weighted = false;
  kind = 0;
  weight = 0;
  sum = 0;
  oversize = false;
}

@inline
function entryAt(start: usize, sorted: bool, place: u32): usize {
  return start + <usize>(sorted ? sortedRow(place) : place) * stride;
}

/**
 * Writes entries from place `from` on, until the block is full or `to` is reached; returns the place after the last.
 * `sorted`: places are those of the sort, else numbers of entries.
 */
export function writeStates(start: usize, sorted: bool, from: u32, to: u32): u32 {
  begin();
  let end = from;
  for (let bytes: u32 = 0; end < to && bytes < target; end++) {
    bytes += load<u32>(entryAt(start, sorted, end), KEY_LENGTH) + rowBytes + ROW_OVERHEAD;
  }
  const rows = end - from;
  kind = KIND_STATE;
  valueBytes = columnsBytes(rows);
  memory.fill(values, 0, valueBytes);
  for (let row: u32 = 0; row < rows; row++) {
    const entry = entryAt(start, sorted, from + row);
    const key = <usize>load<u32>(entry, KEY);
    const length = load<u32>(entry, KEY_LENGTH);
    copyShort(keys + keyBytes, key, length);
    keyBytes += length;
    store<u32>(ends + (<usize>row << 2), keyBytes);
    writeRow(entry, values, rows, row);
    putWeight(row, load<u64>(entry, WEIGHT));
    store<u32>(RECORD, length);
    copyShort(RECORD + 4, key, length);
    copyRowForm(values, rows, row, RECORD + 4 + length);
    sum += xxh64(RECORD, 4 + length + rowBytes, 0);
  }
  return end;
}

@inline
function putWeight(row: u32, rowWeight: u64): void {
  store<u64>(weights + (<usize>row << 3), rowWeight);
  weight += rowWeight;
  if (rowWeight != 1) weighted = true;
}

/** A row of the arena: u32 where its key is (with 4 bytes before it, the value behind it), u32 key length, u32 value length, u32 kind. */
let arenaRows: usize = 0;
/** Rows that a merge gives: u32 key, u32 length, u32 value, u32 length, u32 kind and flags, u32 source, u64 weight, u32 row. */
let mergedRows: usize = 0;
export const MERGED_BYTES: usize = 40;

export function arenaRowsAt(first: usize): void {
  arenaRows = first;
}

export function mergedRowsAt(first: usize): void {
  mergedRows = first;
}

/** Writes the arena's sorted rows from place `from` on: each one emit. Returns the place after the last. */
export function writeArenaRows(from: u32, to: u32): u32 {
  begin();
  for (let place = from; place < to; place++) {
    if (keyBytes + valueBytes + (place - from) * ROW_OVERHEAD >= target) return place;
    const at = arenaRows - (<usize>sortedRow(place) << 4);
    const key = <usize>load<u32>(at);
    const length = load<u32>(at, 4);
    const bytes = load<u32>(at, 8);
    if (isOver(place == from, length, bytes)) return place;
    store<u32>(key - 4, length);
    sum += xxh64(key - 4, 4 + length + bytes, 0);
    putRow(place - from, key, length, key + length, bytes, load<u32>(at, 12), 1);
  }
  return to;
}

/** The row is of another kind than the block's rows before it. */
export let mixed: bool = false;

/**
 * Writes rows of a merge from number `from` on, into a block that has `rows` already. Returns the number after the last: `to`, or
 * less when the block is full, or the row does not fit into it.
 */
export function writeMergedRows(from: u32, to: u32, rows: u32): u32 {
  if (rows == 0) begin();
  mixed = false;
  for (let number = from; number < to; number++, rows++) {
    if (keyBytes + valueBytes + rows * ROW_OVERHEAD >= target) return number;
    const at = mergedRows + <usize>number * MERGED_BYTES;
    const key = <usize>load<u32>(at);
    const length = load<u32>(at, 4);
    const value = <usize>load<u32>(at, 8);
    const bytes = load<u32>(at, 12);
    const valueKind = load<u32>(at, 16) & 0xff;
    if (rows > 0 && valueKind != kind) {
      mixed = true;
      return number;
    }
    if (isOver(rows == 0, length, bytes)) return number;
    sum += hashOf(key, length, value, bytes);
    putRow(rows, key, length, value, bytes, valueKind, load<u64>(at, 24));
  }
  return to;
}

@inline
function isOver(first: bool, length: u32, bytes: u32): bool {
  if (keyBytes + length <= room && valueBytes + bytes <= room && length + bytes + 4 <= RECORD_BYTES) return false;
  oversize = first;
  return true;
}

@inline
function hashOf(key: usize, length: u32, value: usize, bytes: u32): u64 {
  store<u32>(RECORD, length);
  copyShort(RECORD + 4, key, length);
  copyShort(RECORD + 4 + length, value, bytes);
  return xxh64(RECORD, 4 + length + bytes, 0);
}

@inline
function putRow(row: u32, key: usize, length: u32, value: usize, bytes: u32, valueKind: u32, rowWeight: u64): void {
  copyShort(keys + keyBytes, key, length);
  keyBytes += length;
  store<u32>(ends + (<usize>row << 2), keyBytes);
  if (valueKind == KIND_F64) store<u64>(values + valueBytes, load<u64>(value));
  else copyShort(values + valueBytes, value, bytes);
  valueBytes += bytes;
  store<u32>(valueEnds + (<usize>row << 2), valueBytes);
  putWeight(row, rowWeight);
  kind = row == 0 || kind == valueKind ? valueKind : 0;
}

/** Of the last block that was checked. */
export let checkedWeight: u64 = 0;
export let checkedSum: u64 = 0;

/** Columns that came from outside: 0 when they hold together, 1 when they do not, 2 when a record is too large to be hashed here. */
export function checkBlock(
  rows: u32,
  keysAt: usize,
  keysBytes: u32,
  endsAt: usize,
  valueKind: u32,
  valuesAt: usize,
  valuesBytes: u32,
  valueEndsAt: usize,
  weightsAt: usize,
): i32 {
  checkedWeight = 0;
  checkedSum = 0;
  if (!checkEnds(endsAt, rows, keysBytes, 1, KEY_BYTES_MAX)) return 1;
  if (valueEndsAt != 0 && !checkEnds(valueEndsAt, rows, valuesBytes, 0, valuesBytes)) return 1;
  if (!checkWeights(weightsAt, rows)) return 1;
  let start: u32 = 0;
  let valueStart: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    const end = load<u32>(endsAt + (<usize>row << 2));
    const length = end - start;
    if (valueKind == KIND_STATE) {
      store<u32>(RECORD, length);
      copyShort(RECORD + 4, keysAt + start, length);
      copyRowForm(valuesAt, rows, row, RECORD + 4 + length);
      checkedSum += xxh64(RECORD, 4 + length + rowBytes, 0);
    } else {
      const valueEnd = valueKind == KIND_F64 ? valueStart + 8 : load<u32>(valueEndsAt + (<usize>row << 2));
      if (length + (valueEnd - valueStart) + 4 > RECORD_BYTES) return 2;
      checkedSum += hashOf(keysAt + start, length, valuesAt + valueStart, valueEnd - valueStart);
      valueStart = valueEnd;
    }
    start = end;
  }
  return 0;
}

function checkEnds(at: usize, rows: u32, bytes: u32, least: u32, most: u32): bool {
  let start: u32 = 0;
  for (let row: u32 = 0; row < rows; row++, at += 4) {
    const end = load<u32>(at);
    if (end < start || end - start < least || end - start > most) return false;
    start = end;
  }
  return start == bytes;
}

function checkWeights(at: usize, rows: u32): bool {
  if (at == 0) {
    checkedWeight = rows;
    return true;
  }
  for (let row: u32 = 0; row < rows; row++, at += 8) {
    const one = load<u64>(at);
    if (one - 1 >= WEIGHT_MAX) return false;
    checkedWeight += one;
  }
  return true;
}
