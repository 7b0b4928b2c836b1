/**
 * Emits without an aggregator of fixed width: keys and values in an arena, sorted when it is full.
 *
 *   region   | 4 bytes, key, value | 4 bytes, key, value | ... ->   (sorting)   <- rows, downwards |
 *
 * A row is u32 address of the key, u32 key length, u32 value length, u32 kind. Sorting needs 34 bytes for each, which stay free
 * between the arena and the rows.
 */
import { KIND_IDS } from '../codec/block.js';
import { BlockBuilder } from '../codec/block-builder.js';
import { encodeKeyInto } from '../codec/key.js';
import { encoded, type EncodedBlock } from '../codec/shuffle-writer.js';
import { encodeUtf8Into, LONE_SURROGATE } from '../codec/utf8.js';
import { encodeValue, encodeValueInto, valueTooLarge } from '../codec/value.js';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { ArenaRows } from './arena-rows.js';
import { BlockOut } from './block-out.js';
import type { GroupSizes } from './combine-mode.js';
import { foldRows } from './fold-rows.js';
import type { EmitStore, TakeBlock } from './emit-store.js';
import type { Kernel } from './kernel.js';
import type { Regions } from './regions.js';
import type { RowSort } from './row-sort.js';
import type { ValueFold } from './value-fold.js';
import { kindOf } from './value-kind.js';

const ROW_BYTES = 16;
const SORT_BYTES = 34;
/** Rows for which room is set aside at a time. */
const ROWS_STEP = 4096;
const KEY_GAP_BYTES = 4;
const ALIGNMENT_BYTES = 256;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

export interface CollectedEmitsOptions {
  readonly kernel: Kernel;
  readonly regions: Regions;
  readonly partitions: number;
  readonly sort: RowSort;
  /** The arena is full: `drain` has to be called before this returns. */
  readonly onFull: () => void;
  /** Folds the values of each key before they are written, so many at a time. */
  readonly fold: ValueFold | undefined;
  readonly sizes: GroupSizes;
}

export class CollectedEmits implements EmitStore {
  readonly #kernel: Kernel;
  readonly #sort: RowSort;
  readonly #out: BlockOut;
  readonly #onFull: () => void;
  readonly #fold: ValueFold | undefined;
  readonly #sizes: GroupSizes;
  readonly #starts: number;
  readonly #at: number;
  readonly #bytes: number;
  /** The address of row 0. */
  readonly #rowsAt: number;
  /** The part of the arena that may be written now; room for `#rowsRoom` rows is left behind it. */
  #arena: Uint8Array;
  #rowsRoom = 0;
  #rows = 0;
  #end = 0;
  #doneRows = 0;
  #doneEnd = 0;
  #drained = 0;
  #isCommitted = false;

  constructor({ kernel, regions, partitions, sort, onFull, fold, sizes }: CollectedEmitsOptions) {
    this.#kernel = kernel;
    this.#sort = sort;
    this.#onFull = onFull;
    this.#fold = fold;
    this.#sizes = sizes;
    this.#out = new BlockOut(kernel, regions, []);
    this.#starts = regions.take((partitions + 1) * 4);
    const { at, bytes } = regions.rest();
    this.#at = at;
    this.#bytes = bytes;
    this.#rowsAt = Math.floor((at + bytes) / 64) * 64 - ROW_BYTES;
    this.#arena = new Uint8Array(0);
    if (!this.#makeRows()) throw new GristmillError('internal', 'the memory of a map task is too small');
  }

  get emitted(): number {
    return this.#drained + this.#doneRows;
  }

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  emit(key: unknown, value: unknown): void {
    if (this.#rows === this.#rowsRoom && !this.#makeRows()) this.#full();
    while (!this.#hasRoomForKey()) this.#makeRoom();
    const keyAt = this.#end + KEY_GAP_BYTES;
    const keyEnd = encodeKeyInto(key, this.#arena, keyAt);
    const kind = kindOf(value);
    const end = encodeInto(kind, value, this.#arena, keyEnd);
    if (end < 0) {
      if (this.#arena.length - keyEnd > limits.recordBytesMax) throw valueTooLarge();
      this.#makeRoom();
      this.emit(key, value);
      return;
    }
    if (end - keyEnd > limits.recordBytesMax) throw valueTooLarge();
    const { view } = this.#kernel;
    const row = this.#rowsAt - this.#rows * ROW_BYTES;
    view.setUint32(row, this.#at + keyAt, true);
    view.setUint32(row + 4, keyEnd - keyAt, true);
    view.setUint32(row + 8, end - keyEnd, true);
    view.setUint32(row + 12, kind, true);
    this.#rows += 1;
    this.#end = end;
  }

  recordDone(): void {
    this.#doneRows = this.#rows;
    this.#doneEnd = this.#end;
    this.#isCommitted = false;
  }

  recordFailed(): void {
    if (this.#isCommitted) {
      throw new GristmillError('memory-exceeded', 'the record emitted too much for its emits to be taken back');
    }
    this.#rows = this.#doneRows;
    this.#end = this.#doneEnd;
  }

  finish(): void {
    this.#rows = this.#doneRows;
    this.#end = this.#doneEnd;
  }

  drain(take: TakeBlock): void {
    const rows = this.#doneRows;
    const first = Math.ceil((this.#at + this.#end + 64) / 64) * 64;
    const second = first + rows * 16;
    const places = { first, second, chosen: second + rows * 16, starts: this.#starts };
    this.#kernel.exports.arenaRowsAt(this.#rowsAt);
    this.#sort.run({ rows, start: this.#rowsAt, stride: -ROW_BYTES }, places, (partition, from, to) => {
      this.#write(partition, from, to, take);
    });
    this.#drop(rows);
  }

  #write(partition: number, from: number, to: number, take: TakeBlock): void {
    const { exports } = this.#kernel;
    if (this.#fold) {
      this.#writeFolded(this.#fold, new ArenaRows(this.#kernel, this.#rowsAt, from, to), (block) =>
        take(partition, block),
      );
      return;
    }
    for (let place = from; place < to;) {
      const end = exports.writeArenaRows(place, to);
      if (exports.oversize.value === 1) {
        take(partition, this.#build(place, ++place));
        continue;
      }
      // Kinds that differ are made one where each value gets a header.
      const isMixed = exports.kind.value === 0;
      take(partition, isMixed ? this.#build(place, end) : this.#out.take(end - place));
      place = end;
    }
  }

  #writeFolded(fold: ValueFold, rows: ArenaRows, take: (block: EncodedBlock) => void): void {
    const builder = new BlockBuilder();
    foldRows(rows, fold, this.#sizes, builder, () => {
      if (builder.full) take(encoded(builder.take()));
    });
    if (builder.rows > 0) take(encoded(builder.take()));
  }

  #build(from: number, to: number): EncodedBlock {
    const { bytes, view, exports } = this.#kernel;
    const builder = new BlockBuilder();
    for (let place = from; place < to; place++) {
      const row = this.#rowsAt - exports.sortedRow(place) * ROW_BYTES;
      const key = view.getUint32(row, true);
      const value = key + view.getUint32(row + 4, true);
      const valueBytes = view.getUint32(row + 8, true);
      const target = builder.reserve(valueBytes);
      target.set(bytes.subarray(value, value + valueBytes), builder.valueAt);
      builder.commit(bytes, key, value, view.getUint32(row + 12, true), builder.valueAt + valueBytes, 1);
    }
    return encoded(builder.take());
  }

  #hasRoomForKey(): boolean {
    return this.#end + KEY_GAP_BYTES + limits.keyBytesMax <= this.#arena.length;
  }

  /** What is done goes first; what the record under way has emitted only when it fills the memory by itself. */
  #makeRoom(): void {
    if (this.#rows === 0) this.#tooSmall();
    this.#full();
  }

  #makeRows(): boolean {
    const rowsRoom = this.#rows + ROWS_STEP;
    const arenaBytes = this.#bytes - ALIGNMENT_BYTES - rowsRoom * (ROW_BYTES + SORT_BYTES);
    if (arenaBytes < this.#end) return false;
    this.#rowsRoom = rowsRoom;
    this.#arena = new Uint8Array(this.#kernel.memory.buffer, this.#at, arenaBytes);
    return true;
  }

  #full(): void {
    if (this.#doneRows === 0) {
      this.#isCommitted = true;
      this.#doneRows = this.#rows;
      this.#doneEnd = this.#end;
    }
    this.#onFull();
  }

  /** Moves what belongs to the record under way to the front. */
  #drop(rows: number): void {
    const { bytes, view } = this.#kernel;
    const cut = this.#doneEnd;
    bytes.copyWithin(this.#at, this.#at + cut, this.#at + this.#end);
    for (let row = rows; row < this.#rows; row++) {
      const from = this.#rowsAt - row * ROW_BYTES;
      const to = this.#rowsAt - (row - rows) * ROW_BYTES;
      bytes.copyWithin(to, from, from + ROW_BYTES);
      view.setUint32(to, view.getUint32(to, true) - cut, true);
    }
    this.#drained += rows;
    this.#rows -= rows;
    this.#end -= cut;
    this.#doneRows = 0;
    this.#doneEnd = 0;
    this.#makeRows();
  }

  #tooSmall(): never {
    throw new GristmillError('memory-exceeded', `a record does not fit into a map task's memory: raise 'memory'`);
  }
}

/** Writes the value as a block has it: the new end, or -1 when it does not fit. */
function encodeInto(kind: number, value: unknown, arena: Uint8Array, at: number): number {
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
