/**
 * Merges sorted sources by (key, source, position): a loser tree (Knuth 5.4.1) over the current row of each, which compares the
 * first 8 bytes of keys before the rest.
 *
 * JavaScript loads a source's next block when it is told that the one before is used up, and not earlier: what was given out
 * points into it.
 */
import { compareKeys, copyShort as copy, equalKeys, prefixAt } from './bytes';
import { KIND_F64, KIND_STATE, MERGED_BYTES, mergedRowsAt } from './block';
import { clear, KEY, KEY_LENGTH, mergeRow, stride, WEIGHT } from './layout';
import { GROUP_KEY } from './places';

/** What a call ended with. */
const DONE: i32 = 0;
const REFILL: i32 = 1;
const FULL: i32 = 2;
/** A row that is no fixed state, or does not fit into one. */
const OTHER: i32 = 3;
const UNSORTED: i32 = 4;

const SOURCE_BYTES: usize = 64;
const ROWS: usize = 20;
const ROW: usize = 24;
const KIND: usize = 28;
const CURRENT: usize = 32;
const CURRENT_LENGTH: usize = 36;
const PREFIX: usize = 40;
const ENDED: usize = 48;
const NEW_GROUP: u32 = 0x100;

let sources: usize = 0;
let tree: usize = 0;
let count: u32 = 0;
/** The winner's block is used up. */
let waiting: bool = false;
/** The key of the last row that was given or folded: in its block, among the folded groups, or kept. */
let groupKey: usize = 0;
let groupLength: u32 = 0;
let hasGroup: bool = false;

@inline
function at(source: u32): usize {
  return sources + (<usize>source << 6);
}

/** `place` has 64 bytes for each source and 4 more. */
export function mergeInit(place: usize, sourcesCount: u32): void {
  sources = place;
  tree = place + <usize>sourcesCount * SOURCE_BYTES;
  count = sourcesCount;
  waiting = false;
  hasGroup = false;
  for (let source: u32 = 0; source < count; source++) store<u32>(at(source), 1, ENDED);
}

/** The columns of a source's next block, which were checked. */
export function mergeLoad(
  source: u32,
  keys: usize,
  ends: usize,
  values: usize,
  valueEnds: usize,
  weights: usize,
  rows: u32,
  kind: u32,
): void {
  const s = at(source);
  store<u32>(s, <u32>keys);
  store<u32>(s, <u32>ends, 4);
  store<u32>(s, <u32>values, 8);
  store<u32>(s, <u32>valueEnds, 12);
  store<u32>(s, <u32>weights, 16);
  store<u32>(s, rows, ROWS);
  store<u32>(s, 0, ROW);
  store<u32>(s, kind, KIND);
  store<u32>(s, 0, ENDED);
  look(s, 0);
}

export function mergeEnd(source: u32): void {
  store<u32>(at(source), 1, ENDED);
}

@inline
function look(s: usize, row: u32): void {
  const ends = <usize>load<u32>(s, 4);
  const start = row == 0 ? 0 : load<u32>(ends + (<usize>(row - 1) << 2));
  const key = <usize>load<u32>(s) + start;
  const length = load<u32>(ends + (<usize>row << 2)) - start;
  store<u32>(s, <u32>key, CURRENT);
  store<u32>(s, length, CURRENT_LENGTH);
  store<u64>(s, prefixAt(key, length, 0), PREFIX);
}

/** Once every source is loaded or has ended. */
export function mergeStart(): void {
  memory.fill(tree, 0xff, max<usize>(<usize>count << 2, 4));
  for (let source = <i32>count - 1; source >= 0; source--) replay(source);
}

/** The source that holds the lowest row; it is to be refilled after REFILL. */
export function mergeWinner(): i32 {
  return count == 0 ? -1 : load<i32>(tree);
}

/** Plays the source's matches up to the root. A node without a loser yet, at the first build, keeps whoever comes. */
function replay(source: u32): void {
  let winner = source;
  for (let node = (source + count) >> 1; node > 0; node >>= 1) {
    const place = tree + (<usize>node << 2);
    const loser = load<u32>(place);
    if (loser == 0xffffffff) {
      store<u32>(place, winner);
      return;
    }
    if (beats(loser, winner)) {
      store<u32>(place, winner);
      winner = loser;
    }
  }
  store<u32>(tree, winner);
}

@inline
function beats(a: u32, b: u32): bool {
  const x = at(a);
  const y = at(b);
  if ((load<u32>(x, ENDED) | load<u32>(y, ENDED)) != 0) {
    return load<u32>(x, ENDED) < load<u32>(y, ENDED) || (load<u32>(x, ENDED) == load<u32>(y, ENDED) && a < b);
  }
  const p = load<u64>(x, PREFIX);
  const q = load<u64>(y, PREFIX);
  if (p != q) return p < q;
  const order = compareKeys(
    load<u32>(x, CURRENT),
    load<u32>(x, CURRENT_LENGTH),
    load<u32>(y, CURRENT),
    load<u32>(y, CURRENT_LENGTH),
    0,
  );
  return order == 0 ? a < b : order < 0;
}

/** After REFILL, when the winner was loaded or has ended. False when its block does not ascend from the one before. */
export function mergeRefilled(): bool {
  waiting = false;
  const source = load<u32>(tree);
  const s = at(source);
  if (load<u32>(s, ENDED) == 0) {
    const order = compareKeys(load<u32>(s, CURRENT), load<u32>(s, CURRENT_LENGTH), groupKey, groupLength, 0);
    if (order < 0) return false;
    if (order == 0) return true;
  }
  replay(source);
  return true;
}

/** Moves the winner past its row: DONE stands for going on. */
@inline
function advance(s: usize, source: u32): i32 {
  const row = load<u32>(s, ROW) + 1;
  if (row == load<u32>(s, ROWS)) {
    keepGroupKey();
    waiting = true;
    return REFILL;
  }
  store<u32>(s, row, ROW);
  const key = <usize>load<u32>(s, CURRENT);
  const length = load<u32>(s, CURRENT_LENGTH);
  look(s, row);
  const order = compareKeys(key, length, load<u32>(s, CURRENT), load<u32>(s, CURRENT_LENGTH), 0);
  if (order > 0) return UNSORTED;
  // Equal keys of one source follow each other: no other source can come between.
  if (order < 0) replay(source);
  return DONE;
}

/** The group's key may lie in the block that is about to be overwritten. */
function keepGroupKey(): void {
  if (groupKey == GROUP_KEY) return;
  copy(GROUP_KEY, groupKey, groupLength);
  groupKey = GROUP_KEY;
}

/** How many rows the last `mergeRows` gave. */
export let given: u32 = 0;

/** Gives up to `most` rows, in the form of `block.ts`, at `rows`: the first one of a group has a flag. */
export function mergeRows(rows: usize, most: u32): i32 {
  mergedRowsAt(rows);
  given = 0;
  if (count == 0) return DONE;
  while (given < most) {
    if (waiting) return REFILL;
    const source = load<u32>(tree);
    const s = at(source);
    if (load<u32>(s, ENDED) != 0) return DONE;
    const key = <usize>load<u32>(s, CURRENT);
    const length = load<u32>(s, CURRENT_LENGTH);
    let flag: u32 = 0;
    if (!hasGroup || !equalKeys(key, length, groupKey, groupLength)) {
      flag = NEW_GROUP;
      hasGroup = true;
      groupKey = key;
      groupLength = length;
    }
    give(rows + <usize>given * MERGED_BYTES, s, source, key, length, flag);
    given++;
    const status = advance(s, source);
    if (status != DONE) return status;
  }
  return FULL;
}

@inline
function give(to: usize, s: usize, source: u32, key: usize, length: u32, flag: u32): void {
  const row = load<u32>(s, ROW);
  const kind = load<u32>(s, KIND);
  store<u32>(to, <u32>key);
  store<u32>(to, length, 4);
  const valueEnds = <usize>load<u32>(s, 12);
  if (valueEnds != 0) {
    const start = row == 0 ? 0 : load<u32>(valueEnds + (<usize>(row - 1) << 2));
    store<u32>(to, load<u32>(s, 8) + start, 8);
    store<u32>(to, load<u32>(valueEnds + (<usize>row << 2)) - start, 12);
  } else if (kind == KIND_F64) {
    store<u32>(to, load<u32>(s, 8) + (row << 3), 8);
    store<u32>(to, 8, 12);
  }
  store<u32>(to, kind | flag, 16);
  store<u32>(to, source, 20);
  store<u64>(to, weightOf(s, row), 24);
  store<u32>(to, row, 32);
}

@inline
function weightOf(s: usize, row: u32): u64 {
  const weights = <usize>load<u32>(s, 16);
  return weights == 0 ? 1 : load<u64>(weights + (<usize>row << 3));
}

let outStart: usize = 0;
let outEnd: usize = 0;
let outKeys: usize = 0;
/** Entries that the fold has made; the last one is complete at FULL and DONE. */
export let groups: u32 = 0;

/** Where groups go: entries upwards, their keys downwards. */
export function foldPlaces(start: usize, bytes: usize): void {
  outStart = start;
  outEnd = start + bytes - 64;
  foldClear();
}

export function foldClear(): void {
  groups = 0;
  outKeys = outEnd;
}

/** Folds rows of equal keys into entries, which need no block any more. FULL when there is no room for another group. */
export function mergeFold(): i32 {
  if (count == 0) return DONE;
  while (true) {
    if (waiting) return REFILL;
    const source = load<u32>(tree);
    const s = at(source);
    if (load<u32>(s, ENDED) != 0) return DONE;
    if (load<u32>(s, KIND) != KIND_STATE) return OTHER;
    const key = <usize>load<u32>(s, CURRENT);
    const length = load<u32>(s, CURRENT_LENGTH);
    if (groups == 0 || !hasGroup || !equalKeys(key, length, groupKey, groupLength)) {
      if (!open(key, length)) return FULL;
    }
    const entry = outStart + <usize>(groups - 1) * stride;
    const row = load<u32>(s, ROW);
    if (!mergeRow(entry, load<u32>(s, 8), load<u32>(s, ROWS), row)) return OTHER;
    store<u64>(entry, load<u64>(entry, WEIGHT) + weightOf(s, row), WEIGHT);
    const status = advance(s, source);
    if (status != DONE) return status;
  }
}

function open(key: usize, length: u32): bool {
  const entry = outStart + <usize>groups * stride;
  const to = (outKeys - length - 16) & ~(<usize>7);
  if (entry + stride + 32 + length > outKeys) return false;
  outKeys = to;
  copy(to, key, length);
  store<u32>(entry, <u32>to, KEY);
  store<u32>(entry, length, KEY_LENGTH);
  clear(entry);
  groups++;
  groupKey = to;
  groupLength = length;
  hasGroup = true;
  return true;
}
