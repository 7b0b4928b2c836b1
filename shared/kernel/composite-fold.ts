/** The states of an aggregation of any layout: a fold for each part, and their parts in one row as `codec/state.ts` has them. */
import { askerOf, finishStates, type BuiltInSpec } from '../aggregation.js';
import {
  FORM_FIXED,
  FORM_WIDE,
  visitStateRow,
  WIDE_PART_HEADER_BYTES,
  writeWidePartHeader,
  type AggregatorName,
  type Layout,
} from '../codec/state.js';
import { CountFold } from './count-fold.js';
import { ExtremeFold } from './extreme-fold.js';
import type { StateFold } from './state-fold.js';
import { SumFold } from './sum-fold.js';

export class CompositeFold implements StateFold {
  readonly #spec: BuiltInSpec;
  readonly #parts: readonly StateFold[];
  #inexact = 0;

  constructor(spec: BuiltInSpec, capacity: number) {
    this.#spec = spec;
    this.#parts = spec.layout.map((part, place) => createPart(part, askerOf(spec, place), capacity));
  }

  /** Takes emits as the whole does: the part itself where there is one, which spares a call for each emit. */
  get emits(): StateFold {
    const [only, ...more] = this.#parts;
    return only && more.length === 0 ? only : this;
  }

  get layout(): Layout {
    return this.#spec.layout;
  }

  /** Results so far that are sums past 2^53 and had to be rounded. */
  get inexact(): number {
    return this.#inexact;
  }

  get memoryBytes(): number {
    return this.#parts.reduce((bytes, part) => bytes + part.memoryBytes, 0);
  }

  grow(capacity: number): void {
    for (const part of this.#parts) part.grow(capacity);
  }

  clear(slot: number): void {
    for (const part of this.#parts) part.clear(slot);
  }

  takesNumber(value: number): boolean {
    for (const part of this.#parts) if (!part.takesNumber(value)) return false;
    return true;
  }

  addNumber(slot: number, value: number): void {
    for (const part of this.#parts) part.addNumber(slot, value);
  }

  /** The parts that write anything, a minimum and a maximum, write the same bytes: the value's encoding as a key. */
  encodeInto(value: unknown, target: Uint8Array, offset: number): number {
    let end = offset;
    for (const part of this.#parts) {
      if (typeof value === 'number' && part.takesNumber(value)) continue;
      const partEnd = part.encodeInto(value, target, offset);
      if (partEnd < 0) return partEnd;
      end = Math.max(end, partEnd);
    }
    return end;
  }

  addEncoded(slot: number, bytes: Uint8Array, start: number, end: number): void {
    for (const part of this.#parts) part.addEncoded(slot, bytes, start, end);
  }

  /** Merges a later state's row. */
  merge(slot: number, form: number, bytes: Uint8Array, start: number, end: number): void {
    visitStateRow(this.layout, form, bytes, start, end, (place, partForm, from, to) => {
      this.#parts[place]?.merge(slot, partForm, bytes, from, to);
    });
  }

  isWide(slot: number): boolean {
    for (const part of this.#parts) if (part.isWide(slot)) return true;
    return false;
  }

  bytesMax(slot: number): number {
    let bytes = 0;
    for (const part of this.#parts) bytes += WIDE_PART_HEADER_BYTES + part.bytesMax(slot);
    return bytes;
  }

  /** Writes the row: fixed, or wide as soon as one part is. */
  write(slot: number, target: Uint8Array, offset: number): number {
    const wide = this.isWide(slot);
    let at = offset;
    for (const part of this.#parts) {
      const from = wide ? at + WIDE_PART_HEADER_BYTES : at;
      const end = part.write(slot, target, from);
      if (wide) writeWidePartHeader(target, at, end - from + 1, part.isWide(slot) ? FORM_WIDE : FORM_FIXED);
      at = end;
    }
    return at;
  }

  finish(slot: number): unknown {
    return finishStates(this.#spec.result, (place, isResult) => {
      const part = this.#parts[place];
      const result = part?.finish(slot);
      if (isResult && part instanceof SumFold && part.roundedLast) this.#inexact++;
      return result;
    });
  }
}

function createPart(part: AggregatorName, asker: string, capacity: number): StateFold {
  switch (part) {
    case 'count':
      return new CountFold(capacity);
    case 'sum':
      return new SumFold(asker, capacity);
    case 'min':
    case 'max':
      return new ExtremeFold(part, asker, capacity);
  }
}
