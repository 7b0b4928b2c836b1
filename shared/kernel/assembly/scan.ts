/** Lines of a piece of text: where they end, 64 bytes at a time, and their characters as one byte each, where there are no others. */

/** Of the last scan: whether a byte is not ASCII, and whether one is a carriage return. */
export let hasOther: bool = false;
export let hasReturn: bool = false;

/** A bit for each of the 64 bytes from `at` on that is the wanted one. */
@inline
export function maskOf(at: usize, byte: u8): u64 {
  const wanted = i8x16.splat(byte);
  return (
    <u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(at), wanted))) |
    (<u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(at, 16), wanted))) << 16) |
    (<u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(at, 32), wanted))) << 32) |
    (<u64>(<u32>i8x16.bitmask(i8x16.eq(v128.load(at, 48), wanted))) << 48)
  );
}

/** Writes for each newline in the `bytes` at `at` the u32 offset behind it, and returns how many there are. */
export function scanLines(at: usize, bytes: u32, ends: usize): u32 {
  const start = at;
  const stop = at + bytes;
  let to = ends;
  let others: v128 = i8x16.splat(0);
  let returns: u64 = 0;
  for (; at < stop; at += 64) {
    // What is behind the text must not count.
    if (stop - at < 64) memory.fill(stop, 0, 64 - (stop - at));
    others = v128.or(
      v128.or(others, v128.or(v128.load(at), v128.load(at, 16))),
      v128.or(v128.load(at, 32), v128.load(at, 48)),
    );
    returns |= maskOf(at, 13);
    for (let mask = maskOf(at, 10); mask != 0; mask &= mask - 1) {
      store<u32>(to, <u32>(at - start) + <u32>ctz<u64>(mask) + 1);
      to += 4;
    }
  }
  hasOther = i8x16.bitmask(others) != 0;
  hasReturn = returns != 0;
  return <u32>((to - ends) >> 2);
}

/** In the place of an end: the line was left out. */
const WIDE: u32 = 0x80000000;

/**
 * Writes the lines at `at`, whose ends `scanLines` wrote, to `to` as Latin-1: characters up to U+00FF, one byte each; and where
 * each ends there to `narrowEnds`. A line with any other character, or with bytes that are not UTF-8, is left out, and its end has the
 * highest bit set. Returns how many are; stops when it is more than `most`. Writes up to 16 bytes behind the text.
 */
export function narrowLines(at: usize, ends: usize, lines: u32, to: usize, narrowEnds: usize, most: u32): u32 {
  let read = at;
  let write = to;
  let wide: u32 = 0;
  for (let line: u32 = 0; line < lines && wide <= most; line++) {
    const end = at + load<u32>(ends + (<usize>line << 2));
    const narrow = narrowLine(read, end, write);
    read = end;
    let mark: u32 = 0;
    if (narrow == 0) {
      wide++;
      mark = WIDE;
    } else {
      write = narrow;
    }
    store<u32>(narrowEnds + (<usize>line << 2), <u32>(write - to) | mark);
  }
  return wide;
}

/** Where the line ends at `write`, or 0. */
@inline
function narrowLine(read: usize, end: usize, write: usize): usize {
  while (true) {
    const piece = v128.load(read);
    v128.store(write, piece);
    const ascii = min<u32>(<u32>ctz(i8x16.bitmask(piece) | 0x10000), <u32>(end - read));
    read += ascii;
    write += ascii;
    if (read == end) return write;
    if (ascii == 16) continue;
    // U+0080 to U+00FF are C2 or C3, whose lowest bit is the character's bit of 64, and six bits more.
    const lead = load<u8>(read);
    const next = load<u8>(read, 1);
    if ((lead & 0xfe) != 0xc2 || (next & 0xc0) != 0x80) return 0;
    store<u8>(write, (lead << 6) | (next & 0x3f));
    read += 2;
    write++;
  }
}
