/** Finds the lines of a piece of text, 64 bytes at a time. */

/** Of the last scan: whether a byte is not ASCII, and whether one is a carriage return. */
export let hasOther: bool = false;
export let hasReturn: bool = false;

@inline
function maskOf(at: usize, byte: u8): u64 {
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
