/**
 * States of aggregators in blocks.
 *
 * A state has one part for each aggregator of its layout, in the layout's order. Version 1, little-endian. In a block
 * of kind `state` every part is a column of fixed width, and the columns follow each other:
 *
 *     id  part   column                                     in a row
 *     1   count  u64 each                                   8 bytes
 *     2   sum    24 bytes each, fixed form of `exact-sum`   24 bytes
 *     3   min    f64 each, then one bit each: present       f64, then a byte: present
 *     4   max    as min
 *
 * In a block of kind `wide`, taken when a row holds something that has no fixed width, a row is for each part: u32 bytes
 * that follow, a byte for the form (0 the row form above, 1 wide), the part. Wide are a sum in its wide form, and a
 * minimum or maximum that is not a number, as the encoding of a key: `min` and `max` order as keys do.
 */
import { GristmillError } from '../errors.js';

export type AggregatorName = 'count' | 'sum' | 'min' | 'max';
export type Layout = readonly AggregatorName[];

/** In which the parts of a layout that the engine makes stand: states of one meaning have one form. */
export const LAYOUT_ORDER: Layout = ['count', 'sum', 'min', 'max'];

export const FORM_FIXED = 0;
export const FORM_WIDE = 1;
/** Before each part of a wide row: its length and its form. */
export const WIDE_PART_HEADER_BYTES = 5;

const ids: Readonly<Record<AggregatorName, number>> = { count: 1, sum: 2, min: 3, max: 4 };
const rowBytes: Readonly<Record<AggregatorName, number>> = { count: 8, sum: 24, min: 9, max: 9 };

export function layoutIds(layout: Layout): number[] {
  return layout.map((part) => ids[part]);
}

/** The layout of these ids, or undefined when one is not known. */
export function layoutOfIds(found: readonly unknown[]): Layout | undefined {
  const names = Object.keys(ids) as AggregatorName[];
  const layout = found.map((id) => names.find((name) => ids[name] === id));
  return layout.length > 0 && layout.every((part) => part !== undefined) ? layout : undefined;
}

export function isSameLayout(a: Layout, b: Layout): boolean {
  return a.length === b.length && a.every((part, place) => part === b[place]);
}

/** Bytes of one fixed row. */
export function stateRowBytes(layout: Layout): number {
  return layout.reduce((bytes, part) => bytes + rowBytes[part], 0);
}

export function stateColumnsBytes(layout: Layout, rows: number): number {
  return layout.reduce((bytes, part) => bytes + columnBytes(part, rows), 0);
}

function hasPresence(part: AggregatorName): boolean {
  return part === 'min' || part === 'max';
}

function columnBytes(part: AggregatorName, rows: number): number {
  return hasPresence(part) ? rows * 8 + Math.ceil(rows / 8) : rows * rowBytes[part];
}

/** Rows that follow each other, turned into columns. */
export function stateColumns(layout: Layout, rows: number, packed: Uint8Array): Uint8Array {
  const columns = new Uint8Array(stateColumnsBytes(layout, rows));
  const stride = stateRowBytes(layout);
  let column = 0;
  let from = 0;
  for (const part of layout) {
    const width = hasPresence(part) ? 8 : rowBytes[part];
    for (let row = 0; row < rows; row++) {
      const at = row * stride + from;
      for (let i = 0; i < width; i++) columns[column + row * width + i] = packed[at + i] as number;
      if (hasPresence(part) && packed[at + width] !== 0) setBit(columns, column + rows * width, row);
    }
    column += columnBytes(part, rows);
    from += rowBytes[part];
  }
  return columns;
}

function setBit(bytes: Uint8Array, start: number, bit: number): void {
  const at = start + (bit >> 3);
  bytes[at] = (bytes[at] as number) | (1 << (bit & 7));
}

/** Writes one row out of the columns in row form; the caller has made room for `stateRowBytes`. */
export function copyStateRow(
  layout: Layout,
  rows: number,
  columns: Uint8Array,
  row: number,
  target: Uint8Array,
  offset: number,
): number {
  let column = 0;
  let end = offset;
  for (const part of layout) {
    const width = hasPresence(part) ? 8 : rowBytes[part];
    const from = column + row * width;
    for (let i = 0; i < width; i++) target[end++] = columns[from + i] as number;
    if (hasPresence(part)) {
      const bits = columns[column + rows * width + (row >> 3)] as number;
      target[end++] = (bits >> (row & 7)) & 1;
    }
    column += columnBytes(part, rows);
  }
  return end;
}

/** A fixed row as a wide one. */
export function widenStateRow(layout: Layout, packed: Uint8Array, start: number): Uint8Array {
  const wide = new Uint8Array(stateRowBytes(layout) + layout.length * WIDE_PART_HEADER_BYTES);
  let from = start;
  let at = 0;
  for (const part of layout) {
    const width = rowBytes[part];
    at = writeWidePartHeader(wide, at, width + 1, FORM_FIXED);
    wide.set(packed.subarray(from, from + width), at);
    at += width;
    from += width;
  }
  return wide;
}

/** `bytes` counts the form's byte too. */
export function writeWidePartHeader(target: Uint8Array, at: number, bytes: number, form: number): number {
  target[at] = bytes;
  target[at + 1] = bytes >> 8;
  target[at + 2] = bytes >> 16;
  target[at + 3] = bytes >> 24;
  target[at + 4] = form;
  return at + WIDE_PART_HEADER_BYTES;
}

/** Calls `visit` with the form and the bytes of each part of a row, fixed or wide. */
export function visitStateRow(
  layout: Layout,
  form: number,
  row: Uint8Array,
  start: number,
  end: number,
  visit: (part: number, form: number, start: number, end: number) => void,
): void {
  let at = start;
  for (let part = 0; part < layout.length; part++) {
    if (form === FORM_FIXED) {
      const next = at + rowBytes[layout[part] as AggregatorName];
      visit(part, FORM_FIXED, at, next);
      at = next;
      continue;
    }
    if (at + WIDE_PART_HEADER_BYTES > end) corrupt();
    let bytes = 0;
    for (let i = 3; i >= 0; i--) bytes = bytes * 256 + (row[at + i] as number);
    const next = at + 4 + bytes;
    if (next > end || bytes < 1) corrupt();
    visit(part, row[at + 4] as number, at + WIDE_PART_HEADER_BYTES, next);
    at = next;
  }
  if (at !== end) corrupt();
}

function corrupt(): never {
  throw new GristmillError('block-corrupt', 'these bytes are not a state');
}
