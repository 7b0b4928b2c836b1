/**
 * JSON documents that carry their own checksum, and the checks of their fields.
 *
 * `xxh64` is the document's last field: 16 hex digits of xxh64 over the UTF-8 of the rest as canonical JSON, which is JSON
 * without spaces whose objects have their names sorted by UTF-16 units. So the layout of a document may change and its
 * content may not.
 */
import { GristmillError } from '../errors.js';
import { parseJobId, type JobId } from '../ids.js';
import { hex64, xxh64 } from './checksum.js';

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const CHECKSUM = 'xxh64';

/** The document with its checksum. `indent` spaces make it readable. */
export function encodeDocument(content: object, indent = 0): Uint8Array {
  const plain = JSON.parse(JSON.stringify(content)) as { [name: string]: Json };
  const document = { ...plain, [CHECKSUM]: checksumOf(plain) };
  return new TextEncoder().encode(`${JSON.stringify(document, null, indent)}\n`);
}

/** The document's fields, once its checksum was found right. Throws `manifest-invalid`. */
export function parseDocument(what: string, bytes: Uint8Array): Fields {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new GristmillError('manifest-invalid', `${what} is not JSON`, { cause: error });
  }
  const fields = new Fields(what, document);
  const { [CHECKSUM]: checksum, ...content } = document as { [name: string]: Json };
  if (checksum !== checksumOf(content)) {
    throw new GristmillError('manifest-invalid', `${what} is not as it was written: its checksum is wrong`);
  }
  return fields;
}

function checksumOf(content: { readonly [name: string]: Json }): string {
  return hex64(xxh64(new TextEncoder().encode(canonical(content))));
}

function canonical(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((part) => canonical(part as Json)).join(',')}]`;
  const object = value as { readonly [name: string]: Json };
  const names = Object.keys(object).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(object[name] as Json)}`).join(',')}}`;
}

/** An object of a document, whose fields are read with their types. Throws `manifest-invalid`, naming the path. */
export class Fields {
  readonly #path: string;
  readonly #object: Readonly<Record<string, unknown>>;

  constructor(path: string, value: unknown) {
    this.#path = path;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) this.#refuse('', 'an object');
    this.#object = value as Readonly<Record<string, unknown>>;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  get names(): readonly string[] {
    return Object.keys(this.#object);
  }

  any(name: string): unknown {
    return this.has(name) ? this.#object[name] : undefined;
  }

  text(name: string): string {
    const value = this.any(name);
    return typeof value === 'string' ? value : this.#refuse(name, 'a string');
  }

  /** An exact integer from 0 on. */
  integer(name: string): number {
    const value = this.any(name);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.#refuse(name, 'an integer from 0 on');
  }

  /** Any finite number. */
  number(name: string): number {
    const value = this.any(name);
    return typeof value === 'number' ? value : this.#refuse(name, 'a number');
  }

  boolean(name: string): boolean {
    const value = this.any(name);
    return typeof value === 'boolean' ? value : this.#refuse(name, 'a boolean');
  }

  /** The one value that is allowed. */
  exactly<Value extends string | number>(name: string, wanted: Value): Value {
    return this.any(name) === wanted ? wanted : this.#refuse(name, JSON.stringify(wanted));
  }

  job(name: string): JobId {
    try {
      return parseJobId(this.text(name));
    } catch {
      return this.#refuse(name, 'a job id');
    }
  }

  /** A digest of 16 hex digits, as text. */
  digest(name: string): string {
    const value = this.text(name);
    return /^[0-9a-f]{16}$/.test(value) ? value : this.#refuse(name, '16 hex digits');
  }

  fields(name: string): Fields {
    return new Fields(`${this.#path}.${name}`, this.any(name));
  }

  list<Item>(name: string, read: (item: Fields) => Item): Item[] {
    const value = this.any(name);
    if (!Array.isArray(value)) return this.#refuse(name, 'a list');
    return value.map((item: unknown, i) => read(new Fields(`${this.#path}.${name}[${i}]`, item)));
  }

  #refuse(name: string, wanted: string): never {
    const path = name === '' ? this.#path : `${this.#path}.${name}`;
    throw new GristmillError('manifest-invalid', `${path} must be ${wanted}`);
  }
}
