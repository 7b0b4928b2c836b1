/** Loads, comparisons and copies of bytes. Every buffer has 8 readable bytes before it and 64 behind it. */

/** The first 8 bytes of a key of `length` >= 1, filled up so that different keys of up to 8 bytes differ. */
@inline
export function first8(at: usize, length: u32): u64 {
  return length >= 8 ? load<u64>(at) : load<u64>(at) << (<u64>(8 - length) << 3);
}

/** The last 8 bytes of a key of more than 8 bytes, else 0. */
@inline
export function last8(at: usize, length: u32): u64 {
  return length > 8 ? load<u64>(at + length - 8) : 0;
}

/** 8 bytes from `from` on as a big-endian number, with zeros from the key's end on: ascends as the keys do. */
@inline
export function prefixAt(at: usize, length: u32, from: u32): u64 {
  if (from >= length) return 0;
  const word = bswap<u64>(load<u64>(at + from));
  const rest = length - from;
  return rest >= 8 ? word : word & (~(<u64>0) << (<u64>(8 - rest) << 3));
}

/** As memcmp from byte `from` on, a prefix before what it begins: negative, 0 or positive. */
export function compareKeys(a: usize, aLength: u32, b: usize, bLength: u32, from: u32): i32 {
  const common = min<u32>(aLength, bLength);
  let i = from;
  while (i + 8 <= common) {
    const x = load<u64>(a + i);
    const y = load<u64>(b + i);
    if (x != y) return bswap<u64>(x) < bswap<u64>(y) ? -1 : 1;
    i += 8;
  }
  if (i < common) {
    const shift = <u64>(8 - (common - i)) << 3;
    const x = bswap<u64>(load<u64>(a + i)) >> shift;
    const y = bswap<u64>(load<u64>(b + i)) >> shift;
    if (x != y) return x < y ? -1 : 1;
  }
  return aLength < bLength ? -1 : <i32>(aLength > bLength);
}

@inline
export function equalKeys(a: usize, aLength: u32, b: usize, bLength: u32): bool {
  if (aLength != bLength) return false;
  return equalBytes(a, b, aLength);
}

export function equalBytes(a: usize, b: usize, length: u32): bool {
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false;
  if (i == length) return true;
  const shift = <u64>(8 - (length - i)) << 3;
  return load<u64>(a + i) << shift == load<u64>(b + i) << shift;
}

/** How many bytes two keys have in common from `from` on, at most `most`. */
export function commonBytes(a: usize, b: usize, from: u32, most: u32): u32 {
  let i: u32 = 0;
  for (; i + 8 <= most; i += 8) {
    const difference = load<u64>(a + from + i) ^ load<u64>(b + from + i);
    if (difference != 0) return i + <u32>(ctz<u64>(difference) >> 3);
  }
  while (i < most && load<u8>(a + from + i) == load<u8>(b + from + i)) i++;
  return i;
}

/** Copies in steps of 16 bytes when short: up to 15 bytes behind the target's end are overwritten. */
@inline
export function copyShort(target: usize, source: usize, length: u32): void {
  if (length > 256) {
    memory.copy(target, source, length);
    return;
  }
  for (let i: u32 = 0; i < length; i += 16) v128.store(target + i, v128.load(source + i));
}
