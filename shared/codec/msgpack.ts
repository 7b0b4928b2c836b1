/**
 * The lengths of msgpack's `str`, `bin`, `array` and `map`, in the shortest form: within the tag, or 8, 16 or 32 bits,
 * big-endian. Each function writes at `at` and returns the new end, or -1 if it does not fit.
 */
import { NO_ROOM } from './utf8.js';

/** What the header of a `str` of so many bytes takes. */
export function textHeaderBytes(bytes: number): number {
  if (bytes < 32) return 1;
  if (bytes < 0x100) return 2;
  return bytes < 0x10000 ? 3 : 5;
}

export function encodeTextHeader(bytes: number, target: Uint8Array, at: number): number {
  return encodeHeader(bytes, target, at, 0xa0, 31, 0xd9, 0xda, 0xdb);
}

export function encodeBytesHeader(bytes: number, target: Uint8Array, at: number): number {
  return encodeHeader(bytes, target, at, 0, -1, 0xc4, 0xc5, 0xc6);
}

export function encodeArrayHeader(length: number, target: Uint8Array, at: number): number {
  return encodeHeader(length, target, at, 0x90, 15, 0, 0xdc, 0xdd);
}

export function encodeObjectHeader(length: number, target: Uint8Array, at: number): number {
  return encodeHeader(length, target, at, 0x80, 15, 0, 0xde, 0xdf);
}

/** A tag of 0 is a form that the type does not have. */
function encodeHeader(
  length: number,
  target: Uint8Array,
  at: number,
  fixTag: number,
  fixMax: number,
  tag8: number,
  tag16: number,
  tag32: number,
): number {
  const bytes = length <= fixMax ? 1 : length < 0x100 && tag8 !== 0 ? 2 : length < 0x10000 ? 3 : 5;
  if (at + bytes > target.length) return NO_ROOM;
  target[at] = bytes === 1 ? fixTag | length : bytes === 2 ? tag8 : bytes === 3 ? tag16 : tag32;
  for (let i = bytes - 1, rest = length; i > 0; i--, rest = Math.floor(rest / 256)) target[at + i] = rest % 256;
  return at + bytes;
}
