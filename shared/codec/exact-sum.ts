/**
 * Sums of numbers that are exact and rounded once, so that they do not depend on the order of addition.
 *
 * A sum is kept, slot by slot of a column, in the first of these forms that holds it:
 *
 * - small: an integer below 2^53, added as a plain number;
 * - fixed: a signed 192-bit integer in units of 2^-96 (all of a double's bits between 2^-96 and 2^95);
 * - wide: a bigint in units of 2^-1074, the smallest double, and flags for NaN and the infinities.
 *
 * In bytes, version 1: fixed is 24 bytes, two's complement, little-endian. Wide is a byte of flags (1 NaN, 2 +infinity,
 * 4 -infinity, 8 the rest is negative) and the magnitude, little-endian without zeros at its end.
 */
import { GristmillError } from '../errors.js';
import { negateWords, roundFixed, roundWide, WORDS } from './exact-rounding.js';

export const FIXED_BYTES = 24;
const FRACTION_BITS = 96;
/** A 53-bit mantissa shifted further could reach the sign bit. */
const SHIFT_MAX = 138;
/** Units of the wide form in one unit of the fixed form, as a shift. */
const WIDE_SHIFT = 1074n - BigInt(FRACTION_BITS);
/** What a bigint and its object take, roughly. */
const WIDE_MEMORY_BYTES = 512;
export const WIDE_BYTES_MAX = 512;
const NAN = 1;
const POSITIVE_INFINITY = 2;
const NEGATIVE_INFINITY = 4;
const NEGATIVE = 8;

const float = new Float64Array(1);
const floatWords = new Uint32Array(float.buffer);

interface WideSum {
  units: bigint;
  flags: number;
}

export class ExactSums {
  #small: Float64Array;
  /** Six words for each slot, the lowest first; there once a sum needs them. */
  #words: Uint32Array | undefined;
  readonly #wide = new Map<number, WideSum>();
  readonly #term = new Uint32Array(WORDS);
  #roundedLast = false;

  constructor(capacity = 1) {
    this.#small = new Float64Array(capacity);
  }

  get memoryBytes(): number {
    return this.#small.byteLength + (this.#words?.byteLength ?? 0) + this.#wide.size * WIDE_MEMORY_BYTES;
  }

  grow(capacity: number): void {
    const small = new Float64Array(capacity);
    small.set(this.#small);
    this.#small = small;
    if (!this.#words) return;
    const words = new Uint32Array(capacity * WORDS);
    words.set(this.#words);
    this.#words = words;
  }

  clear(slot: number): void {
    this.#small[slot] = 0;
    this.#words?.fill(0, slot * WORDS, (slot + 1) * WORDS);
    this.#wide.delete(slot);
  }

  add(slot: number, value: number): void {
    if (Math.floor(value) === value) {
      const sum = (this.#small[slot] as number) + value;
      if (sum <= Number.MAX_SAFE_INTEGER && sum >= -Number.MAX_SAFE_INTEGER) {
        this.#small[slot] = sum;
        return;
      }
    }
    const wide = this.#wide.get(slot);
    if (wide) addWide(wide, value);
    else if (!this.#setTerm(value) || !this.#addTerm(slot)) addWide(this.#widen(slot), value);
  }

  /** Adds a sum in fixed form. */
  addFixed(slot: number, bytes: Uint8Array, start: number): void {
    if (start + FIXED_BYTES > bytes.length) corrupt();
    const term = this.#term;
    for (let i = 0, at = start; i < WORDS; i++, at += 4) {
      const high = ((bytes[at + 3] as number) << 24) | ((bytes[at + 2] as number) << 16);
      term[i] = high | ((bytes[at + 1] as number) << 8) | (bytes[at] as number);
    }
    const whole = integerOf(term);
    if (whole !== undefined) {
      this.add(slot, whole);
      return;
    }
    const wide = this.#wide.get(slot);
    if (!wide && this.#addTerm(slot)) return;
    const target = wide ?? this.#widen(slot);
    target.units += bigintOf(term, 0) << WIDE_SHIFT;
  }

  /** Adds a sum in wide form, which ends at `end`. */
  addWide(slot: number, bytes: Uint8Array, start: number, end: number): void {
    if (end > bytes.length || start >= end || end - start > WIDE_BYTES_MAX) corrupt();
    const wide = this.#wide.get(slot) ?? this.#widen(slot);
    const flags = bytes[start] as number;
    const digits = Buffer.from(bytes.subarray(start + 1, end))
      .reverse()
      .toString('hex');
    const units = BigInt(`0x0${digits}`);
    wide.units += flags & NEGATIVE ? -units : units;
    wide.flags |= flags & (NAN | POSITIVE_INFINITY | NEGATIVE_INFINITY);
  }

  /** Whether the sum has to be written in wide form. */
  isWide(slot: number): boolean {
    return !this.#settle(slot);
  }

  /** Writes the form that `isWide` tells; returns the new end, or -1 if it does not fit. */
  write(slot: number, target: Uint8Array, offset: number): number {
    if (!this.#settle(slot)) return writeWide(this.#wide.get(slot) ?? this.#widen(slot), target, offset);
    if (offset + FIXED_BYTES > target.length) return -1;
    for (let i = 0; i < FIXED_BYTES; i++) target[offset + i] = (this.#term[i >> 2] as number) >>> ((i & 3) * 8);
    return offset + FIXED_BYTES;
  }

  /**
   * Whether the last `finish` had to round a sum whose magnitude is past 2^53. Below it every sum of decimal fractions is
   * rounded, and no one wonders; past it integers are.
   */
  get roundedLast(): boolean {
    return this.#roundedLast;
  }

  /** The sum as the nearest double, ties to even. */
  finish(slot: number): number {
    this.#roundedLast = false;
    if (!this.#words && !this.#wide.has(slot)) return this.#small[slot] as number;
    if (this.#settle(slot)) {
      const value = roundFixed(this.#term);
      // Rounding leaves the magnitude in the term.
      if (Math.abs(value) >= 2 ** 53) this.#roundedLast = isRounded(value, bigintOf(this.#term, 0), FRACTION_BITS);
      return value;
    }
    const { units, flags } = this.#wide.get(slot) ?? this.#widen(slot);
    if (flags & NAN || (flags & POSITIVE_INFINITY && flags & NEGATIVE_INFINITY)) return NaN;
    if (flags !== 0) return flags & POSITIVE_INFINITY ? Infinity : -Infinity;
    const value = roundWide(units);
    this.#roundedLast = isRounded(value, units < 0n ? -units : units, 1074);
    return value;
  }

  /** Puts the whole sum into `#term`; false when it is wide, and then all of it is in the wide form. */
  #settle(slot: number): boolean {
    const small = this.#small[slot] as number;
    const wide = this.#wide.get(slot);
    if (wide) {
      wide.units += BigInt(small) << 1074n;
      this.#small[slot] = 0;
      return false;
    }
    this.#setTerm(small);
    if (!this.#words) return true;
    if (!this.#addTerm(slot)) {
      this.#widen(slot);
      return false;
    }
    this.#small[slot] = 0;
    for (let i = 0; i < WORDS; i++) this.#term[i] = this.#words[slot * WORDS + i] as number;
    return true;
  }

  /** Puts a double into `#term`; false when it has bits outside of the fixed form. */
  #setTerm(value: number): boolean {
    float[0] = Math.abs(value);
    const head = floatWords[1] as number;
    const exponent = head >>> 20;
    if (exponent === 0x7ff) return false;
    let mantissa = ((exponent === 0 ? 0 : 0x100000) + (head & 0xfffff)) * 2 ** 32 + (floatWords[0] as number);
    let shift = (exponent === 0 ? 1 : exponent) - 1075 + FRACTION_BITS;
    if (shift < 0) {
      if (shift < -53 && mantissa !== 0) return false;
      mantissa *= 2 ** Math.max(shift, -60);
      if (Math.floor(mantissa) !== mantissa) return false;
      shift = 0;
    }
    if (shift > SHIFT_MAX) return false;
    this.#term.fill(0);
    const low = mantissa >>> 0;
    const high = Math.floor(mantissa / 2 ** 32);
    const word = shift >>> 5;
    const bits = shift & 31;
    this.#term[word] = low << bits;
    if (word + 1 < WORDS) this.#term[word + 1] = bits === 0 ? high : (high << bits) | (low >>> (32 - bits));
    if (word + 2 < WORDS && bits !== 0) this.#term[word + 2] = high >>> (32 - bits);
    if (value < 0) negateWords(this.#term);
    return true;
  }

  /** Adds `#term` to the slot's words; false, with the words as before, when the sum does not fit. */
  #addTerm(slot: number): boolean {
    const words = (this.#words ??= new Uint32Array(this.#small.length * WORDS));
    const first = slot * WORDS;
    const signBefore = (words[first + WORDS - 1] as number) >>> 31;
    const signOfTerm = (this.#term[WORDS - 1] as number) >>> 31;
    let carry = 0;
    for (let i = 0; i < WORDS; i++) {
      const sum = (words[first + i] as number) + (this.#term[i] as number) + carry;
      words[first + i] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
    if (signBefore !== signOfTerm || (words[first + WORDS - 1] as number) >>> 31 === signBefore) return true;
    for (let i = 0, borrow = 0; i < WORDS; i++) {
      const difference = (words[first + i] as number) - (this.#term[i] as number) - borrow;
      words[first + i] = difference;
      borrow = difference < 0 ? 1 : 0;
    }
    return false;
  }

  /** Moves a slot into the wide form. */
  #widen(slot: number): WideSum {
    const fixed = this.#words ? bigintOf(this.#words, slot * WORDS) << WIDE_SHIFT : 0n;
    const wide = { units: fixed + (BigInt(this.#small[slot] as number) << 1074n), flags: 0 };
    this.clear(slot);
    this.#wide.set(slot, wide);
    return wide;
  }
}

/** Whether a magnitude, in units of 2^-bits, is past 2^53 and another number than what it was rounded to. */
function isRounded(value: number, magnitude: bigint, bits: number): boolean {
  const unit = BigInt(bits);
  if (magnitude <= 1n << (53n + unit)) return false;
  return !Number.isFinite(value) || BigInt(Math.abs(value)) << unit !== magnitude;
}

function addWide(wide: WideSum, value: number): void {
  if (Number.isNaN(value)) wide.flags |= NAN;
  else if (!Number.isFinite(value)) wide.flags |= value > 0 ? POSITIVE_INFINITY : NEGATIVE_INFINITY;
  else {
    float[0] = Math.abs(value);
    const head = floatWords[1] as number;
    const exponent = head >>> 20;
    const mantissa = ((exponent === 0 ? 0 : 0x100000) + (head & 0xfffff)) * 2 ** 32 + (floatWords[0] as number);
    const units = BigInt(mantissa) << BigInt((exponent === 0 ? 1 : exponent) - 1);
    wide.units += value < 0 ? -units : units;
  }
}

function writeWide(wide: WideSum, target: Uint8Array, offset: number): number {
  const magnitude = wide.units < 0n ? -wide.units : wide.units;
  // By way of digits, for shifting out byte after byte takes the square of their number.
  const digits = magnitude === 0n ? '' : magnitude.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex').reverse();
  const end = offset + 1 + bytes.length;
  if (end > target.length) return -1;
  target[offset] = wide.flags | (wide.units < 0n ? NEGATIVE : 0);
  target.set(bytes, offset + 1);
  return end;
}

/** The term as a plain number when it is an integer that the small form takes. */
function integerOf(term: Uint32Array): number | undefined {
  if (term[0] !== 0 || term[1] !== 0 || term[2] !== 0) return undefined;
  const low = term[3] as number;
  const high = term[4] as number;
  const top = term[5] as number;
  if (top === 0 && high < 0x200000) return high * 2 ** 32 + low;
  if (top === 0xffffffff && high > 0xffe00000) return (high - 0x100000000) * 2 ** 32 + low;
  return undefined;
}

function bigintOf(words: Uint32Array, first: number): bigint {
  let value = 0n;
  for (let i = WORDS - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[first + i] as number);
  return BigInt.asIntN(WORDS * 32, value);
}

function corrupt(): never {
  throw new GristmillError('block-corrupt', 'these bytes are not a sum');
}
