/**
 * Entries of the combining table by short keys: strings of up to 12 ASCII characters, packed into three words. Most keys of most
 * jobs are such strings, and most emits are of few of them, which come early: so the cache keeps those that come first, and
 * the others are looked up in the table.
 *
 * A bucket is a line of the processor's memory cache: the three words of four keys, first words together, then second, then third
 * ones, of which the first is 0 where nothing is kept only; and how many emits of 1 each entry does not have yet. Four keys are
 * compared at once, so that what branches depend on is nearly always the same, and many lookups wait for memory together. What
 * does not fit into its bucket is in the next one that is not full. What only other emits need, the entries' addresses, lies elsewhere.
 * Buckets and addresses of n bytes lie n bytes into their regions, so those of the next size never overlap them.
 *
 * Words of a key: its length, 15 for 0, in the highest 4 bits, and its first four characters of 7 bits each; its last four
 * characters; its fifth to eighth one if there are more than eight, else 0. In a key that is shorter, the first or the last character is there
 * more than once.
 */
import { add, addOnes } from './layout';
import { fetchEntry, tableEntry } from './table';

const ROW: usize = 12;
/** Of a bucket: three columns of words, and one of emits of 1. */
const SECOND: usize = 16;
const THIRD: usize = 32;
const ONES: usize = 48;
const SLOTS_AT_FIRST: u32 = 2048;
/** Emits of 1 that are only in the cache, at most: counts of slots stay below 2^31. */
const ONES_MAX: u32 = 1 << 30;
/** Emits whose entries are asked for before the first of them is waited for. */
const TOGETHER: u32 = 64;
const KEY_TAG_STRING: u8 = 0x50;

const unpacked = memory.data(16, 16);
/** Of emits that are not counted: where the entry is, and the value. */
const waitingEntries = memory.data(TOGETHER << 2, 4);
const waitingValues = memory.data(TOGETHER << 3, 8);
let waiting: u32 = 0;
let slotsStart: usize = 0;
let addressesStart: usize = 0;
let slots: u32 = 0;
let slotsMax: u32 = 0;
/** Keys that may come before the cache grows. */
let room: u32 = 0;
/** Emits of 1 since the cache has had none. */
let ones: u32 = 0;
let countsOnes: bool = false;

/**
 * `mostSlots`: a power of two from 2048 on; of 32 bytes each from `slotsAt` and 8 from `addressesAt`. `canCountOnes`: every part of
 * the aggregator can add many ones at a time.
 */
export function cacheInit(slotsAt: usize, addressesAt: usize, mostSlots: u32, canCountOnes: bool): void {
  slotsStart = slotsAt;
  addressesStart = addressesAt;
  slotsMax = mostSlots;
  countsOnes = canCountOnes;
  slots = SLOTS_AT_FIRST;
  cacheClear();
}

/** Forgets all keys, and keeps its size. Emits of 1 that it has counted are lost. */
export function cacheClear(): void {
  memory.fill(bucketsBase(), 0, <usize>slots << 4);
  room = roomOf(slots);
  ones = 0;
  waiting = 0;
}

@inline
function roomOf(count: u32): u32 {
  return (count >> 2) * 3;
}

@inline
function bucketsBase(): usize {
  return slotsStart + (<usize>slots << 4);
}

@inline
function addressesBase(): usize {
  return addressesStart + (<usize>slots << 2);
}

/** The bucket where the search for a key begins, in bytes from the first. */
@inline
function placeOf(first: u32, second: u32, third: u32, mask: u32): u32 {
  const mixed = (first * 0x9e3779b1) ^ (second * 0x85ebca6b) ^ (third * 0xc2b2ae35);
  return ((mixed ^ (mixed >> 15)) << 6) & mask;
}

/**
 * Adds the emits `[from, to)`: keys of three words each from `keys` on, f64 values. Returns the first that was not added, for want
 * of room in the table.
 */
export function cacheAdd(keys: usize, values: usize, from: u32, to: u32): u32 {
  if (ones + (to - from) > ONES_MAX) cacheSettle();
  ones += to - from;
  for (let row = from; row < to; ) {
    const stop = min<u32>(row + TOGETHER, to);
    const found = findAll(keys, values, row, stop);
    if (waiting != 0) addWaiting();
    if (found < stop) return found;
    row = stop;
  }
  return to;
}

/** Counts emits of 1; the others wait, with the entries of their keys. Returns the first for whose entry there is no room. */
function findAll(keys: usize, values: usize, from: u32, to: u32): u32 {
  const counting = countsOnes;
  let base = bucketsBase();
  let mask = (slots << 4) - 1;
  for (let row = from; row < to; row++) {
    const at = keys + <usize>row * ROW;
    const first = load<u32>(at);
    const second = load<u32>(at, 4);
    const third = load<u32>(at, 8);
    const value = load<f64>(values + (<usize>row << 3));
    const firsts = i32x4.splat(first);
    const seconds = i32x4.splat(second);
    const thirds = i32x4.splat(third);
    let place = placeOf(first, second, third, mask);
    while (true) {
      const bucket = base + place;
      const inBucket = v128.load(bucket);
      const same = v128.and(
        i32x4.eq(inBucket, firsts),
        v128.and(i32x4.eq(v128.load(bucket, SECOND), seconds), i32x4.eq(v128.load(bucket, THIRD), thirds)),
      );
      const which = i32x4.bitmask(same);
      if (which != 0) {
        const lane = <u32>ctz(which);
        if (counting && value == 1) {
          const count = bucket + (<usize>lane << 2);
          store<u32>(count, load<u32>(count, ONES) + 1, ONES);
        } else {
          wait(load<u32>(addressesBase() + (place >> 2) + (<usize>lane << 2)), value);
        }
        break;
      }
      const free = i32x4.bitmask(i32x4.eq(inBucket, i32x4.splat(0)));
      if (free != 0) {
        const entry = newEntry(place, <u32>ctz(free), first, second, third);
        if (entry == 0) return row;
        wait(<u32>entry, value);
        base = bucketsBase();
        mask = (slots << 4) - 1;
        break;
      }
      place = (place + 64) & mask;
    }
  }
  return to;
}

@inline
function wait(entry: u32, value: f64): void {
  store<u32>(waitingEntries + (<usize>waiting << 2), entry);
  store<f64>(waitingValues + (<usize>waiting << 3), value);
  waiting++;
}

/** Entries are far apart in memory: all are asked for before the first is waited for. */
function addWaiting(): void {
  let fetched: u32 = 0;
  for (let i: u32 = 0; i < waiting; i++) fetched |= fetchEntry(load<u32>(waitingEntries + (<usize>i << 2)));
  store<u32>(unpacked, fetched);
  for (let i: u32 = 0; i < waiting; i++) {
    add(load<u32>(waitingEntries + (<usize>i << 2)), load<f64>(waitingValues + (<usize>i << 3)));
  }
  waiting = 0;
}

/** The entry of a key that is not in the cache, which keeps it if it may; 0 when the table has no room for it. */
function newEntry(place: u32, lane: u32, first: u32, second: u32, third: u32): usize {
  const entry = entryOf(first, second, third);
  if (entry != 0 && room > 0) {
    keep(place, lane, first, second, third, <u32>entry);
    if (--room == 0 && slots < slotsMax) grow();
  }
  return entry;
}

@inline
function keep(place: u32, lane: u32, first: u32, second: u32, third: u32, entry: u32): void {
  const at = bucketsBase() + place + (<usize>lane << 2);
  store<u32>(at, first);
  store<u32>(at, second, SECOND);
  store<u32>(at, third, THIRD);
  store<u32>(addressesBase() + (place >> 2) + (<usize>lane << 2), entry);
}

/** The key's entry in the table, made when there is none; 0 when there is no room for it. */
function entryOf(first: u32, second: u32, third: u32): usize {
  const length = (first >> 28) % 15;
  const at = unpacked;
  store<u8>(at, KEY_TAG_STRING);
  // Of a short key this writes its last character again and again: what is behind the key is not read.
  storeFour(at + 1, first);
  if (length > 8) storeFour(at + 5, third);
  if (length > 4) storeFour(at + 1 + length - 4, second);
  return tableEntry(at, length + 1);
}

@inline
function storeFour(to: usize, word: u32): void {
  store<u8>(to, <u8>((word >> 21) & 0x7f));
  store<u8>(to, <u8>((word >> 14) & 0x7f), 1);
  store<u8>(to, <u8>((word >> 7) & 0x7f), 2);
  store<u8>(to, <u8>(word & 0x7f), 3);
}

/** What the slots have counted goes to their entries. */
export function cacheSettle(): void {
  const base = bucketsBase();
  const addresses = addressesBase();
  for (let slot: u32 = 0; slot < slots; slot++) {
    const count = base + (<usize>(slot >> 2) << 6) + (<usize>(slot & 3) << 2);
    const times = load<u32>(count, ONES);
    if (times == 0) continue;
    addOnes(load<u32>(addresses + (<usize>slot << 2)), <i32>times);
    store<u32>(count, 0, ONES);
  }
  ones = 0;
}

function grow(): void {
  const old = bucketsBase();
  const oldAddresses = addressesBase();
  const oldSlots = slots;
  slots <<= 1;
  const base = bucketsBase();
  const mask = (slots << 4) - 1;
  memory.fill(base, 0, <usize>slots << 4);
  room = roomOf(slots) - roomOf(oldSlots);
  for (let slot: u32 = 0; slot < oldSlots; slot++) {
    const from = old + (<usize>(slot >> 2) << 6) + (<usize>(slot & 3) << 2);
    const first = load<u32>(from);
    if (first == 0) continue;
    const second = load<u32>(from, SECOND);
    const third = load<u32>(from, THIRD);
    let place = placeOf(first, second, third, mask);
    let free: i32 = 0;
    while ((free = i32x4.bitmask(i32x4.eq(v128.load(base + place), i32x4.splat(0)))) == 0) place = (place + 64) & mask;
    const lane = <u32>ctz(free);
    keep(place, lane, first, second, third, load<u32>(oldAddresses + (<usize>slot << 2)));
    store<u32>(base + place + (<usize>lane << 2), load<u32>(from, ONES), ONES);
  }
}
