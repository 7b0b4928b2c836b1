/**
 * The row with the lowest key among sorted sources; of equal keys, that of the earliest source.
 *
 * A loser tree (Knuth 5.4.1): each inner node keeps the loser of its match, so that advancing the winner replays one
 * path. Keys compare by their first 64 bits in columns before their bytes.
 */
import { GristmillError } from '../../errors.js';
import { keyStart, type Block } from '../../codec/block.js';
import { compareRanges } from '../../codec/key.js';
import type { BlockSource } from '../block-source.js';
import { wordAt } from './key-sorter.js';

export class LoserTree {
  readonly #sources: readonly BlockSource[];
  readonly #blocks: (Block | undefined)[];
  readonly #rows: Int32Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  /** Losers of the matches at 1 and up; the winner of all at 0. */
  readonly #tree: Int32Array;

  constructor(sources: readonly BlockSource[]) {
    const count = sources.length;
    this.#sources = sources;
    this.#blocks = sources.map((source) => source.next());
    this.#rows = new Int32Array(count);
    this.#starts = new Uint32Array(count);
    this.#ends = new Uint32Array(count);
    this.#high = new Uint32Array(count);
    this.#low = new Uint32Array(count);
    this.#tree = new Int32Array(Math.max(count, 1)).fill(-1);
    for (let source = 0; source < count; source++) this.#look(source);
    for (let source = count - 1; source >= 0; source--) this.#replay(source);
  }

  /** The source that holds the lowest key, or -1 when all have ended. */
  get winner(): number {
    const winner = this.#sources.length === 0 ? -1 : (this.#tree[0] as number);
    return winner >= 0 && this.#blocks[winner] ? winner : -1;
  }

  /** The winner's block, the row in it and where that row's key is. */
  get block(): Block {
    const block = this.#blocks[this.#tree[0] as number];
    if (!block) throw new GristmillError('internal', 'there is no row left to merge');
    return block;
  }

  get row(): number {
    return this.#rows[this.#tree[0] as number] as number;
  }

  get keyStart(): number {
    return this.#starts[this.#tree[0] as number] as number;
  }

  get keyEnd(): number {
    return this.#ends[this.#tree[0] as number] as number;
  }

  /** Moves the winner to its next row. Returns whether that row has the same key and remains the lowest. */
  advance(): boolean {
    const source = this.#tree[0] as number;
    const block = this.block;
    const start = this.#starts[source] as number;
    const end = this.#ends[source] as number;
    const row = (this.#rows[source] as number) + 1;
    if (row < block.rows) {
      this.#rows[source] = row;
    } else {
      this.#rows[source] = 0;
      this.#blocks[source] = this.#sources[source]?.next();
    }
    const next = this.#blocks[source];
    if (next) {
      this.#look(source);
      const nextStart = this.#starts[source] as number;
      const order = compareRanges(block.keyBytes, start, end, next.keyBytes, nextStart, this.#ends[source] as number);
      // Equal keys of one source follow each other: no other source can come between.
      if (order === 0) return true;
      if (order > 0) throw new GristmillError('block-corrupt', 'the keys of a sorted run do not ascend');
    }
    this.#replay(source);
    return false;
  }

  /** Takes the source's current key into the columns. */
  #look(source: number): void {
    const block = this.#blocks[source];
    if (!block) return;
    const row = this.#rows[source] as number;
    const start = keyStart(block, row);
    const end = block.keyEnds[row] as number;
    this.#starts[source] = start;
    this.#ends[source] = end;
    this.#high[source] = wordAt(block.keyBytes, start, end);
    this.#low[source] = wordAt(block.keyBytes, start + 4, end);
  }

  /** Plays the source's matches up to the root. A node without a loser yet, at the first build, keeps whoever comes. */
  #replay(source: number): void {
    let winner = source;
    for (let node = (source + this.#sources.length) >> 1; node > 0; node >>= 1) {
      const loser = this.#tree[node] as number;
      if (loser < 0) {
        this.#tree[node] = winner;
        return;
      }
      if (this.#beats(loser, winner)) {
        this.#tree[node] = winner;
        winner = loser;
      }
    }
    this.#tree[0] = winner;
  }

  #beats(a: number, b: number): boolean {
    const left = this.#blocks[a];
    const right = this.#blocks[b];
    if (!left || !right) return left !== undefined || (right === undefined && a < b);
    if (this.#high[a] !== this.#high[b]) return (this.#high[a] as number) < (this.#high[b] as number);
    if (this.#low[a] !== this.#low[b]) return (this.#low[a] as number) < (this.#low[b] as number);
    const order = compareRanges(
      left.keyBytes,
      this.#starts[a] as number,
      this.#ends[a] as number,
      right.keyBytes,
      this.#starts[b] as number,
      this.#ends[b] as number,
    );
    return order === 0 ? a < b : order < 0;
  }
}
