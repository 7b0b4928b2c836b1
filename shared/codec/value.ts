/**
 * Values as standard msgpack, from a closed list of types. What is not on the list is refused with its path, never changed.
 *
 *     null, boolean, arrays, plain objects, Uint8Array (bin), string (str, without lone surrogates)
 *     number      the smallest int or uint when it is an integer of at most 32 bits, else float 64; -0 becomes 0
 *     bigint      int 64, or uint 64 from 2^63 on: so that it never comes back as a number
 *     Date        the timestamp extension (-1) in its shortest form
 *     undefined   extension 0 with one zero byte
 *
 * Written and read here in one pass each, because a general packer silently turns Map, Set, Error and class instances
 * into something else, loses lone surrogates and returns views that pin their input.
 */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import {
  encodeArrayHeader,
  encodeBytesHeader,
  encodeObjectHeader,
  encodeTextHeader,
  textHeaderBytes,
} from './msgpack.js';
import { encodeUtf8Into, LONE_SURROGATE, NO_ROOM } from './utf8.js';
import { whyNotStorable } from './value-refusal.js';

/** Instead of an end: something in the value is not on the list. `value-refusal.ts` finds out what and where. */
const REFUSED = -3;
const scratch = new DataView(new ArrayBuffer(8));
const INT64_MIN = -(1n << 63n);
const INT64_MAX = (1n << 63n) - 1n;
const UINT64_MAX = (1n << 64n) - 1n;

/** The value's bytes; refuses with `value-invalid`. */
export function encodeValue(value: unknown): Uint8Array {
  for (let bytes = 256; ; bytes *= 8) {
    const target = new Uint8Array(bytes);
    const end = encodeValueInto(value, target, 0);
    if (end > limits.recordBytesMax || (end < 0 && bytes > limits.recordBytesMax)) throw valueTooLarge();
    if (end >= 0) return target.slice(0, end);
  }
}

/** Writes the value's bytes at `offset`; returns the new end, or -1 if they do not fit. Refuses with `value-invalid`. */
export function encodeValueInto(value: unknown, target: Uint8Array, offset: number): number {
  const end = encode(value, target, offset, 0);
  if (end === REFUSED) throw new GristmillError('value-invalid', whyNotStorable(value));
  return end;
}

export function valueTooLarge(): GristmillError {
  return new GristmillError('value-invalid', `a value must not be larger than ${limits.recordBytesMax} bytes`);
}

function encode(value: unknown, target: Uint8Array, at: number, depth: number): number {
  if (at + 9 > target.length && at + scalarBytes(value) > target.length) return NO_ROOM;
  if (typeof value === 'number') return encodeNumber(value, target, at);
  if (typeof value === 'string') return encodeText(value, target, at);
  if (value === null || typeof value === 'boolean') {
    target[at] = value === null ? 0xc0 : value ? 0xc3 : 0xc2;
    return at + 1;
  }
  if (value === undefined) {
    target.set([0xd4, 0, 0], at);
    return at + 3;
  }
  if (typeof value === 'bigint') return encodeBigint(value, target, at);
  if (typeof value !== 'object') return REFUSED;
  if (value instanceof Uint8Array) return encodeBytes(value, target, at);
  if (value instanceof Date) return encodeDate(value.getTime(), target, at);
  if (depth >= limits.valueDepthMax) return REFUSED;
  if (Array.isArray(value)) {
    let end = encodeArrayHeader(value.length, target, at);
    for (let i = 0; i < value.length && end >= 0; i++) end = encode(value[i], target, end, depth + 1);
    return end;
  }
  return encodeObject(value as Readonly<Record<string, unknown>>, target, at, depth);
}

function encodeObject(value: Readonly<Record<string, unknown>>, target: Uint8Array, at: number, depth: number): number {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return REFUSED;
  if (Object.getOwnPropertySymbols(value).length > 0) return REFUSED;
  const names = Object.keys(value);
  let end = encodeObjectHeader(names.length, target, at);
  for (let i = 0; i < names.length && end >= 0; i++) {
    const name = names[i] as string;
    if (name === '__proto__') return REFUSED;
    end = encodeText(name, target, end);
    if (end >= 0) end = encode(value[name], target, end, depth + 1);
  }
  return end;
}

/** At most this many bytes are written before room is asked for again; only near the target's end is it worth asking. */
function scalarBytes(value: unknown): number {
  if (value === undefined) return 3;
  if (typeof value === 'number') return (value | 0) === value && value >= -32 && value < 128 ? 1 : 9;
  return typeof value === 'bigint' ? 9 : 1;
}

function encodeNumber(value: number, target: Uint8Array, at: number): number {
  if (value >>> 0 === value) {
    if (value < 0x80) {
      target[at] = value;
      return at + 1;
    }
    if (value < 0x100) {
      target[at] = 0xcc;
      target[at + 1] = value;
      return at + 2;
    }
    if (value < 0x10000) {
      target[at] = 0xcd;
      return putTail(value, 2, target, at);
    }
    target[at] = 0xce;
    return putTail(value, 4, target, at);
  }
  if ((value | 0) !== value) {
    target[at] = 0xcb;
    scratch.setFloat64(0, value);
    return putScratch(target, at + 1);
  }
  if (value >= -0x20) {
    target[at] = value + 0x100;
    return at + 1;
  }
  if (value >= -0x80) {
    target[at] = 0xd0;
    return putTail(value, 1, target, at);
  }
  if (value >= -0x8000) {
    target[at] = 0xd1;
    return putTail(value, 2, target, at);
  }
  target[at] = 0xd2;
  return putTail(value, 4, target, at);
}

function encodeBigint(value: bigint, target: Uint8Array, at: number): number {
  if (value < INT64_MIN || value > UINT64_MAX) return REFUSED;
  const signed = value <= INT64_MAX;
  target[at] = signed ? 0xd3 : 0xcf;
  if (signed) scratch.setBigInt64(0, value);
  else scratch.setBigUint64(0, value);
  return putScratch(target, at + 1);
}

/** The low bytes of a 32-bit integer after the tag at `at`. */
function putTail(value: number, bytes: number, target: Uint8Array, at: number): number {
  for (let i = bytes, rest = value; i > 0; i--, rest >>= 8) target[at + i] = rest;
  return at + 1 + bytes;
}

function putScratch(target: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) target[at + i] = scratch.getUint8(i);
  return at + 8;
}

function encodeText(text: string, target: Uint8Array, at: number): number {
  const guess = textHeaderBytes(text.length);
  let end = encodeUtf8Into(text, target, at + guess);
  if (end < 0) return end === LONE_SURROGATE ? REFUSED : NO_ROOM;
  const bytes = end - at - guess;
  const shift = textHeaderBytes(bytes) - guess;
  if (shift > 0) {
    if (end + shift > target.length) return NO_ROOM;
    target.copyWithin(at + guess + shift, at + guess, end);
    end += shift;
  }
  return encodeTextHeader(bytes, target, at) < 0 ? NO_ROOM : end;
}

function encodeBytes(bytes: Uint8Array, target: Uint8Array, at: number): number {
  const start = encodeBytesHeader(bytes.length, target, at);
  if (start < 0 || start + bytes.length > target.length) return NO_ROOM;
  target.set(bytes, start);
  return start + bytes.length;
}

function encodeDate(time: number, target: Uint8Array, at: number): number {
  if (Number.isNaN(time)) return REFUSED;
  const seconds = Math.floor(time / 1000);
  const nanoseconds = (time - seconds * 1000) * 1_000_000;
  const bytes = seconds < 0 || seconds >= 2 ** 34 ? 15 : nanoseconds === 0 && seconds < 2 ** 32 ? 6 : 10;
  if (at + bytes > target.length) return NO_ROOM;
  if (bytes === 15) {
    target.set([0xc7, 12, 0xff], at);
    putTail(nanoseconds, 4, target, at + 2);
    scratch.setBigInt64(0, BigInt(seconds));
    putScratch(target, at + 7);
  } else {
    target[at] = bytes === 6 ? 0xd6 : 0xd7;
    target[at + 1] = 0xff;
    if (bytes === 10) putTail((nanoseconds * 4 + Math.floor(seconds / 2 ** 32)) | 0, 4, target, at + 1);
    putTail(seconds | 0, 4, target, at + bytes - 5);
  }
  return at + bytes;
}

export { decodeValue, decodeValueAt } from './value-decode.js';
