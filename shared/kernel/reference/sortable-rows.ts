/** Rows with keys in one arena, as a store of emits hands them over to be sorted and written. */
import type { BlockBuilder } from '../../codec/block-builder.js';
import type { Layout } from '../../codec/state.js';

export interface SortableRows {
  readonly rows: number;
  /** Parts of the states that are the rows' values; empty when they are plain values. */
  readonly layout: Layout;
  readonly arena: Uint8Array;
  /** The key of a row begins where `before` of the row before it says, that of the first one at 0. */
  readonly before: Uint32Array;
  readonly keyEnds: Uint32Array;
  /** Emits that the rows stand for. */
  readonly emitted: number;
  append(row: number, builder: BlockBuilder): void;
}

/** Takes emits and makes them visible record by record. */
export interface EmitStore {
  emit(key: unknown, value: unknown): void;
  recordDone(): void;
  recordFailed(): void;
  /** Emits of the records that are done. */
  readonly emitted: number;
  /** No more emits; those of a record that is neither done nor failed are dropped. */
  finish(): SortableRows;
}

/** What sorting and writing take for each row, counted as rows are added so that finishing never fails. */
export const FINISH_BYTES_PER_ROW = 22;
