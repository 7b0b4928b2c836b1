/**
 * The combining table: an index of slots over dense entries.
 *
 *   region   | entries, upwards ->        <- keys, downwards | index, then what sorting needs |
 *
 * A slot is u32 hash, u32 number of the entry plus 1; 0 is free. The index is never more than half full, so a probe ends. It grows by
 * doubling: an index of n bytes lies n bytes into its half, so the next one never overlaps it. Entries and keys stay where
 * they are. A key has 4 bytes before it, in which its length is put when it is hashed as part of its record.
 */
import { copyShort, equalBytes, first8, last8 } from './bytes';
import { add, clear, FIRST, KEY, KEY_LENGTH, LAST, stride } from './layout';

const SLOT: usize = 8;
const SLOTS_AT_FIRST: u32 = 2048;
/** Below the lowest key, for copies in steps of 16 bytes never reach an entry. */
const GAP: usize = 32;

/** Emits whose slots and entries are asked for before the first of them is waited for. */
const TOGETHER: u32 = 64;
/** Of their keys, at most. */
const GROUP_BYTES: u32 = 16384;
const hashes = memory.data((TOGETHER + 1) << 2, 4);

let entriesStart: usize = 0;
let keysEnd: usize = 0;
let keysLow: usize = 0;
let indexStart: usize = 0;
let slots: u32 = 0;
let slotsMax: u32 = 0;
let entries: u32 = 0;
/** Probes that went past a slot of another key, for tests. */
export let collisions: u32 = 0;

export function tableEntries(): u32 {
  return entries;
}

export function tableStart(): usize {
  return entriesStart;
}

/** The index's region, of 16 bytes for each of `slotsMax` slots: sorting may use all of it once nothing more is added. */
export function tableIndex(): usize {
  return indexStart;
}

/** `slotsMax`: a power of two from 2048 on. */
export function tableInit(start: usize, bytes: usize, mostSlots: u32): void {
  entriesStart = start;
  slotsMax = mostSlots;
  indexStart = start + bytes - (<usize>mostSlots << 4);
  keysEnd = indexStart - 64;
  slots = SLOTS_AT_FIRST;
  tableClear();
}

export function tableClear(): void {
  entries = 0;
  keysLow = keysEnd;
  memory.fill(index(), 0, <usize>slots * SLOT);
}

@inline
function index(): usize {
  return indexStart + <usize>slots * SLOT;
}

/** Only for the table, never stored. */
@inline
export function tableHash(at: usize, length: u32, first: u64, last: u64): u32 {
  let hash = (first ^ length) * 0x9e3779b97f4a7c15;
  if (length > 16) hash = middleHash(at, length, hash);
  hash = (rotl<u64>(hash, 29) ^ last) * 0xc2b2ae3d27d4eb4f;
  hash = (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15;
  return <u32>(hash >> 32);
}

function middleHash(at: usize, length: u32, hash: u64): u64 {
  for (let i: u32 = 8; i < length - 8; i += 8) {
    hash = (rotl<u64>(hash, 29) ^ load<u64>(at + i)) * 0xc2b2ae3d27d4eb4f;
  }
  return hash;
}

/**
 * Adds the emits `[from, to)` of a batch: keys one after the other from `keys` on, u32 ends of them, f64 values. Returns the
 * first that was not added, for want of room.
 */
export function tableAdd(keys: usize, ends: usize, values: usize, from: u32, to: u32): u32 {
  for (let row = from; row < to; ) {
    const stop = groupEnd(ends, row, to);
    fetch(keys, ends, row, stop);
    const added = addFetched(keys, ends, values, row, stop);
    if (added < stop) return added;
    row = stop;
  }
  return to;
}

/** Few enough emits, with keys short enough, for the nearest level of the processor's cache; one at least. */
@inline
function groupEnd(ends: usize, row: u32, to: u32): u32 {
  let stop = min<u32>(row + TOGETHER, to);
  const start = endOf(ends, row);
  while (stop > row + 1 && endOf(ends, stop) - start > GROUP_BYTES) stop = row + ((stop - row) >> 1);
  return stop;
}

@inline
function endOf(ends: usize, row: u32): u32 {
  return row == 0 ? 0 : load<u32>(ends + (<usize>(row - 1) << 2));
}

/** Slots and entries are far apart in memory: all are asked for before the first is waited for. Leaves the hash of each key. */
function fetch(keys: usize, ends: usize, from: u32, to: u32): void {
  const mask = (slots << 3) - 1;
  const base = index();
  let fetched: u32 = 0;
  let start = endOf(ends, from);
  for (let row = from; row < to; row++) {
    const end = load<u32>(ends + (<usize>row << 2));
    const at = keys + start;
    const length = end - start;
    const hash = tableHash(at, length, first8(at, length), last8(at, length));
    store<u32>(hashes + (<usize>(row - from) << 2), hash);
    fetched |= load<u32>(base + ((hash << 3) & mask));
    start = end;
  }
  for (let row: u32 = 0; row < to - from; row++) {
    const number = load<u32>(base + ((load<u32>(hashes + (<usize>row << 2)) << 3) & mask), 4);
    fetched |= fetchEntry(number == 0 ? 0 : entriesStart + <usize>(number - 1) * stride);
  }
  store<u32>(hashes + (TOGETHER << 2), fetched);
}

/** Asks for the memory of an entry, if there is one, which may be on two lines of the cache. The result is only there to be used. */
@inline
export function fetchEntry(entry: usize): u32 {
  return entry == 0 ? 0 : load<u32>(entry) | load<u32>(entry + stride - 4);
}

function addFetched(keys: usize, ends: usize, values: usize, from: u32, to: u32): u32 {
  let start = endOf(ends, from);
  for (let row = from; row < to; row++) {
    const end = load<u32>(ends + (<usize>row << 2));
    const entry = entryOf(keys + start, end - start, load<u32>(hashes + (<usize>(row - from) << 2)));
    if (entry == 0) return row;
    add(entry, load<f64>(values + (<usize>row << 3)));
    start = end;
  }
  return to;
}

/** The entry of a key, without any emit when it is new; 0 when there is no room for it. */
export function tableEntry(at: usize, length: u32): usize {
  return entryOf(at, length, tableHash(at, length, first8(at, length), last8(at, length)));
}

/** As `tableAdd`, with an entry of its own for each emit. */
export function tableAppend(keys: usize, ends: usize, values: usize, from: u32, to: u32): u32 {
  let start = endOf(ends, from);
  for (let row = from; row < to; row++) {
    const end = load<u32>(ends + (<usize>row << 2));
    const at = keys + start;
    const length = end - start;
    const entry = made(at, length, first8(at, length), last8(at, length));
    if (entry == 0) return row;
    add(entry, load<f64>(values + (<usize>row << 3)));
    start = end;
  }
  return to;
}

@inline
function entryOf(at: usize, length: u32, hash: u32): usize {
  const first = first8(at, length);
  const last = last8(at, length);
  const mask = (slots << 3) - 1;
  const base = index();
  let slot = (hash << 3) & mask;
  while (true) {
    const found = load<u64>(base + slot);
    if (found == 0) {
      const entry = made(at, length, first, last);
      if (entry == 0) return 0;
      store<u64>(base + slot, (<u64>entries << 32) | hash);
      if (entries == slots >> 1 && slots < slotsMax) grow();
      return entry;
    }
    if (<u32>found == hash) {
      const entry = entriesStart + <usize>(<u32>(found >> 32) - 1) * stride;
      if (
        load<u32>(entry, KEY_LENGTH) == length &&
        load<u64>(entry, FIRST) == first &&
        load<u64>(entry, LAST) == last &&
        (length <= 16 || equalBytes(load<u32>(entry, KEY) + 8, at + 8, length - 16))
      ) {
        return entry;
      }
    }
    collisions++;
    slot = (slot + 8) & mask;
  }
}

/** A new entry, or 0 when there is no room for it. */
function made(at: usize, length: u32, first: u64, last: u64): usize {
  const entry = entriesStart + <usize>entries * stride;
  const key = (keysLow - length) & ~(<usize>3);
  if (entries == slotsMax >> 1 || entry + stride + GAP + 4 + length > keysLow) return 0;
  keysLow = key - 4;
  copyKey(key, at, length);
  store<u32>(entry, <u32>key, KEY);
  store<u32>(entry, length, KEY_LENGTH);
  store<u64>(entry, first, FIRST);
  store<u64>(entry, last, LAST);
  clear(entry);
  entries++;
  return entry;
}

/** The bytes behind the key are those of the key before, so nothing may be written there. */
@inline
function copyKey(to: usize, from: usize, length: u32): void {
  if (length >= 16) {
    const last = length - 16;
    if (length > 256) memory.copy(to, from, length);
    else for (let i: u32 = 0; i < last; i += 16) v128.store(to + i, v128.load(from + i));
    v128.store(to + last, v128.load(from + last));
  } else if (length >= 8) {
    store<u64>(to, load<u64>(from));
    store<u64>(to + length - 8, load<u64>(from + length - 8));
  } else {
    for (let i: u32 = 0; i < length; i++) store<u8>(to + i, load<u8>(from + i));
  }
}

function grow(): void {
  const old = index();
  const oldEnd = old + <usize>slots * SLOT;
  slots <<= 1;
  const base = index();
  const mask = (slots << 3) - 1;
  memory.fill(base, 0, <usize>slots * SLOT);
  for (let at = old; at < oldEnd; at += SLOT) {
    const found = load<u64>(at);
    if (found == 0) continue;
    let slot = (<u32>found << 3) & mask;
    while (load<u64>(base + slot) != 0) slot = (slot + 8) & mask;
    store<u64>(base + slot, found);
  }
}
