/**
 * Bigints of any size in a key: bytes in the order of the numbers, and where they end can be told from the bytes.
 *
 *     zero                       80
 *     positive, n <= 125 bytes   80 + n, magnitude          longer: FE, n as u16, magnitude
 *     negative, n <= 125 bytes   80 - n, ~magnitude         longer: 02, ~n as u16, ~magnitude
 *
 * The magnitude is big-endian without leading zeros, so a longer one is a larger one; `~` inverts every bit.
 */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { NO_ROOM } from './utf8.js';

const ZERO = 0x80;
const SHORT_BYTES_MAX = 125;
const LONG_POSITIVE = 0xfe;
const LONG_NEGATIVE = 0x02;

/** Returns the new end, `NO_ROOM`, or undefined for a number that no key has room for. */
export function encodeBigintKeyInto(value: bigint, target: Uint8Array, offset: number): number | undefined {
  if (value === 0n) {
    if (offset >= target.length) return NO_ROOM;
    target[offset] = ZERO;
    return offset + 1;
  }
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString(16);
  const length = (digits.length + 1) >> 1;
  if (length > limits.keyBytesMax - 4) return undefined;
  const long = length > SHORT_BYTES_MAX;
  let at = offset + (long ? 3 : 1);
  if (at + length > target.length) return NO_ROOM;
  const flip = negative ? 0xff : 0;
  if (long) {
    target[offset] = negative ? LONG_NEGATIVE : LONG_POSITIVE;
    target[offset + 1] = (length >> 8) ^ flip;
    target[offset + 2] = (length & 0xff) ^ flip;
  } else {
    target[offset] = negative ? ZERO - length : ZERO + length;
  }
  for (let digit = digits.length - 2 * length; digit < digits.length; digit += 2) {
    target[at++] = ((digit < 0 ? 0 : hexDigit(digits, digit) << 4) | hexDigit(digits, digit + 1)) ^ flip;
  }
  return at;
}

/** Where the number that begins at `start` ends; beyond `end` when it is cut off. */
export function endOfBigintKey(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return end + 1;
  const head = bytes[start] as number;
  if (head > LONG_NEGATIVE && head < LONG_POSITIVE) return start + 1 + Math.abs(head - ZERO);
  if (head < LONG_NEGATIVE || head > LONG_POSITIVE || start + 3 > end) return end + 1;
  const length = ((bytes[start + 1] as number) << 8) | (bytes[start + 2] as number);
  return start + 3 + (head === LONG_POSITIVE ? length : length ^ 0xffff);
}

/** `end` is what `endOfBigintKey` says. */
export function decodeBigintKey(bytes: Uint8Array, start: number, end: number): bigint {
  const head = bytes[start] as number;
  if (head === ZERO) return 0n;
  const negative = head < ZERO;
  const from = start + (head === LONG_POSITIVE || head === LONG_NEGATIVE ? 3 : 1);
  const magnitude = Buffer.from(bytes.subarray(from, end));
  if (negative) for (let i = 0; i < magnitude.length; i++) magnitude[i] = (magnitude[i] as number) ^ 0xff;
  if (magnitude.length === 0 || magnitude[0] === 0) {
    throw new GristmillError('block-corrupt', 'these bytes are not a bigint key');
  }
  const value = BigInt(`0x${magnitude.toString('hex')}`);
  return negative ? -value : value;
}

function hexDigit(digits: string, at: number): number {
  const unit = digits.charCodeAt(at);
  return unit <= 0x39 ? unit - 0x30 : unit - 0x57;
}
