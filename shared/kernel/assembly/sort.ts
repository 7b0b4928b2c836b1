/**
 * Sorts rows by (partition, key, row): a radix sort by the bytes of prefixes, from the most significant on, stable.
 *
 * An item is u64 prefix (8 bytes of the key from some byte on, big-endian, zeros behind its end), u32 row, u32 length of the key. Where
 * 8 bytes do not decide, the next ones that differ are taken. Small ranges, and those in which too many refills were
 * needed, are sorted by insertion and merging, which compare.
 */
import { commonBytes, compareKeys, prefixAt } from './bytes';
import { HISTOGRAMS, LEVELS } from './places';
import { xxh64 } from './xxh64';

const ITEM: usize = 16;
const INSERTION_ROWS: u32 = 20;
const RADIX_ROWS: u32 = 256;
/** Keys that are longer than their prefix and go on. */
const LONGER: u32 = 9;

let rows: usize = 0;
let rowStride: isize = 0;
let items: usize = 0;
let other: usize = 0;

/** Row r is at `start + r * stride` and begins with u32 where its key is and u32 the key's length. */
export function sortRows(start: usize, stride: i32): void {
  rows = start;
  rowStride = stride;
}

@inline
function keyOf(row: u32): usize {
  return load<u32>(rows + <isize>row * rowStride);
}

@inline
function lengthOf(row: u32): u32 {
  return load<u32>(rows + <isize>row * rowStride, 4);
}

/** u16 for each row: `xxh64(key) mod partitions`. */
export function sortPartitions(chosen: usize, count: u32, partitions: u32): void {
  for (let row: u32 = 0; row < count; row++) {
    store<u16>(chosen + (<usize>row << 1), <u16>(xxh64(keyOf(row), lengthOf(row), 0) % partitions));
  }
}

/**
 * Orders rows by partition into items; `starts` has a u32 for each partition and one more. `chosen` may be 0 for one
 * partition. `first` and `second` have room for an item each row.
 */
export function sortBegin(first: usize, second: usize, chosen: usize, starts: usize, count: u32, partitions: u32): void {
  items = first;
  other = second;
  memory.fill(starts, 0, (<usize>partitions + 1) << 2);
  if (chosen == 0) {
    for (let row: u32 = 0; row < count; row++) put(row, row);
    store<u32>(starts, count, 4);
    return;
  }
  for (let row: u32 = 0; row < count; row++) {
    const at = starts + (<usize>load<u16>(chosen + (<usize>row << 1)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum: u32 = 0;
  for (let partition: u32 = 0; partition <= partitions; partition++) {
    const at = starts + (<usize>partition << 2);
    const size = load<u32>(at);
    store<u32>(at, sum);
    sum += size;
  }
  for (let row: u32 = 0; row < count; row++) {
    const at = starts + (<usize>load<u16>(chosen + (<usize>row << 1)) << 2);
    const place = load<u32>(at);
    put(place, row);
    store<u32>(at, place + 1);
  }
  for (let partition = partitions; partition > 0; partition--) {
    const at = starts + (<usize>partition << 2);
    store<u32>(at, load<u32>(at - 4));
  }
  store<u32>(starts, 0);
}

@inline
function put(place: u32, row: u32): void {
  const at = items + (<usize>place << 4);
  store<u32>(at, row, 8);
  store<u32>(at, lengthOf(row), 12);
}

/** Sorts the items `[from, to)`, which belong to one partition. */
export function sortRange(from: u32, to: u32): void {
  if (to - from < 2) return;
  refill(from, to, 0, 0);
}

/** All keys of the range are equal up to `depth`: takes prefixes from where they differ. */
function refill(from: u32, to: u32, depth: u32, level: i32): void {
  const firstAt = items + (<usize>from << 4);
  const firstKey = keyOf(load<u32>(firstAt, 8));
  let least = load<u32>(firstAt, 12);
  let common = least - depth;
  let longest = least;
  for (let i = from + 1; i < to; i++) {
    const at = items + (<usize>i << 4);
    const length = load<u32>(at, 12);
    longest = max<u32>(longest, length);
    common = min<u32>(common, length - depth);
    common = commonBytes(firstKey, keyOf(load<u32>(at, 8)), depth, common);
  }
  depth += common;
  // Nothing is left of any key: all are equal, and in the order of their rows.
  if (longest == depth) return;
  for (let i = from; i < to; i++) {
    const at = items + (<usize>i << 4);
    store<u64>(at, prefixAt(keyOf(load<u32>(at, 8)), load<u32>(at, 12), depth));
  }
  radix(from, to, 56, depth, level);
}

function radix(from: u32, to: u32, shift: i32, depth: u32, level: i32): void {
  const count = to - from;
  if (count <= RADIX_ROWS || level >= LEVELS) {
    mergeSort(from, to, depth);
    return;
  }
  const counts = HISTOGRAMS + (<usize>level << 10);
  const start = items + (<usize>from << 4);
  const end = items + (<usize>to << 4);
  for (; shift >= 0; shift -= 8) {
    memory.fill(counts, 0, 1024);
    for (let at = start; at < end; at += ITEM) {
      const bucket = counts + (<usize>load<u8>(at + (<usize>shift >> 3)) << 2);
      store<u32>(bucket, load<u32>(bucket) + 1);
    }
    if (load<u32>(counts + (<usize>load<u8>(start + (<usize>shift >> 3)) << 2)) != count) break;
  }
  if (shift < 0) {
    ties(from, to, depth, level);
    return;
  }
  scatter(from, to, counts, 256, shift);
  let begin: u32 = 0;
  for (let bucket: u32 = 0; bucket < 256; bucket++) {
    const stop = load<u32>(counts + (<usize>bucket << 2));
    if (stop - begin > 1) radix(from + begin, from + stop, shift - 8, depth, level + 1);
    begin = stop;
  }
}

/** `shift` -1 orders by what is left of the key, else by that byte of the prefix. Counts become the buckets' ends. */
function scatter(from: u32, to: u32, counts: usize, buckets: u32, shift: i32, depth: u32 = 0): void {
  let sum: u32 = 0;
  for (let bucket: u32 = 0; bucket < buckets; bucket++) {
    const at = counts + (<usize>bucket << 2);
    const size = load<u32>(at);
    store<u32>(at, sum);
    sum += size;
  }
  const start = items + (<usize>from << 4);
  const end = items + (<usize>to << 4);
  const target = other + (<usize>from << 4);
  for (let at = start; at < end; at += ITEM) {
    const which = shift >= 0 ? <u32>load<u8>(at + (<usize>shift >> 3)) : restOf(at, depth);
    const bucket = counts + (<usize>which << 2);
    const place = load<u32>(bucket);
    v128.store(target + (<usize>place << 4), v128.load(at));
    store<u32>(bucket, place + 1);
  }
  memory.copy(start, target, end - start);
}

@inline
function restOf(at: usize, depth: u32): u32 {
  const length = load<u32>(at, 12);
  return length <= depth ? 0 : min<u32>(length - depth, LONGER);
}

/**
 * The prefixes of the range are equal. Keys that end within them are equal when they are equally long, and the shorter
 * come first, for they are followed by zeros; after them come the longer ones.
 */
function ties(from: u32, to: u32, depth: u32, level: i32): void {
  const counts = HISTOGRAMS + (<usize>level << 10);
  memory.fill(counts, 0, 64);
  for (let i = from; i < to; i++) {
    const bucket = counts + (<usize>restOf(items + (<usize>i << 4), depth) << 2);
    store<u32>(bucket, load<u32>(bucket) + 1);
  }
  const longer = load<u32>(counts, 36);
  if (longer != to - from) scatter(from, to, counts, 10, -1, depth);
  if (longer > 1) refill(to - longer, to, depth + 8, level + 1);
}

@inline
function before(a: usize, b: usize, depth: u32): bool {
  const x = load<u64>(a);
  const y = load<u64>(b);
  if (x != y) return x < y;
  const aLength = load<u32>(a, 12);
  const bLength = load<u32>(b, 12);
  if (aLength <= depth + 8 || bLength <= depth + 8) return aLength < bLength;
  return compareKeys(keyOf(load<u32>(a, 8)), aLength, keyOf(load<u32>(b, 8)), bLength, depth + 8) < 0;
}

/** Stable: by insertion in pieces, which are then merged. */
function mergeSort(from: u32, to: u32, depth: u32): void {
  for (let i = from; i < to; i += INSERTION_ROWS) insertionSort(i, min<u32>(i + INSERTION_ROWS, to), depth);
  for (let width = INSERTION_ROWS; width < to - from; width <<= 1) {
    for (let i = from; i + width < to; i += width << 1) merge(i, i + width, min<u32>(i + (width << 1), to), depth);
  }
}

function insertionSort(from: u32, to: u32, depth: u32): void {
  const start = items + (<usize>from << 4);
  const end = items + (<usize>to << 4);
  for (let at = start + ITEM; at < end; at += ITEM) {
    if (!before(at, at - ITEM, depth)) continue;
    const item = v128.load(at);
    // Kept where comparisons find it, since what is at its place is overwritten.
    v128.store(other, item);
    let hole = at;
    do {
      v128.store(hole, v128.load(hole - ITEM));
      hole -= ITEM;
    } while (hole > start && before(other, hole - ITEM, depth));
    v128.store(hole, item);
  }
}

function merge(from: u32, middle: u32, to: u32, depth: u32): void {
  let right = items + (<usize>middle << 4);
  const end = items + (<usize>to << 4);
  if (!before(right, right - ITEM, depth)) return;
  let target = items + (<usize>from << 4);
  const bytes = right - target;
  memory.copy(other, target, bytes);
  let left = other;
  const leftEnd = other + bytes;
  while (left < leftEnd && right < end) {
    if (before(right, left, depth)) {
      v128.store(target, v128.load(right));
      right += ITEM;
    } else {
      v128.store(target, v128.load(left));
      left += ITEM;
    }
    target += ITEM;
  }
  memory.copy(target, left, leftEnd - left);
}

/** The row at place `place`. */
@inline
export function sortedRow(place: u32): u32 {
  return load<u32>(items + (<usize>place << 4), 8);
}
