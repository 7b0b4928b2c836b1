/**
 * Rows as lines. JSONL: bigint as digits, Date as ISO text, bytes as base64, fields that are undefined left out, `-0` as
 * `0`; whatever would silently change or vanish is refused with its path. Fields come in the order of the row's own keys;
 * symbol keys are no data, as in JSON. Text: strings, one line each.
 */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import type { SinkFormat } from '../plan.js';

/** The row as one line, without its newline. */
export type RowEncoder = (row: unknown) => string;

export function createRowEncoder(format: SinkFormat): RowEncoder {
  return format === 'jsonl' ? encodeJson : encodeLine;
}

const encodeJson: RowEncoder = (row) => {
  const kind = kindOf(row, 0);
  if (kind === REFUSED || row === undefined) throw refusal(row, 'row', 0) ?? invalid('row', 'cannot be written');
  const line = kind === PLAIN ? JSON.stringify(row) : write(row);
  return checkLength(line);
};

const encodeLine: RowEncoder = (row) => {
  if (typeof row !== 'string') throw invalid('row', `is ${nameOf(row)}: write.text takes strings`);
  if (row.includes('\n'))
    throw invalid('row', 'has a newline, so it would be read as two; split it, or use write.jsonl');
  if (!isWellFormed(row)) throw invalid('row', HALF_CHARACTER);
  return checkLength(row);
};

const HALF_CHARACTER = 'has half a character (a lone surrogate), which UTF-8 cannot hold';

function checkLength(line: string): string {
  if (line.length * 3 <= limits.recordBytesMax) return line;
  const bytes = Buffer.byteLength(line);
  if (bytes <= limits.recordBytesMax) return line;
  throw new GristmillError('row-invalid', `row: has ${bytes} bytes, the limit is ${limits.recordBytesMax}`);
}

interface WellFormed {
  isWellFormed(): boolean;
}

function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormed).isWellFormed();
}

/** JSON.stringify writes it as it should be. */
const PLAIN = 0;
/** It has a bigint or bytes. */
const SPECIAL = 1;
const REFUSED = 2;
type Kind = typeof PLAIN | typeof SPECIAL | typeof REFUSED;

/** One walk without paths or garbage; a refused row is walked again for its reason. */
function kindOf(value: unknown, depth: number): Kind {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value) ? PLAIN : REFUSED;
    case 'number':
      return Number.isFinite(value) ? PLAIN : REFUSED;
    case 'boolean':
    case 'undefined':
      return PLAIN;
    case 'bigint':
      return SPECIAL;
    case 'object':
      return value === null ? PLAIN : kindOfObject(value, depth);
    case 'symbol':
    case 'function':
      return REFUSED;
  }
}

function kindOfObject(value: object, depth: number): Kind {
  if (depth >= limits.valueDepthMax) return REFUSED;
  let kind: Kind = PLAIN;
  if (Array.isArray(value)) {
    for (const element of value as unknown[]) {
      const inner = element === undefined ? REFUSED : kindOf(element, depth + 1);
      if (inner === REFUSED) return REFUSED;
      if (inner === SPECIAL) kind = SPECIAL;
    }
    return kind;
  }
  if (!isPlain(value)) {
    if (value instanceof Uint8Array) return SPECIAL;
    return value instanceof Date && !Number.isNaN(value.getTime()) ? PLAIN : REFUSED;
  }
  for (const key in value) {
    const inner = isWellFormed(key) ? kindOf((value as Record<string, unknown>)[key], depth + 1) : REFUSED;
    if (inner === REFUSED) return REFUSED;
    if (inner === SPECIAL) kind = SPECIAL;
  }
  return kind;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** For values that `kindOf` has let through. */
function write(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || value instanceof Date) return JSON.stringify(value);
  if (value instanceof Uint8Array) {
    return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`;
  }
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  const fields: string[] = [];
  for (const [key, field] of Object.entries(value)) {
    if (field !== undefined) fields.push(`${JSON.stringify(key)}:${write(field)}`);
  }
  return `{${fields.join(',')}}`;
}

function refusal(value: unknown, path: string, depth: number): GristmillError | undefined {
  const reason = reasonAgainst(value, depth);
  if (reason !== undefined) return invalid(path, reason);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  if (Array.isArray(value)) {
    for (const [index, element] of (value as unknown[]).entries()) {
      const inner =
        element === undefined && depth + 1 <= limits.valueDepthMax
          ? invalid(`${path}[${index}]`, 'is undefined, and a place in an array cannot be left out: use null')
          : refusal(element, `${path}[${index}]`, depth + 1);
      if (inner !== undefined) return inner;
    }
    return undefined;
  }
  for (const [key, field] of Object.entries(value)) {
    const inner = /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
    if (!isWellFormed(key)) return invalid(inner, 'is a key that has half a character (a lone surrogate)');
    const found = field === undefined ? undefined : refusal(field, inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function reasonAgainst(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return 'is undefined: a row is a value';
    case 'number':
      return Number.isFinite(value) ? undefined : `is ${value}, which JSON cannot hold: use null or leave the row out`;
    case 'string':
      return isWellFormed(value) ? undefined : HALF_CHARACTER;
    case 'symbol':
    case 'function':
      return `is ${nameOf(value)}, which is no data`;
    case 'object':
      if (value === null || value instanceof Uint8Array) return undefined;
      if (depth >= limits.valueDepthMax)
        return `is nested deeper than ${limits.valueDepthMax} levels, or contains itself`;
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'is an invalid Date' : undefined;
      if (Array.isArray(value) || isPlain(value)) return undefined;
      return `is ${nameOf(value)}: only plain objects, arrays, Date and Uint8Array can be written`;
    case 'bigint':
    case 'boolean':
      return undefined;
  }
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return value === undefined ? 'undefined' : `a ${typeof value}`;
  if (Array.isArray(value)) return 'an array';
  const { constructor } = value;
  const name = typeof constructor === 'function' ? constructor.name : '';
  return name === 'Object' || name === '' ? 'an object' : `an instance of ${name}`;
}

function invalid(path: string, reason: string): GristmillError {
  return new GristmillError('row-invalid', `${path}: ${reason}`);
}
