/** Collects rows into a block and chooses the cheapest kind of value that all of them fit. */
import { limits } from '../limits.js';
import { copyBytes, KIND_IDS, type Block, type ValueKind } from './block.js';
import { encodeBytesHeader, encodeTextHeader } from './msgpack.js';
import { stateColumns, widenStateRow, type Layout } from './state.js';
import { encodeValueInto } from './value.js';

const ROWS_AT_FIRST = 256;
/** Little, for a task with many partitions makes as many blocks that may be small; what a builder has grown to it keeps. */
const BYTES_AT_FIRST = 4096;
const kindOfId = Object.fromEntries(Object.entries(KIND_IDS).map(([kind, id]) => [id, kind as ValueKind]));
const header = new Uint8Array(16);

/**
 * A row's value comes as bytes with the id of its kind: f64 and states in row form, utf8, bytes and msgpack without any
 * header. Rows of different kinds make a block of msgpack, or of wide states.
 */
export class BlockBuilder {
  readonly #layout: Layout;
  #keys = new Uint8Array(BYTES_AT_FIRST);
  #keyEnds = new Uint32Array(ROWS_AT_FIRST);
  #values = new Uint8Array(BYTES_AT_FIRST);
  #valueEnds = new Uint32Array(ROWS_AT_FIRST);
  #kinds = new Uint8Array(ROWS_AT_FIRST);
  #weights = new Float64Array(ROWS_AT_FIRST);
  #rows = 0;
  #keyEnd = 0;
  #valueEnd = 0;
  /** The kind of all rows so far, or 0 once they differ. */
  #kind = 0;
  #weighted = false;

  constructor(layout: Layout = []) {
    this.#layout = layout;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Whether the block has reached the size that blocks should have. */
  get full(): boolean {
    return this.#keyEnd + this.#valueEnd + this.#rows * 8 >= limits.blockBytesTarget;
  }

  /** Makes room for a row and returns the array to which `commit` expects `valueBytes` bytes to be written, at `valueAt`. */
  reserve(valueBytes: number): Uint8Array {
    if (this.#rows === this.#kinds.length) this.#growRows();
    this.#values = grown(this.#values, this.#valueEnd + valueBytes);
    return this.#values;
  }

  get valueAt(): number {
    return this.#valueEnd;
  }

  /** Adds the row whose value was written to what `reserve` returned. */
  commit(keys: Uint8Array, start: number, end: number, kind: number, valueEnd: number, weight: number): void {
    const row = this.#rows++;
    this.#keys = grown(this.#keys, this.#keyEnd + end - start);
    this.#keyEnd = copyBytes(keys, start, end, this.#keys, this.#keyEnd);
    this.#keyEnds[row] = this.#keyEnd;
    this.#valueEnd = valueEnd;
    this.#valueEnds[row] = valueEnd;
    this.#kinds[row] = kind;
    this.#weights[row] = weight;
    if (weight !== 1) this.#weighted = true;
    this.#kind = row === 0 || this.#kind === kind ? kind : 0;
  }

  /** The block of all rows so far, in arrays of its own; the builder begins anew. */
  take(): Block {
    const rows = this.#rows;
    const kind = this.#kind === 0 ? this.#unify() : (kindOfId[this.#kind] as ValueKind);
    const packed = this.#values.subarray(0, this.#valueEnd);
    const block: Block = {
      rows,
      keyBytes: this.#keys.slice(0, this.#keyEnd),
      keyEnds: this.#keyEnds.slice(0, rows),
      kind,
      layout: this.#layout,
      values: kind === 'state' ? stateColumns(this.#layout, rows, packed) : packed.slice(),
      valueEnds: kind === 'f64' || kind === 'state' ? undefined : this.#valueEnds.slice(0, rows),
      weights: this.#weighted ? this.#weights.slice(0, rows) : undefined,
    };
    this.#rows = 0;
    this.#keyEnd = 0;
    this.#valueEnd = 0;
    this.#kind = 0;
    this.#weighted = false;
    return block;
  }

  /** Rewrites all values in the one kind that takes them all. */
  #unify(): ValueKind {
    const values = this.#values;
    const used = this.#valueEnd;
    const states = this.#layout.length > 0;
    this.#values = new Uint8Array(used + this.#rows * (states ? 8 : header.length));
    let start = 0;
    let to = 0;
    for (let row = 0; row < this.#rows; row++) {
      const end = this.#valueEnds[row] as number;
      const kind = this.#kinds[row] as number;
      const bytes = states ? this.#widened(kind, values, start, end) : values.subarray(start, end);
      const headerEnd = states ? 0 : msgpackHeader(kind, values, start, end);
      const bodyBytes = !states && kind === KIND_IDS.f64 ? 0 : bytes.length;
      this.#values = grown(this.#values, to + headerEnd + bodyBytes);
      to = copyBytes(header, 0, headerEnd, this.#values, to);
      to = copyBytes(bytes, 0, bodyBytes, this.#values, to);
      this.#valueEnds[row] = to;
      start = end;
    }
    this.#valueEnd = to;
    return states ? 'wide' : 'msgpack';
  }

  #widened(kind: number, values: Uint8Array, start: number, end: number): Uint8Array {
    return kind === KIND_IDS.state ? widenStateRow(this.#layout, values, start) : values.subarray(start, end);
  }

  #growRows(): void {
    const rows = this.#rows * 2;
    this.#keyEnds = copied(this.#keyEnds, new Uint32Array(rows));
    this.#valueEnds = copied(this.#valueEnds, new Uint32Array(rows));
    this.#kinds = copied(this.#kinds, new Uint8Array(rows));
    this.#weights = copied(this.#weights, new Float64Array(rows));
  }
}

const scalar = new Uint8Array(8);
const scalarFloat = new Float64Array(scalar.buffer);

/** Writes what msgpack has before the bytes of a value (for a number: all of it) into `header`; returns where it ends. */
function msgpackHeader(kind: number, values: Uint8Array, start: number, end: number): number {
  if (kind === KIND_IDS.utf8) return encodeTextHeader(end - start, header, 0);
  if (kind === KIND_IDS.bytes) return encodeBytesHeader(end - start, header, 0);
  if (kind !== KIND_IDS.f64) return 0;
  copyBytes(values, start, end, scalar, 0);
  return encodeValueInto(scalarFloat[0], header, 0);
}

function grown(bytes: Uint8Array<ArrayBuffer>, needed: number): Uint8Array<ArrayBuffer> {
  return needed <= bytes.length ? bytes : copied(bytes, new Uint8Array(Math.max(needed, bytes.length * 2)));
}

function copied<Column extends { set(source: Column): void }>(source: Column, target: Column): Column {
  target.set(source);
  return target;
}
