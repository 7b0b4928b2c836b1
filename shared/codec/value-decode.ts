/** Reads what `value.ts` writes. Everything returned is a copy; anything else than our own forms is `block-corrupt`. */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { decodeUtf8 } from './utf8.js';

let input: Uint8Array = new Uint8Array(0);
let view = new DataView(input.buffer);
let at = 0;
let limit = 0;

export function decodeValue(bytes: Uint8Array): unknown {
  return decodeValueAt(bytes, 0, bytes.length);
}

/** The value whose encoding is exactly the bytes from `start` to `end`. */
export function decodeValueAt(bytes: Uint8Array, start: number, end: number): unknown {
  if (input !== bytes) {
    input = bytes;
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  at = start;
  limit = Math.min(end, bytes.length);
  const value = decode(0);
  if (at !== end) corrupt();
  return value;
}

function take(bytes: number): number {
  const from = at;
  at += bytes;
  if (at > limit) corrupt();
  return from;
}

function decode(depth: number): unknown {
  const tag = view.getUint8(take(1));
  if (tag < 0x80) return tag;
  if (tag >= 0xe0) return tag - 0x100;
  if (tag < 0x90) return decodeObject(tag & 0x0f, depth);
  if (tag < 0xa0) return decodeArray(tag & 0x0f, depth);
  if (tag < 0xc0) return decodeText(tag & 0x1f);
  switch (tag) {
    case 0xc0:
      return null;
    case 0xc2:
    case 0xc3:
      return tag === 0xc3;
    case 0xc4:
      return decodeBytes(view.getUint8(take(1)));
    case 0xc5:
      return decodeBytes(view.getUint16(take(2)));
    case 0xc6:
      return decodeBytes(view.getUint32(take(4)));
    case 0xd9:
      return decodeText(view.getUint8(take(1)));
    case 0xda:
      return decodeText(view.getUint16(take(2)));
    case 0xdb:
      return decodeText(view.getUint32(take(4)));
    case 0xdc:
      return decodeArray(view.getUint16(take(2)), depth);
    case 0xdd:
      return decodeArray(view.getUint32(take(4)), depth);
    case 0xde:
      return decodeObject(view.getUint16(take(2)), depth);
    case 0xdf:
      return decodeObject(view.getUint32(take(4)), depth);
    default:
      return tag < 0xd0 && tag > 0xc9 ? decodeUnsigned(tag) : decodeSigned(tag);
  }
}

function decodeUnsigned(tag: number): number | bigint {
  switch (tag) {
    case 0xcb:
      return view.getFloat64(take(8));
    case 0xcc:
      return view.getUint8(take(1));
    case 0xcd:
      return view.getUint16(take(2));
    case 0xce:
      return view.getUint32(take(4));
    case 0xcf:
      return view.getBigUint64(take(8));
    default:
      return corrupt();
  }
}

function decodeSigned(tag: number): number | bigint | Date | undefined {
  switch (tag) {
    case 0xd0:
      return view.getInt8(take(1));
    case 0xd1:
      return view.getInt16(take(2));
    case 0xd2:
      return view.getInt32(take(4));
    case 0xd3:
      return view.getBigInt64(take(8));
    default:
      return decodeExtension(tag);
  }
}

function decodeExtension(tag: number): Date | undefined {
  const bytes =
    tag === 0xd4 ? 1 : tag === 0xd6 ? 4 : tag === 0xd7 ? 8 : tag === 0xc7 ? view.getUint8(take(1)) : corrupt();
  const type = view.getInt8(take(1));
  const from = take(bytes);
  if (tag === 0xd4) return type === 0 && view.getUint8(from) === 0 ? undefined : corrupt();
  if (type !== -1) return corrupt();
  if (bytes === 4) return new Date(view.getUint32(from) * 1000);
  if (bytes === 8) {
    const head = view.getUint32(from);
    const seconds = (head & 3) * 2 ** 32 + view.getUint32(from + 4);
    return new Date(seconds * 1000 + (head >>> 2) / 1_000_000);
  }
  if (bytes !== 12) return corrupt();
  return new Date(Number(view.getBigInt64(from + 4)) * 1000 + view.getUint32(from) / 1_000_000);
}

function decodeText(bytes: number): string {
  const from = take(bytes);
  return decodeUtf8(input, from, from + bytes);
}

function decodeBytes(bytes: number): Uint8Array {
  const from = take(bytes);
  return new Uint8Array(input.subarray(from, from + bytes));
}

function decodeArray(length: number, depth: number): unknown[] {
  checkRoom(length, depth);
  const values: unknown[] = [];
  for (let i = 0; i < length; i++) values.push(decode(depth + 1));
  return values;
}

function decodeObject(length: number, depth: number): Record<string, unknown> {
  checkRoom(length * 2, depth);
  const object: Record<string, unknown> = {};
  for (let i = 0; i < length; i++) {
    const name = decode(depth + 1);
    if (typeof name !== 'string' || name === '__proto__') return corrupt();
    object[name] = decode(depth + 1);
  }
  return object;
}

/** Every element takes at least one byte: a length that the input cannot hold is refused before it is walked. */
function checkRoom(elements: number, depth: number): void {
  if (elements > limit - at || depth >= limits.valueDepthMax) corrupt();
}

function corrupt(): never {
  throw new GristmillError('block-corrupt', 'these bytes are not a value');
}
