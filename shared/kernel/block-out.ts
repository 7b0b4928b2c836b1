/** The places where kernels write the columns of one block, and that block, packed. */
import { encodeColumns, KIND_IDS, type ValueKind } from '../codec/block.js';
import type { EncodedBlock } from '../codec/shuffle-writer.js';
import type { Layout } from '../codec/state.js';
import { limits } from '../limits.js';
import type { Kernel } from './kernel.js';
import type { Regions } from './regions.js';

/** Keys and values of a block that is not yet full, and one row more. */
const ROOM_BYTES = limits.blockBytesTarget + 2 * limits.keyBytesMax;
/** A row takes 8 bytes and one for its key at least. */
const ROWS_MAX = Math.ceil(limits.blockBytesTarget / 9) + 1;
const kindOfId = Object.fromEntries(Object.entries(KIND_IDS).map(([kind, id]) => [id, kind as ValueKind]));

export class BlockOut {
  readonly #kernel: Kernel;
  readonly #layout: Layout;
  readonly #keys: number;
  readonly #ends: number;
  readonly #values: number;
  readonly #valueEnds: number;
  readonly #weights: number;

  constructor(kernel: Kernel, regions: Regions, layout: Layout) {
    this.#kernel = kernel;
    this.#layout = layout;
    this.#keys = regions.take(ROOM_BYTES);
    this.#ends = regions.take(ROWS_MAX * 4);
    this.#values = regions.take(ROOM_BYTES);
    this.#valueEnds = regions.take(ROWS_MAX * 4);
    this.#weights = regions.take(ROWS_MAX * 8);
    kernel.exports.blockPlaces(
      this.#keys,
      this.#ends,
      this.#values,
      this.#valueEnds,
      this.#weights,
      ROOM_BYTES,
      limits.blockBytesTarget,
    );
  }

  /** The block of so many rows that a kernel has just written. */
  take(rows: number): EncodedBlock {
    const { keyBytes, valueBytes, kind: id, weighted, weight, sum } = this.#kernel.exports;
    const kind = kindOfId[id.value] as ValueKind;
    const keys = this.#view(this.#keys, keyBytes.value);
    const payload = encodeColumns({
      rows,
      keyBytes: keys,
      keyEnds: this.#view(this.#ends, rows * 4),
      kind,
      layout: this.#layout,
      values: this.#view(this.#values, valueBytes.value),
      valueEnds: kind === 'f64' || kind === 'state' ? undefined : this.#view(this.#valueEnds, rows * 4),
      weights: weighted.value === 0 ? undefined : this.#view(this.#weights, rows * 8),
    });
    const firstKey = keys.slice(0, this.#kernel.view.getUint32(this.#ends, true));
    const totals = { records: rows, weight: Number(weight.value), sum: BigInt.asUintN(64, sum.value) };
    return { payload, firstKey, totals };
  }

  #view(at: number, bytes: number): Uint8Array {
    return this.#kernel.bytes.subarray(at, at + bytes);
  }
}
