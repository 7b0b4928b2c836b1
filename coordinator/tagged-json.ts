/**
 * State as JSON: what JSON has no notation for is tagged. In text, a string that begins with U+0000 is not itself.
 *
 * ```
 * "\0n123"          a bigint                ["\0map",[key,value],…]   a Map
 * "\0s…"            a string beginning      ["\0set",value,…]         a Set
 *                   with U+0000             ["\0u8","base64"]         a Uint8Array; "\0u32" Uint32Array, "\0u64"
 * "\0u"             undefined in a list                               BigUint64Array, "\0f64" Float64Array, little-endian
 * ```
 *
 * Fields of objects that are undefined are absent. No data is mistaken for a tag: its own strings are escaped by `\0s`.
 */
import { GristmillError } from '../shared/errors.js';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

type Columns = Uint8Array | Uint32Array | BigUint64Array | Float64Array;

const COLUMNS = {
  '\0u8': { bytes: 1, make: (length: number) => new Uint8Array(length), get: 'getUint8', set: 'setUint8' },
  '\0u32': { bytes: 4, make: (length: number) => new Uint32Array(length), get: 'getUint32', set: 'setUint32' },
  '\0u64': { bytes: 8, make: (length: number) => new BigUint64Array(length), get: 'getBigUint64', set: 'setBigUint64' },
  '\0f64': { bytes: 8, make: (length: number) => new Float64Array(length), get: 'getFloat64', set: 'setFloat64' },
} as const;
type ColumnTag = keyof typeof COLUMNS;

export function toTagged(value: unknown): Json {
  switch (typeof value) {
    case 'string':
      return value.startsWith('\0') ? `\0s${value}` : value;
    case 'bigint':
      return `\0n${value}`;
    case 'undefined':
      return '\0u';
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : structure(value);
    case 'function':
    case 'symbol':
      throw new GristmillError('internal', `state holds a ${typeof value}, which cannot be written`);
  }
}

function structure(value: object): Json {
  if (Array.isArray(value)) return (value as unknown[]).map(toTagged);
  if (value instanceof Map) return ['\0map', ...[...value].map((entry) => entry.map(toTagged))];
  if (value instanceof Set) return ['\0set', ...[...value].map(toTagged)];
  const tag = columnTag(value);
  if (tag !== undefined) return [tag, columnText(tag, value as Columns)];
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, toTagged(field)]));
}

function columnTag(value: unknown): ColumnTag | undefined {
  if (value instanceof Uint8Array) return '\0u8';
  if (value instanceof Uint32Array) return '\0u32';
  if (value instanceof BigUint64Array) return '\0u64';
  return value instanceof Float64Array ? '\0f64' : undefined;
}

function columnText(tag: ColumnTag, column: Columns): string {
  const { bytes, set } = COLUMNS[tag];
  const view = new DataView(new ArrayBuffer(column.length * bytes));
  const write = (view[set] as (at: number, value: number | bigint, isLittle: boolean) => void).bind(view);
  for (const [i, value] of column.entries()) write(i * bytes, value, true);
  return Buffer.from(view.buffer).toString('base64');
}

/** The reverse of `toTagged`. */
export function fromTagged(json: Json): unknown {
  if (typeof json === 'string') return json.startsWith('\0') ? tagged(json) : json;
  if (typeof json !== 'object' || json === null) return json;
  if (!isList(json)) return Object.fromEntries(Object.entries(json).map(([name, field]) => [name, fromTagged(field)]));
  const [first, column] = json;
  if (typeof first !== 'string' || !first.startsWith('\0')) return json.map(fromTagged);
  if (first === '\0map') return new Map(json.slice(1).map((entry) => fromTagged(entry) as [unknown, unknown]));
  if (first === '\0set') return new Set(json.slice(1).map(fromTagged));
  return first in COLUMNS ? columnOf(first as ColumnTag, column as string) : json.map(fromTagged);
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}

function tagged(text: string): unknown {
  if (text.startsWith('\0n')) return BigInt(text.slice(2));
  return text.startsWith('\0s') ? text.slice(2) : undefined;
}

function columnOf(tag: ColumnTag, text: string): Columns {
  const { bytes, make, get } = COLUMNS[tag];
  const found = Buffer.from(text, 'base64');
  const view = new DataView(found.buffer, found.byteOffset, found.length);
  const column = make(found.length / bytes);
  const read = (view[get] as (at: number, isLittle: boolean) => number | bigint).bind(view);
  for (let i = 0; i < column.length; i++) (column as { [index: number]: number | bigint })[i] = read(i * bytes, true);
  return column;
}
