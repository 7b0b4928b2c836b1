/** The states of `agg.sum`, and of all that is made of sums: exact sums of numbers. */
import { GristmillError } from '../errors.js';
import { ExactSums, FIXED_BYTES, WIDE_BYTES_MAX } from '../codec/exact-sum.js';
import { FORM_FIXED } from '../codec/state.js';
import type { StateFold } from './state-fold.js';

export class SumFold implements StateFold {
  readonly #sums: ExactSums;
  readonly #asker: string;

  /** `asker` is the call that a refusal names. */
  constructor(asker: string, capacity: number) {
    this.#asker = asker;
    this.#sums = new ExactSums(capacity);
  }

  get memoryBytes(): number {
    return this.#sums.memoryBytes;
  }

  grow(capacity: number): void {
    this.#sums.grow(capacity);
  }

  clear(slot: number): void {
    this.#sums.clear(slot);
  }

  takesNumber(): boolean {
    return true;
  }

  addNumber(slot: number, value: number): void {
    this.#sums.add(slot, value);
  }

  encodeInto(value: unknown): never {
    const type = value === null ? 'null' : typeof value;
    throw new GristmillError('value-invalid', `${this.#asker} adds numbers; it was given a value of type ${type}`);
  }

  addEncoded(): never {
    throw new GristmillError('internal', 'a sum has no encoded values');
  }

  merge(slot: number, form: number, bytes: Uint8Array, start: number, end: number): void {
    if (form !== FORM_FIXED) {
      this.#sums.addWide(slot, bytes, start, end);
    } else if (end - start === FIXED_BYTES) {
      this.#sums.addFixed(slot, bytes, start);
    } else {
      throw new GristmillError('block-corrupt', 'these bytes are not a sum');
    }
  }

  isWide(slot: number): boolean {
    return this.#sums.isWide(slot);
  }

  bytesMax(slot: number): number {
    return this.#sums.isWide(slot) ? WIDE_BYTES_MAX : FIXED_BYTES;
  }

  write(slot: number, target: Uint8Array, offset: number): number {
    return this.#sums.write(slot, target, offset);
  }

  /** Whether the last result of `finish` is past 2^53 and not the exact sum. */
  get roundedLast(): boolean {
    return this.#sums.roundedLast;
  }

  finish(slot: number): number {
    return this.#sums.finish(slot);
  }
}
