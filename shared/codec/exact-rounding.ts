/** Exact integers to the nearest double, ties to even: the one rounding of an exact sum. */

/** 32-bit words of the fixed form: a signed 192-bit integer in units of 2^-96, the lowest word first. */
export const WORDS = 6;
const UNIT_EXPONENT = -96;
const DOUBLE_BITS = 53;

/** Overwrites the words with their magnitude. */
export function roundFixed(magnitude: Uint32Array): number {
  const negative = (magnitude[WORDS - 1] as number) >>> 31 === 1;
  if (negative) negateWords(magnitude);
  let top = WORDS - 1;
  while (top > 0 && magnitude[top] === 0) top--;
  const leading = Math.clz32(magnitude[top] as number);
  const word = (i: number): number => shiftedWord(magnitude, i, leading);
  // 32 bits of the highest word and 21 of the next make the mantissa; 11 bits and everything below decide the rounding.
  let mantissa = word(top) * 2 ** 21 + (word(top - 1) >>> 11);
  const rest = word(top - 1) & 0x7ff;
  if (rest > 0x400 || (rest === 0x400 && (mantissa % 2 === 1 || hasBits(word, top - 2)))) mantissa++;
  const value = mantissa * 2 ** (UNIT_EXPONENT + top * 32 - leading - 21);
  return negative ? -value : value;
}

/** Word `i` of the magnitude shifted left so far that its highest bit is set. */
function shiftedWord(magnitude: Uint32Array, i: number, leading: number): number {
  const word = i >= 0 ? (magnitude[i] as number) : 0;
  if (leading === 0) return word;
  const below = i >= 1 ? (magnitude[i - 1] as number) : 0;
  return leading === 32 ? below : ((word << leading) | (below >>> (32 - leading))) >>> 0;
}

function hasBits(word: (i: number) => number, from: number): boolean {
  for (let i = from; i >= 0; i--) if (word(i) !== 0) return true;
  return false;
}

/** Two's complement in place. */
export function negateWords(words: Uint32Array): void {
  for (let i = 0, carry = 1; i < WORDS; i++) {
    const flipped = (~(words[i] as number) >>> 0) + carry;
    words[i] = flipped;
    carry = flipped > 0xffffffff ? 1 : 0;
  }
}

/** `units` of 2^-1074, the smallest double. Overflows to infinity as addition of doubles does. */
export function roundWide(units: bigint): number {
  const negative = units < 0n;
  const magnitude = negative ? -units : units;
  const bits = magnitude.toString(2).length;
  const shift = Math.max(bits - DOUBLE_BITS, 0);
  let mantissa = magnitude >> BigInt(shift);
  const rest = magnitude - (mantissa << BigInt(shift));
  const half = shift === 0 ? 1n : 1n << BigInt(shift - 1);
  if (rest > half || (rest === half && (mantissa & 1n) === 1n)) mantissa++;
  const exponent = shift - 1074;
  const value = exponent > 1023 ? Infinity : Number(mantissa) * 2 ** exponent;
  return negative ? -value : value;
}
