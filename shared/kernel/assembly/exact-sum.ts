/**
 * Exact sums in their fixed form: a signed 192-bit integer in units of 2^-96, three little-endian words of 64 bits. The
 * same form as `shared/codec/exact-sum.ts`; numbers that have no such form never come here.
 */

export const SUM_BYTES: u32 = 24;
const FRACTION_BITS: i32 = 96;

@inline
function addWords(at: usize, low: u64, middle: u64, high: u64): void {
  const a = load<u64>(at) + low;
  let carry = <u64>(a < low);
  store<u64>(at, a);
  const b = load<u64>(at, 8);
  const c = b + middle;
  const d = c + carry;
  carry = <u64>(c < b) | <u64>(d < c);
  store<u64>(at, d, 8);
  store<u64>(at, load<u64>(at, 16) + high + carry, 16);
}

/** `value`: 0, or a magnitude from 2^-44 to 2^54, all of whose bits the fixed form has, so far from the sign bit that no count of emits gets there. */
@inline
export function addNumber(at: usize, value: f64): void {
  const whole = <i64>value;
  if (<f64>whole == value) {
    const middle = <u64>whole << 32;
    const before = load<u64>(at, 8);
    const after = before + middle;
    store<u64>(at, after, 8);
    store<u64>(at, load<u64>(at, 16) + <u64>(whole >> 32) + <u64>(after < before), 16);
    return;
  }
  addFraction(at, value);
}

function addFraction(at: usize, value: f64): void {
  const bits = reinterpret<u64>(value);
  const mantissa = (bits & 0xfffffffffffff) | 0x10000000000000;
  const shift = <i32>((bits >> 52) & 0x7ff) - 1075 + FRACTION_BITS;
  const within = <u64>(shift & 63);
  let first = mantissa << within;
  let second = within == 0 ? 0 : mantissa >> (64 - within);
  let low: u64 = 0;
  let middle: u64 = 0;
  let high: u64 = 0;
  if (shift < 64) {
    low = first;
    middle = second;
  } else {
    middle = first;
    high = second;
  }
  if (<i64>bits < 0) {
    low = ~low + 1;
    middle = ~middle + <u64>(low == 0);
    high = ~high + <u64>(low == 0 && middle == 0);
  }
  addWords(at, low, middle, high);
}

/** Adds a sum of the same form; false, with nothing changed, when the result does not fit. */
@inline
export function addFixed(at: usize, from: usize): bool {
  const before = load<i64>(at, 16);
  const term = load<i64>(from, 16);
  const low = load<u64>(at);
  const middle = load<u64>(at, 8);
  addWords(at, load<u64>(from), load<u64>(from, 8), <u64>term);
  const after = load<i64>(at, 16);
  if (((before ^ after) & (term ^ after)) >= 0) return true;
  store<u64>(at, low);
  store<u64>(at, middle, 8);
  store<i64>(at, before, 16);
  return false;
}

/** Whether the last `rounded` gave another number than the sum, of more than 2^53. */
export let inexact: bool = false;

/** The nearest double, ties to even. */
export function rounded(at: usize): f64 {
  let low = load<u64>(at);
  let middle = load<u64>(at, 8);
  let high = load<u64>(at, 16);
  const negative = <i64>high < 0;
  if (negative) {
    low = ~low + 1;
    middle = ~middle + <u64>(low == 0);
    high = ~high + <u64>(low == 0 && middle == 0);
  }
  inexact = false;
  let top = low;
  let below: u64 = 0;
  let rest: u64 = 0;
  let exponent = -FRACTION_BITS;
  if (high != 0) {
    top = high;
    below = middle;
    rest = low;
    exponent += 128;
  } else if (middle != 0) {
    top = middle;
    below = low;
    exponent += 64;
  } else if (low == 0) {
    return 0;
  }
  const leading = clz<u64>(top);
  if (leading != 0) {
    top = (top << leading) | (below >> (64 - leading));
    rest |= below << leading;
  } else {
    rest |= below;
  }
  let mantissa = top >> 11;
  const tail = top & 0x7ff;
  const dropped = tail != 0 || rest != 0;
  if (tail > 0x400 || (tail == 0x400 && (rest != 0 || (mantissa & 1) == 1))) mantissa++;
  exponent += 11 - <i32>leading;
  const value = <f64>mantissa * reinterpret<f64>(<u64>(exponent + 1023) << 52);
  // By the sum's own magnitude: what is rounded up to 2^53 was below it.
  inexact = dropped && exponent > 0;
  return negative ? -value : value;
}
