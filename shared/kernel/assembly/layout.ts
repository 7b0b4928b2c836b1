/**
 * States of fixed width: the parts of an aggregator in an entry, in row form and in columns (`shared/codec/state.ts`).
 *
 * An entry is: u32 where its key is, u32 the key's length, u64 first and u64 last 8 bytes of the key, u64 weight, then 24
 * bytes for a sum and 8 for a minimum or maximum. A count is the weight: every emit counts once.
 */
import { addFixed, addNumber, rounded, SUM_BYTES } from './exact-sum';

const COUNT: u32 = 1;
const SUM: u32 = 2;
const MIN: u32 = 3; // 4 is a maximum

export const KEY: usize = 0;
export const KEY_LENGTH: usize = 4;
export const FIRST: usize = 8;
export const LAST: usize = 16;
export const WEIGHT: usize = 24;
const STATE: usize = 32;

const PARTS_MAX: u32 = 64;
const ids = memory.data(64);
const places = memory.data(256, 4);
let parts: u32 = 0;
/** Bytes of an entry. */
export let stride: u32 = 32;
/** Bytes of a state in row form. */
export let rowBytes: u32 = 0;

export function layoutBegin(): void {
  parts = 0;
  stride = <u32>STATE;
  rowBytes = 0;
}

/** False when there are too many parts. */
export function layoutPart(id: u32): bool {
  if (parts == PARTS_MAX) return false;
  store<u8>(ids + parts, <u8>id);
  store<u32>(places + (parts << 2), stride);
  parts++;
  stride += id == SUM ? SUM_BYTES : id == COUNT ? 0 : 8;
  rowBytes += id == SUM ? SUM_BYTES : id == COUNT ? 8 : 9;
  return true;
}

@inline
function place(entry: usize, part: u32): usize {
  return entry + load<u32>(places + (part << 2));
}

/** Makes a state to which nothing was added: NaN is no minimum yet. */
@inline
export function clear(entry: usize): void {
  store<u64>(entry, 0, WEIGHT);
  for (let part: u32 = 0; part < parts; part++) {
    const at = place(entry, part);
    const id = <u32>load<u8>(ids + part);
    if (id == SUM) {
      store<u64>(at, 0);
      store<u64>(at, 0, 8);
      store<u64>(at, 0, 16);
    } else if (id != COUNT) {
      store<f64>(at, NaN);
    }
  }
}

@inline
export function add(entry: usize, value: f64): void {
  store<u64>(entry, load<u64>(entry, WEIGHT) + 1, WEIGHT);
  if (parts == 1 && load<u8>(ids) == <u8>SUM) addNumber(entry + STATE, value);
  else addAll(entry, value);
}

function addAll(entry: usize, value: f64): void {
  for (let part: u32 = 0; part < parts; part++) {
    const id = <u32>load<u8>(ids + part);
    if (id == COUNT) continue;
    const at = place(entry, part);
    if (id == SUM) addNumber(at, value);
    else extreme(at, id, value);
  }
}

/** Adds 1 so many times, or takes it back: only where no part is a minimum or maximum. */
export function addOnes(entry: usize, times: i32): void {
  store<u64>(entry, load<u64>(entry, WEIGHT) + <u64>times, WEIGHT);
  for (let part: u32 = 0; part < parts; part++) {
    if (load<u8>(ids + part) == <u8>SUM) addNumber(place(entry, part), <f64>times);
  }
}

/** Comparisons with NaN are false, so that the first value is always taken. `+ 0` makes 0 of -0. */
@inline
function extreme(at: usize, id: u32, value: f64): void {
  const held = load<f64>(at);
  if (id == MIN ? !(held <= value) : !(held >= value)) store<f64>(at, value + 0.0);
}

@inline
function columnBytes(id: u32, rows: u32): usize {
  if (id == SUM) return <usize>rows * SUM_BYTES;
  return id == COUNT ? <usize>rows << 3 : (<usize>rows << 3) + ((rows + 7) >> 3);
}

/** Bytes of all columns. */
export function columnsBytes(rows: u32): u32 {
  let bytes: usize = 0;
  for (let part: u32 = 0; part < parts; part++) bytes += columnBytes(load<u8>(ids + part), rows);
  return <u32>bytes;
}

/**
 * Merges row `row` of columns into an entry, whose weight the caller sees to. False when its sum would not fit: the sum is as
 * it was, and extremes may be merged again.
 */
export function mergeRow(entry: usize, columns: usize, rows: u32, row: u32): bool {
  for (let part: u32 = 0; part < parts; part++) {
    const id = <u32>load<u8>(ids + part);
    if (id == SUM) {
      if (!addFixed(place(entry, part), columns + <usize>row * SUM_BYTES)) return false;
    } else if (id != COUNT) {
      if (isPresent(columns, rows, row)) extreme(place(entry, part), id, load<f64>(columns + (<usize>row << 3)));
    }
    columns += columnBytes(id, rows);
  }
  return true;
}

@inline
function isPresent(column: usize, rows: u32, row: u32): bool {
  return ((load<u8>(column + (<usize>rows << 3) + (row >> 3)) >> <u8>(row & 7)) & 1) != 0;
}

/** Writes an entry's state as row `row` of columns whose bits are 0. */
export function writeRow(entry: usize, columns: usize, rows: u32, row: u32): void {
  for (let part: u32 = 0; part < parts; part++) {
    const id = <u32>load<u8>(ids + part);
    const at = place(entry, part);
    if (id == SUM) {
      const to = columns + <usize>row * SUM_BYTES;
      store<u64>(to, load<u64>(at));
      store<u64>(to, load<u64>(at, 8), 8);
      store<u64>(to, load<u64>(at, 16), 16);
    } else if (id == COUNT) {
      store<u64>(columns + (<usize>row << 3), load<u64>(entry, WEIGHT));
    } else {
      const value = load<f64>(at);
      if (value == value) {
        store<f64>(columns + (<usize>row << 3), value);
        const bits = columns + (<usize>rows << 3) + (row >> 3);
        store<u8>(bits, load<u8>(bits) | (<u8>1 << <u8>(row & 7)));
      } else {
        store<f64>(columns + (<usize>row << 3), 0);
      }
    }
    columns += columnBytes(id, rows);
  }
}

/** Writes row `row` of columns in row form. */
export function copyRowForm(columns: usize, rows: u32, row: u32, to: usize): void {
  for (let part: u32 = 0; part < parts; part++) {
    const id = <u32>load<u8>(ids + part);
    if (id == SUM) {
      const at = columns + <usize>row * SUM_BYTES;
      store<u64>(to, load<u64>(at));
      store<u64>(to, load<u64>(at, 8), 8);
      store<u64>(to, load<u64>(at, 16), 16);
      to += SUM_BYTES;
    } else {
      store<u64>(to, load<u64>(columns + (<usize>row << 3)));
      to += 8;
      if (id != COUNT) store<u8>(to++, <u8>isPresent(columns, rows, row));
    }
    columns += columnBytes(id, rows);
  }
}

/** The result of one part of an entry: NaN for an extreme of nothing, which does not occur. */
export function finishPart(entry: usize, part: u32): f64 {
  const id = <u32>load<u8>(ids + part);
  if (id == COUNT) return <f64>load<u64>(entry, WEIGHT);
  return id == SUM ? rounded(place(entry, part)) : load<f64>(place(entry, part));
}
