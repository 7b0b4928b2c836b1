/**
 * The rows of a merge in order, one by one or as blocks: in batches that the kernel fills, whose rows point into the blocks of
 * their sources. No source gets another block before its batch is used up.
 */
import { BlockBuilder } from '../codec/block-builder.js';
import { KIND_IDS, type Block } from '../codec/block.js';
import { encoded, type EncodedBlock } from '../codec/shuffle-writer.js';
import { decodeUtf8 } from '../codec/utf8.js';
import { decodeValueAt } from '../codec/value-decode.js';
import { GristmillError } from '../errors.js';
import type { BlockOut } from './block-out.js';
import type { SortedRows } from './fold-rows.js';
import type { Kernel } from './kernel.js';
import { DONE, REFILL, type MergeSources } from './merge-sources.js';

const ROW_BYTES = 40;
const BATCH_ROWS = 2048;
const NEW_GROUP = 0x100;

export class MergedRows implements SortedRows {
  static readonly bytes = BATCH_ROWS * ROW_BYTES;
  readonly keys: Uint8Array;
  readonly #kernel: Kernel;
  readonly #sources: MergeSources;
  readonly #place: number;
  /** The address of the row at hand. */
  #row: number;
  #end: number;
  #status = -1;

  constructor(kernel: Kernel, sources: MergeSources, place: number) {
    this.#kernel = kernel;
    this.keys = kernel.bytes;
    this.#sources = sources;
    this.#place = place;
    this.#row = place - ROW_BYTES;
    this.#end = place;
  }

  /** Moves to the next row; false at the end. */
  next(): boolean {
    this.#row += ROW_BYTES;
    return this.#row < this.#end || this.#fill();
  }

  /** The row at hand is the first of its key. */
  get isNewGroup(): boolean {
    return (this.#kernel.view.getUint32(this.#row + 16, true) & NEW_GROUP) !== 0;
  }

  get keyStart(): number {
    return this.#kernel.view.getUint32(this.#row, true);
  }

  get keyEnd(): number {
    return this.keyStart + this.#kernel.view.getUint32(this.#row + 4, true);
  }

  get weight(): number {
    const { view } = this.#kernel;
    return view.getUint32(this.#row + 24, true) + view.getUint32(this.#row + 28, true) * 2 ** 32;
  }

  get isFolded(): boolean {
    return this.#sources.isFolded(this.#kernel.view.getUint32(this.#row + 20, true));
  }

  /** Decoded anew at each call; a copy, that pins nothing. */
  value(): unknown {
    const { view, bytes } = this.#kernel;
    const at = view.getUint32(this.#row + 8, true);
    const end = at + view.getUint32(this.#row + 12, true);
    switch (view.getUint32(this.#row + 16, true) & 0xff) {
      case KIND_IDS.f64:
        return view.getFloat64(at, true);
      case KIND_IDS.utf8:
        return decodeUtf8(bytes, at, end);
      case KIND_IDS.bytes:
        return bytes.slice(at, end);
      case KIND_IDS.msgpack:
        return decodeValueAt(bytes, at, end);
      default:
        throw new GristmillError('internal', 'a state is not a value');
    }
  }

  /** The row's block and its place there: states of any form. */
  state(): { readonly block: Block; readonly row: number } {
    const { view } = this.#kernel;
    const block = this.#sources.block(view.getUint32(this.#row + 20, true));
    return { block, row: view.getUint32(this.#row + 32, true) };
  }

  /** Gives all rows as blocks of plain values. */
  write(out: BlockOut, take: (block: EncodedBlock) => void): void {
    const { exports } = this.#kernel;
    let inBlock = 0;
    const flush = () => {
      if (inBlock > 0) take(out.take(inBlock));
      inBlock = 0;
    };
    while (this.#fill()) {
      const rows = (this.#end - this.#place) / ROW_BYTES;
      for (let from = 0; from < rows;) {
        const to = exports.writeMergedRows(from, rows, inBlock);
        inBlock += to - from;
        from = to;
        if (to === rows) break;
        flush();
        // What no kernel writes: a row that is too large, and kinds that have to be made one.
        if (exports.oversize.value === 0 && exports.mixed.value === 0) continue;
        this.#row = this.#place + from * ROW_BYTES;
        this.#build(take);
        return;
      }
    }
    flush();
  }

  /** Gives the row at hand and all after it. */
  #build(take: (block: EncodedBlock) => void): void {
    const { bytes, view } = this.#kernel;
    const builder = new BlockBuilder();
    do {
      const at = view.getUint32(this.#row + 8, true);
      const length = view.getUint32(this.#row + 12, true);
      const target = builder.reserve(length);
      target.set(bytes.subarray(at, at + length), builder.valueAt);
      const kind = view.getUint32(this.#row + 16, true) & 0xff;
      builder.commit(bytes, this.keyStart, this.keyEnd, kind, builder.valueAt + length, this.weight);
      if (builder.full) take(encoded(builder.take()));
    } while (this.next());
    if (builder.rows > 0) take(encoded(builder.take()));
  }

  #fill(): boolean {
    const { exports } = this.#kernel;
    do {
      if (this.#status === DONE) return false;
      if (this.#status === REFILL) this.#sources.refill();
      this.#status = this.#sources.check(exports.mergeRows(this.#place, BATCH_ROWS));
      this.#end = this.#place + exports.given.value * ROW_BYTES;
    } while (this.#end === this.#place);
    this.#row = this.#place;
    return true;
  }
}
