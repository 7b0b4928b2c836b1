/** The states of `agg.min` and `agg.max`: a number each, or the key encoding of a string or bigint, in the order of keys. */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { copyBytes } from '../codec/block.js';
import { compareRanges, decodeKeyAt, encodeKeyInto } from '../codec/key.js';
import { FORM_FIXED } from '../codec/state.js';
import { moved } from './reference/memory-budget.js';
import type { StateFold } from './state-fold.js';

const ABSENT = 0;
const NUMBER = 1;
const ENCODED = 2;
const FIXED_BYTES = 9;

const view = new DataView(new ArrayBuffer(8));

export class ExtremeFold implements StateFold {
  /** 1 to keep the largest, -1 to keep the smallest. */
  readonly #direction: 1 | -1;
  readonly #asker: string;
  #forms: Uint8Array;
  #numbers: Float64Array;
  /** Where an encoded extreme is in the arena, its bytes and the room that it has; there once one is needed. */
  #starts: Uint32Array | undefined;
  #lengths: Uint32Array | undefined;
  #rooms: Uint32Array | undefined;
  #arena = new Uint8Array(0);
  #arenaEnd = 0;

  /** `asker` is the call that a refusal names. */
  constructor(name: 'min' | 'max', asker: string, capacity: number) {
    this.#asker = asker;
    this.#direction = name === 'max' ? 1 : -1;
    this.#forms = new Uint8Array(capacity);
    this.#numbers = new Float64Array(capacity);
  }

  get memoryBytes(): number {
    return this.#forms.length * (this.#starts ? 21 : 9) + this.#arena.length;
  }

  grow(capacity: number): void {
    this.#forms = moved(this.#forms, new Uint8Array(capacity));
    this.#numbers = moved(this.#numbers, new Float64Array(capacity));
    if (this.#starts) this.#starts = moved(this.#starts, new Uint32Array(capacity));
    if (this.#lengths) this.#lengths = moved(this.#lengths, new Uint32Array(capacity));
    if (this.#rooms) this.#rooms = moved(this.#rooms, new Uint32Array(capacity));
  }

  clear(slot: number): void {
    this.#forms[slot] = ABSENT;
  }

  encodeInto(value: unknown, target: Uint8Array, offset: number): number {
    if (typeof value === 'number') {
      if (Number.isNaN(value)) this.#refuse('NaN, which has no place in an order');
    } else if (typeof value !== 'string' && typeof value !== 'bigint') {
      this.#refuse(
        `a value of type ${value === null ? 'null' : typeof value}; what it takes are numbers, strings and bigints`,
      );
    }
    try {
      return encodeKeyInto(value, target, offset);
    } catch (error) {
      throw new GristmillError('value-invalid', GristmillError.from(error).message.replace('a key', 'value'), {
        cause: error,
      });
    }
  }

  #refuse(what: string): never {
    throw new GristmillError('value-invalid', `${this.#asker} was given ${what}`);
  }

  takesNumber(value: number): boolean {
    return !Number.isNaN(value);
  }

  addNumber(slot: number, value: number): void {
    const form = this.#forms[slot];
    if (form === NUMBER) {
      const held = this.#numbers[slot] as number;
      if (this.#direction > 0 ? value > held : value < held) this.#numbers[slot] = value + 0;
      return;
    }
    // Every number is before every bigint and string.
    if (form === ENCODED && this.#direction > 0) return;
    this.#forms[slot] = NUMBER;
    this.#numbers[slot] = value + 0;
  }

  addEncoded(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const form = this.#forms[slot];
    if (form === NUMBER && this.#direction < 0) return;
    if (form === ENCODED) {
      const from = (this.#starts as Uint32Array)[slot] as number;
      const to = from + ((this.#lengths as Uint32Array)[slot] as number);
      if (compareRanges(bytes, start, end, this.#arena, from, to) * this.#direction <= 0) return;
    }
    this.#put(slot, bytes, start, end, form === ENCODED);
  }

  #put(slot: number, bytes: Uint8Array, start: number, end: number, replace: boolean): void {
    const capacity = this.#forms.length;
    const starts = (this.#starts ??= new Uint32Array(capacity));
    const lengths = (this.#lengths ??= new Uint32Array(capacity));
    const rooms = (this.#rooms ??= new Uint32Array(capacity));
    const length = end - start;
    if (!replace || length > (rooms[slot] as number)) {
      // Room in powers of two: what is left behind by replacements stays below what is used.
      const room = 2 ** Math.ceil(Math.log2(Math.max(length, 8)));
      if (this.#arenaEnd + room > this.#arena.length) {
        const bytesNeeded = Math.max(this.#arenaEnd + room, this.#arena.length * 2, 1024);
        this.#arena = moved(this.#arena, new Uint8Array(bytesNeeded));
      }
      starts[slot] = this.#arenaEnd;
      rooms[slot] = room;
      this.#arenaEnd += room;
    }
    copyBytes(bytes, start, end, this.#arena, starts[slot] as number);
    lengths[slot] = length;
    this.#forms[slot] = ENCODED;
  }

  merge(slot: number, form: number, bytes: Uint8Array, start: number, end: number): void {
    if (form !== FORM_FIXED) {
      if (end - start > limits.keyBytesMax || start >= end) corrupt();
      this.addEncoded(slot, bytes, start, end);
      return;
    }
    if (end - start !== FIXED_BYTES) corrupt();
    for (let i = 0; i < 8; i++) view.setUint8(i, bytes[start + i] as number);
    if (bytes[start + 8] !== 0) this.addNumber(slot, view.getFloat64(0, true));
  }

  isWide(slot: number): boolean {
    return this.#forms[slot] === ENCODED;
  }

  bytesMax(slot: number): number {
    return this.isWide(slot) ? ((this.#lengths as Uint32Array)[slot] as number) : FIXED_BYTES;
  }

  write(slot: number, target: Uint8Array, offset: number): number {
    if (this.isWide(slot)) {
      const start = (this.#starts as Uint32Array)[slot] as number;
      return copyBytes(this.#arena, start, start + this.bytesMax(slot), target, offset);
    }
    const present = this.#forms[slot] === NUMBER;
    view.setFloat64(0, present ? (this.#numbers[slot] as number) : 0, true);
    for (let i = 0; i < 8; i++) target[offset + i] = view.getUint8(i);
    target[offset + 8] = present ? 1 : 0;
    return offset + FIXED_BYTES;
  }

  finish(slot: number): unknown {
    if (this.#forms[slot] === NUMBER) return this.#numbers[slot];
    if (this.#forms[slot] === ABSENT) return undefined;
    const start = (this.#starts as Uint32Array)[slot] as number;
    return decodeKeyAt(this.#arena, start, start + this.bytesMax(slot));
  }
}

function corrupt(): never {
  throw new GristmillError('block-corrupt', 'these bytes are not the state of a minimum or maximum');
}
