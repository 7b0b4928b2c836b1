/**
 * Keys as bytes whose order is the order of the keys.
 *
 * null < boolean < number < bigint < string < bytes < tuple; equality never crosses types. Version 1, big-endian:
 *
 *     null     10
 *     boolean  20 false, 21 true
 *     number   30, f64: sign bit flipped when positive, all bits when negative; -0 is 0, NaN is refused
 *     bigint   40, length, magnitude: see `bigint-key.ts`
 *     string   50, UTF-8: ascends by code point; lone surrogates are refused
 *     bytes    60, the bytes
 *     tuple    70, then its atoms; inside a tuple strings and bytes write 00 as 00 FF and end with 00
 *
 * A key that stands alone ends where its bytes end, so it needs neither escapes nor a terminator. No tag is 00 or FF.
 */
import { GristmillError, hasCode } from '../errors.js';
import { limits } from '../limits.js';
import { decodeBigintKey, encodeBigintKeyInto, endOfBigintKey } from './bigint-key.js';
import { decodeUtf8, encodeUtf8Into, LONE_SURROGATE, NO_ROOM } from './utf8.js';
import { className } from './value-refusal.js';

/** One component of a key. */
export type Atom = string | number | bigint | boolean | null | Uint8Array;
/** A key is an atom or a flat tuple of atoms. Numbers and bigints are different keys, as in a Map. */
export type Key = Atom | readonly Atom[];

/** The first byte of a string: what writes short strings by itself has to know it. */
export const KEY_TAG_STRING = 0x50;
const TAG = {
  null: 0x10,
  false: 0x20,
  true: 0x21,
  number: 0x30,
  bigint: 0x40,
  string: KEY_TAG_STRING,
  bytes: 0x60,
  tuple: 0x70,
};

const scratch = new DataView(new ArrayBuffer(8));

/** The key's bytes; refuses with `key-invalid`. */
export function encodeKey(key: unknown): Uint8Array {
  for (let bytes = 64; ; bytes *= 8) {
    const target = new Uint8Array(Math.min(bytes, limits.keyBytesMax));
    const end = encodeKeyInto(key, target, 0);
    if (end >= 0) return target.slice(0, end);
  }
}

/** Writes the key's bytes at `offset`; returns the new end, or -1 if they do not fit. Refuses with `key-invalid`. */
export function encodeKeyInto(key: unknown, target: Uint8Array, offset: number): number {
  let end: number;
  if (typeof key === 'string') {
    end = encodeTextInto(key, target, offset);
  } else if (Array.isArray(key)) {
    end = encodeTupleInto(key, target, offset);
  } else {
    end = encodeAtomInto(key, target, offset, false);
  }
  if (end >= 0 ? end - offset > limits.keyBytesMax : target.length - offset >= limits.keyBytesMax) refuseLength();
  return end;
}

function encodeTextInto(text: string, target: Uint8Array, offset: number): number {
  if (text.length >= limits.keyBytesMax) refuseLength();
  if (offset >= target.length) return NO_ROOM;
  target[offset] = TAG.string;
  const end = encodeUtf8Into(text, target, offset + 1);
  if (end === LONE_SURROGATE) {
    refuse(`the string ${JSON.stringify(text)} has a lone surrogate, which is not text: make it well-formed`);
  }
  return end;
}

function encodeAtomInto(atom: unknown, target: Uint8Array, offset: number, inTuple: boolean): number {
  if (typeof atom === 'string') return delimit(encodeTextInto(atom, target, offset), target, offset, inTuple);
  if (typeof atom === 'number') return encodeNumberInto(atom, target, offset);
  if (typeof atom === 'boolean') return encodeTagInto(atom ? TAG.true : TAG.false, target, offset);
  if (atom === null) return encodeTagInto(TAG.null, target, offset);
  if (typeof atom === 'bigint') {
    const end = encodeTagInto(TAG.bigint, target, offset);
    const written = end < 0 ? end : encodeBigintKeyInto(atom, target, end);
    return written ?? refuseLength();
  }
  if (!(atom instanceof Uint8Array)) return refuse(whyNotAtom(atom, inTuple));
  if (atom.length >= limits.keyBytesMax) refuseLength();
  if (offset + 1 + atom.length > target.length) return NO_ROOM;
  target[offset] = TAG.bytes;
  target.set(atom, offset + 1);
  return delimit(offset + 1 + atom.length, target, offset, inTuple);
}

function encodeTupleInto(tuple: readonly unknown[], target: Uint8Array, offset: number): number {
  let end = encodeTagInto(TAG.tuple, target, offset);
  let i = 0;
  try {
    for (; i < tuple.length && end >= 0; i++) end = encodeAtomInto(tuple[i], target, end, true);
  } catch (error) {
    if (!hasCode(error, 'key-invalid')) throw error;
    throw new GristmillError('key-invalid', `key[${i}]: ${GristmillError.from(error).message}`, { cause: error });
  }
  return end;
}

function encodeTagInto(tag: number, target: Uint8Array, offset: number): number {
  if (offset >= target.length) return NO_ROOM;
  target[offset] = tag;
  return offset + 1;
}

function encodeNumberInto(value: number, target: Uint8Array, offset: number): number {
  if (Number.isNaN(value)) refuse('a key must not be NaN, which equals nothing');
  if (offset + 9 > target.length) return NO_ROOM;
  target[offset] = TAG.number;
  scratch.setFloat64(0, value + 0);
  const flip = scratch.getUint8(0) >= 0x80 ? 0xff : 0;
  target[offset + 1] = scratch.getUint8(0) ^ (flip === 0 ? 0x80 : 0xff);
  for (let i = 1; i < 8; i++) target[offset + 1 + i] = scratch.getUint8(i) ^ flip;
  return offset + 9;
}

/** Ends a string or bytes: nothing to do at the end of a key; within a tuple escapes its zeros and adds the terminator. */
function delimit(end: number, target: Uint8Array, offset: number, inTuple: boolean): number {
  if (!inTuple || end < 0) return end;
  let zeros = 0;
  for (let i = offset + 1; i < end; i++) if (target[i] === 0) zeros++;
  const newEnd = end + zeros + 1;
  if (newEnd > target.length) return NO_ROOM;
  let to = newEnd - 1;
  target[to] = 0;
  for (let from = end - 1; to > from + 1; from--) {
    const byte = target[from] as number;
    if (byte === 0) target[--to] = 0xff;
    target[--to] = byte;
  }
  return newEnd;
}

/** The key of these bytes; refuses what `encodeKey` does not write with `block-corrupt`. */
export function decodeKey(bytes: Uint8Array): Key {
  return decodeKeyAt(bytes, 0, bytes.length);
}

export function decodeKeyAt(bytes: Uint8Array, start: number, end: number): Key {
  const tag = start < end ? bytes[start] : undefined;
  if (tag === TAG.string) return decodeUtf8(bytes, start + 1, end);
  if (tag === TAG.bytes) return new Uint8Array(bytes.subarray(start + 1, end));
  if (tag !== TAG.tuple) return decodeFixed(bytes, start, end, tag);
  const tuple: Atom[] = [];
  for (let at = start + 1; at < end;) {
    const next = endOfAtom(bytes, at, end);
    const atomTag = bytes[at] as number;
    if (atomTag === TAG.string || atomTag === TAG.bytes) {
      const text = unescape(bytes, at + 1, next - 1);
      tuple.push(atomTag === TAG.bytes ? text : decodeUtf8(text, 0, text.length));
    } else {
      tuple.push(decodeFixed(bytes, at, next, atomTag));
    }
    at = next;
  }
  return tuple;
}

function decodeFixed(bytes: Uint8Array, start: number, end: number, tag: number | undefined): Atom {
  if (tag === undefined || endOfAtom(bytes, start, end) !== end) return corrupt();
  switch (tag) {
    case TAG.null:
      return null;
    case TAG.false:
    case TAG.true:
      return tag === TAG.true;
    case TAG.number: {
      const flip = (bytes[start + 1] as number) >= 0x80 ? 0 : 0xff;
      scratch.setUint8(0, (bytes[start + 1] as number) ^ (flip === 0 ? 0x80 : 0xff));
      for (let i = 1; i < 8; i++) scratch.setUint8(i, (bytes[start + 1 + i] as number) ^ flip);
      return scratch.getFloat64(0);
    }
    default:
      return decodeBigintKey(bytes, start + 1, end);
  }
}

/** Where the atom that begins at `start` ends, by its tag. */
function endOfAtom(bytes: Uint8Array, start: number, end: number): number {
  const tag = bytes[start] as number;
  let next: number;
  if (tag === TAG.null || tag === TAG.false || tag === TAG.true) next = start + 1;
  else if (tag === TAG.number) next = start + 9;
  else if (tag === TAG.bigint) next = endOfBigintKey(bytes, start + 1, end);
  else if (tag === TAG.string || tag === TAG.bytes) next = endOfEscaped(bytes, start + 1, end);
  else return corrupt();
  return next <= end ? next : corrupt();
}

function endOfEscaped(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== 0) continue;
    if (at + 1 < end && bytes[at + 1] === 0xff) at++;
    else return at + 1;
  }
  return corrupt();
}

function unescape(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const plain = new Uint8Array(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    plain[length++] = byte;
    if (byte === 0) at++;
  }
  return plain.slice(0, length);
}

/** Negative when `a` is before `b`, as memcmp; a prefix is before what it begins. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return compareRanges(a, 0, a.length, b, 0, b.length);
}

/** `compareBytes` of `a[aStart, aEnd)` and `b[bStart, bEnd)`. */
export function compareRanges(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart;
  const bLength = bEnd - bStart;
  const common = aLength < bLength ? aLength : bLength;
  for (let i = 0; i < common; i++) {
    const difference = (a[aStart + i] as number) - (b[bStart + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

function whyNotAtom(atom: unknown, inTuple: boolean): string {
  if (atom === undefined) return `a key must not ${inTuple ? 'hold' : 'be'} undefined`;
  if (atom instanceof Date) return 'a key must not be a Date: use its toISOString() or getTime()';
  if (Array.isArray(atom)) return 'a tuple key must be flat: it holds another array';
  const name = typeof atom === 'object' && atom !== null ? className(atom) : typeof atom;
  return `a key must not be of type ${name}: use a string, number, bigint, boolean, null, Uint8Array or a tuple of these`;
}

function refuse(message: string): never {
  throw new GristmillError('key-invalid', message);
}

function refuseLength(): never {
  return refuse(`a key must not be longer than ${limits.keyBytesMax} bytes: put long data into the value`);
}

function corrupt(): never {
  throw new GristmillError('block-corrupt', 'these bytes are not a key');
}
