/** Emits without an aggregator: each key followed by its value in one arena, and where they end in columns. */
import { copyBytes, KIND_IDS } from '../../codec/block.js';
import type { BlockBuilder } from '../../codec/block-builder.js';
import { encodeKeyInto } from '../../codec/key.js';
import { decodeUtf8, encodeUtf8Into, LONE_SURROGATE } from '../../codec/utf8.js';
import { encodeValue, encodeValueInto, valueTooLarge } from '../../codec/value.js';
import { decodeValueAt } from '../../codec/value-decode.js';
import { limits } from '../../limits.js';
import { kindOf } from '../value-kind.js';
import { MemoryBudget, moved } from './memory-budget.js';
import { FINISH_BYTES_PER_ROW, type EmitStore, type SortableRows } from './sortable-rows.js';

const ARENA_BYTES_AT_FIRST = 64 * 1024;
const ROWS_AT_FIRST = 1024;
const ROW_BYTES = 9 + FINISH_BYTES_PER_ROW;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

export class RecordArena implements EmitStore, SortableRows {
  readonly layout = [];
  readonly #budget: MemoryBudget;
  #arena: Uint8Array;
  #keyEnds: Uint32Array;
  #valueEnds: Uint32Array;
  #kinds: Uint8Array;
  #rows = 0;
  #end = 0;
  /** Rows of the records that are done. */
  #doneRows = 0;

  constructor(memoryBytes: number) {
    this.#budget = new MemoryBudget(
      Math.min(memoryBytes, 2 ** 32 - 1),
      "raise 'memory', or emit fewer or smaller values from one record",
    );
    this.#budget.move('arena', ARENA_BYTES_AT_FIRST);
    this.#budget.move('columns', ROWS_AT_FIRST * ROW_BYTES);
    this.#arena = new Uint8Array(ARENA_BYTES_AT_FIRST);
    this.#keyEnds = new Uint32Array(ROWS_AT_FIRST);
    this.#valueEnds = new Uint32Array(ROWS_AT_FIRST);
    this.#kinds = new Uint8Array(ROWS_AT_FIRST);
  }

  get rows(): number {
    return this.#doneRows;
  }

  get emitted(): number {
    return this.#doneRows;
  }

  get arena(): Uint8Array {
    return this.#arena;
  }

  get before(): Uint32Array {
    return this.#valueEnds;
  }

  get keyEnds(): Uint32Array {
    return this.#keyEnds;
  }

  emit(key: unknown, value: unknown): void {
    if (this.#rows === this.#kinds.length) this.#growRows();
    let keyEnd = encodeKeyInto(key, this.#arena, this.#end);
    while (keyEnd < 0) {
      this.#growArena();
      keyEnd = encodeKeyInto(key, this.#arena, this.#end);
    }
    const kind = kindOf(value);
    let valueEnd = this.#encode(kind, value, keyEnd);
    while (valueEnd < 0) {
      if (this.#arena.length - keyEnd > limits.recordBytesMax) throw valueTooLarge();
      this.#growArena();
      valueEnd = this.#encode(kind, value, keyEnd);
    }
    if (valueEnd - keyEnd > limits.recordBytesMax) throw valueTooLarge();
    const row = this.#rows++;
    this.#keyEnds[row] = keyEnd;
    this.#valueEnds[row] = valueEnd;
    this.#kinds[row] = kind;
    this.#end = valueEnd;
  }

  #encode(kind: number, value: unknown, at: number): number {
    const arena = this.#arena;
    if (kind === KIND_IDS.f64) {
      if (at + 8 > arena.length) return -1;
      float[0] = (value as number) + 0;
      for (let i = 0; i < 8; i++) arena[at + i] = floatBytes[i] as number;
      return at + 8;
    }
    if (kind === KIND_IDS.utf8) {
      const end = encodeUtf8Into(value as string, arena, at);
      // Refused there, with the path.
      if (end === LONE_SURROGATE) encodeValue(value);
      return end;
    }
    if (kind === KIND_IDS.msgpack) return encodeValueInto(value, arena, at);
    const bytes = value as Uint8Array;
    if (at + bytes.length > arena.length) return -1;
    arena.set(bytes, at);
    return at + bytes.length;
  }

  recordDone(): void {
    this.#doneRows = this.#rows;
  }

  recordFailed(): void {
    this.#rows = this.#doneRows;
    this.#end = this.#rows === 0 ? 0 : (this.#valueEnds[this.#rows - 1] as number);
  }

  finish(): SortableRows {
    this.recordFailed();
    return this;
  }

  /** The value of a row, decoded anew at each call. */
  value(row: number): unknown {
    const start = this.#keyEnds[row] as number;
    const end = this.#valueEnds[row] as number;
    const arena = this.#arena;
    const kind = this.#kinds[row];
    if (kind === KIND_IDS.utf8) return decodeUtf8(arena, start, end);
    if (kind === KIND_IDS.bytes) return arena.slice(start, end);
    if (kind !== KIND_IDS.f64) return decodeValueAt(arena, start, end);
    for (let i = 0; i < 8; i++) floatBytes[i] = arena[start + i] as number;
    return float[0];
  }

  append(row: number, builder: BlockBuilder): void {
    const start = row === 0 ? 0 : (this.#valueEnds[row - 1] as number);
    const keyEnd = this.#keyEnds[row] as number;
    const valueEnd = this.#valueEnds[row] as number;
    const target = builder.reserve(valueEnd - keyEnd);
    const end = copyBytes(this.#arena, keyEnd, valueEnd, target, builder.valueAt);
    builder.commit(this.#arena, start, keyEnd, this.#kinds[row] as number, end, 1);
  }

  #growArena(): void {
    this.#budget.move('arena', this.#arena.length * 2);
    this.#arena = moved(this.#arena, new Uint8Array(this.#arena.length * 2));
  }

  #growRows(): void {
    const rows = this.#rows * 2;
    this.#budget.move('columns', rows * ROW_BYTES);
    this.#keyEnds = moved(this.#keyEnds, new Uint32Array(rows));
    this.#valueEnds = moved(this.#valueEnds, new Uint32Array(rows));
    this.#kinds = moved(this.#kinds, new Uint8Array(rows));
  }
}

/** The id of the cheapest kind that holds the value. */
