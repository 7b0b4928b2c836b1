/** Why a value cannot be stored: found by a second walk, so that the first one, which most values pass, keeps no path. */
import { limits } from '../limits.js';
import { hasLoneSurrogate } from './utf8.js';

const LIST = 'null, undefined, boolean, number, bigint, string, Uint8Array, Date, arrays and plain objects';
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** A sentence that names the path of the first part that the codec refuses. */
export function whyNotStorable(value: unknown): string {
  return find(value, 'value', 0) ?? `the value cannot be stored: what may be are ${LIST}`;
}

function find(value: unknown, path: string, depth: number): string | undefined {
  if (typeof value === 'string') {
    return hasLoneSurrogate(value) ? `${path} has a lone surrogate, which is not text: make it well-formed` : undefined;
  }
  if (typeof value === 'bigint') {
    const fits = BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value;
    return fits ? undefined : `${path} is a bigint of more than 64 bits: store it as a string`;
  }
  if (typeof value === 'symbol' || typeof value === 'function') return notOnTheList(path, `a ${typeof value}`);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return undefined;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? `${path} is an invalid Date` : undefined;
  if (depth >= limits.valueDepthMax) {
    const head = path.length > 60 ? `${path.slice(0, 60)}...` : path;
    return `${head} is nested deeper than ${limits.valueDepthMax} levels, or refers to itself`;
  }
  return Array.isArray(value) ? findInArray(value, path, depth) : findInObject(value, path, depth);
}

function findInArray(value: readonly unknown[], path: string, depth: number): string | undefined {
  for (let i = 0; i < value.length; i++) {
    const found = find(value[i], `${path}[${i}]`, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findInObject(value: object, path: string, depth: number): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return notOnTheList(path, `of class ${className(value)}`);
  if (Object.getOwnPropertySymbols(value).length > 0) return `${path} has a property whose name is a symbol`;
  for (const [name, part] of Object.entries(value)) {
    if (name === '__proto__') return `${path} has a property named __proto__`;
    if (hasLoneSurrogate(name)) return `${path} has a property whose name has a lone surrogate`;
    const found = find(part, IDENTIFIER.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function notOnTheList(path: string, what: string): string {
  return `${path} is ${what}, which cannot be stored: what may be are ${LIST}`;
}

/** For messages. */
export function className(value: object): string {
  const { constructor } = value as { constructor?: { name?: unknown } };
  return typeof constructor?.name === 'string' && constructor.name !== '' ? constructor.name : 'unknown';
}
