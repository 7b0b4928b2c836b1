/** Text to UTF-8 bytes in place and back. Lone surrogates are refused: as U+FFFD two different texts would be one. */

/** Instead of an end: the bytes do not fit into the target. */
export const NO_ROOM = -1;
/** Instead of an end: the text holds a lone surrogate. */
export const LONE_SURROGATE = -2;

/** Up to this length a loop over UTF-16 units is faster than a call out of JavaScript. */
const SHORT_UNITS = 48;
const encoder = new TextEncoder();
/** With the `u` flag, pairs are one character and only lone surrogates match. */
const loneSurrogate = /[\ud800-\udfff]/u;

/** Node's own methods work on any Uint8Array, without a Buffer being made for each call. */
const natives = Buffer.prototype as unknown as {
  readonly utf8Slice: (this: Uint8Array, start: number, end: number) => string;
};
const utf8Slice = natives.utf8Slice;

export function hasLoneSurrogate(text: string): boolean {
  return loneSurrogate.test(text);
}

/** Writes `text` at `offset`; returns the new end, `NO_ROOM` or `LONE_SURROGATE`. */
export function encodeUtf8Into(text: string, target: Uint8Array, offset: number): number {
  const length = text.length;
  if (length > SHORT_UNITS) return encodeLong(text, target, offset);
  if (offset + length > target.length) return NO_ROOM;
  let end = offset;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return encodeUnits(text, i, target, end);
    target[end++] = unit;
  }
  return end;
}

/** The bytes from `start` to `end`, which are known to be UTF-8. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  return utf8Slice.call(bytes, start, end);
}

function encodeLong(text: string, target: Uint8Array, offset: number): number {
  const { read, written } = encoder.encodeInto(text, target.subarray(offset));
  if (read < text.length) return NO_ROOM;
  return written !== text.length && loneSurrogate.test(text) ? LONE_SURROGATE : offset + written;
}

function encodeUnits(text: string, from: number, target: Uint8Array, offset: number): number {
  let end = offset;
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const point = unit >= 0xd800 && unit <= 0xdfff ? pairAt(text, i) : unit;
    if (point < 0) return LONE_SURROGATE;
    if (end + 4 > target.length && end + utf8Length(point) > target.length) return NO_ROOM;
    if (point < 0x80) {
      target[end++] = point;
    } else if (point < 0x800) {
      target[end++] = 0xc0 | (point >> 6);
      target[end++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      target[end++] = 0xe0 | (point >> 12);
      target[end++] = 0x80 | ((point >> 6) & 0x3f);
      target[end++] = 0x80 | (point & 0x3f);
    } else {
      target[end++] = 0xf0 | (point >> 18);
      target[end++] = 0x80 | ((point >> 12) & 0x3f);
      target[end++] = 0x80 | ((point >> 6) & 0x3f);
      target[end++] = 0x80 | (point & 0x3f);
      i++;
    }
  }
  return end;
}

function pairAt(text: string, i: number): number {
  const high = text.charCodeAt(i);
  const low = text.charCodeAt(i + 1);
  return high < 0xdc00 && low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : -1;
}

function utf8Length(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point < 0x10000 ? 3 : 4;
}
