/** The states of `agg.count`: how many values, whatever they are. */
import { GristmillError } from '../errors.js';
import { FORM_FIXED } from '../codec/state.js';
import { moved } from './reference/memory-budget.js';
import type { StateFold } from './state-fold.js';

const FIXED_BYTES = 8;

export class CountFold implements StateFold {
  #counts: Float64Array;

  constructor(capacity: number) {
    this.#counts = new Float64Array(capacity);
  }

  get memoryBytes(): number {
    return this.#counts.byteLength;
  }

  grow(capacity: number): void {
    this.#counts = moved(this.#counts, new Float64Array(capacity));
  }

  clear(slot: number): void {
    this.#counts[slot] = 0;
  }

  takesNumber(): boolean {
    return true;
  }

  addNumber(slot: number): void {
    this.#counts[slot] = (this.#counts[slot] as number) + 1;
  }

  encodeInto(_value: unknown, _target: Uint8Array, offset: number): number {
    return offset;
  }

  addEncoded(slot: number): void {
    this.addNumber(slot);
  }

  merge(slot: number, form: number, bytes: Uint8Array, start: number, end: number): void {
    let count = 0;
    for (let at = end - 1; at >= start; at--) count = count * 256 + (bytes[at] as number);
    const sum = (this.#counts[slot] as number) + count;
    if (form !== FORM_FIXED || end - start !== FIXED_BYTES || !Number.isSafeInteger(sum)) {
      throw new GristmillError('block-corrupt', 'these bytes are not a count');
    }
    this.#counts[slot] = sum;
  }

  isWide(): boolean {
    return false;
  }

  bytesMax(): number {
    return FIXED_BYTES;
  }

  write(slot: number, target: Uint8Array, offset: number): number {
    let rest = this.#counts[slot] as number;
    for (let i = 0; i < FIXED_BYTES; i++, rest = Math.floor(rest / 256)) target[offset + i] = rest % 256;
    return offset + FIXED_BYTES;
  }

  finish(slot: number): number {
    return this.#counts[slot] as number;
  }
}
