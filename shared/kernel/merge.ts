/**
 * Merges sorted sources into groups of equal keys, in the order that the contract promises: equal keys by (source,
 * position).
 *
 * No more than `openMax` sources are open at once. More than that merge in passes: contiguous groups of sources become
 * scratch runs that take their place, so the order stays that of the sources.
 */
import { BlockBuilder } from '../codec/block-builder.js';
import {
  copyValue,
  encodeBlock,
  KIND_IDS,
  totalsOf,
  valueBytes,
  valueAt,
  type Block,
  type Totals,
} from '../codec/block.js';
import { encodeFrame } from '../codec/frame.js';
import { compareRanges, decodeKeyAt, type Key } from '../codec/key.js';
import { FORM_FIXED, FORM_WIDE, visitStateRow, type AggregatorName, type Layout } from '../codec/state.js';
import { GristmillError } from '../errors.js';
import type { BlockSource } from './block-source.js';
import { LoserTree } from './loser-tree.js';
import { scratchBlocks, scratchIdentity, type Scratch } from './scratch.js';
import { createFold, type StateFold } from './state-fold.js';

export type { BlockSource } from './block-source.js';
export type { Scratch, ScratchRun } from './scratch.js';

export interface MergeOptions {
  /** In (map task, run) order; each is opened once. */
  readonly sources: readonly (() => BlockSource)[];
  /** At least 2. */
  readonly openMax: number;
  readonly scratch: Scratch;
}

/** Nothing is opened before the first `nextGroup`. */
export function mergeGroups(options: MergeOptions): GroupCursor {
  return new GroupCursor(options);
}

/** A source that is not open yet: one of the merge's own, with its number, or a scratch run. */
interface Input {
  readonly original: number;
  open(): BlockSource;
}

export class GroupCursor {
  readonly #options: MergeOptions;
  #inputs: readonly Input[] = [];
  #tree: LoserTree | undefined;
  #key = new Uint8Array(256);
  #keyLength = 0;
  /** The row that the tree shows belongs to the group and has not been taken. */
  #waiting = false;
  /** The row that the tree shows was taken by `nextValue`. */
  #taken = false;
  #groups = 0;
  #found: Totals = { records: 0, weight: 0, sum: 0n };
  #folds = new Map<AggregatorName, StateFold>();
  #row = new Uint8Array(64);

  constructor(options: MergeOptions) {
    if (options.openMax < 2) throw new GristmillError('internal', 'a merge needs at least 2 open sources');
    this.#options = options;
  }

  /** Of all rows of the sources, each counted once; complete when `nextGroup` has returned false. */
  get found(): Totals {
    return this.#found;
  }

  get groups(): number {
    return this.#groups;
  }

  /** The source that holds the lowest key at present, so the one to read ahead for; -1 when that is no source. */
  get head(): number {
    return this.#inputs[this.#tree?.winner ?? -1]?.original ?? -1;
  }

  /** Moves to the next group, past whatever is left of this one. */
  nextGroup(): boolean {
    const tree = (this.#tree ??= this.#start());
    this.drainGroup();
    if (tree.winner < 0) return false;
    this.#keyLength = tree.keyEnd - tree.keyStart;
    if (this.#keyLength > this.#key.length) this.#key = new Uint8Array(this.#keyLength * 2);
    this.#key.set(tree.block.keyBytes.subarray(tree.keyStart, tree.keyEnd));
    this.#waiting = true;
    this.#groups++;
    return true;
  }

  /** The group's key as encoded; valid until the next group. */
  get keyBytes(): Uint8Array {
    return this.#key.subarray(0, this.#keyLength);
  }

  key(): Key {
    return decodeKeyAt(this.#key, 0, this.#keyLength);
  }

  /** Moves to the next value of the group. */
  nextValue(): boolean {
    if (this.#waiting) {
      this.#waiting = false;
      this.#taken = true;
      return true;
    }
    if (!this.#taken || !this.#tree) return false;
    this.#taken = this.#tree.advance() || this.#isGroupOf(this.#tree);
    return this.#taken;
  }

  #isGroupOf(tree: LoserTree): boolean {
    if (tree.winner < 0) return false;
    return compareRanges(tree.block.keyBytes, tree.keyStart, tree.keyEnd, this.#key, 0, this.#keyLength) === 0;
  }

  /** The current value, decoded anew at each call. */
  value(): unknown {
    const { block, row } = this.#current();
    return valueAt(block, row);
  }

  #current(): LoserTree {
    if (!this.#taken || !this.#tree) throw new GristmillError('internal', 'there is no current value');
    return this.#tree;
  }

  /** Takes the rest of the group. */
  drainGroup(): void {
    while (this.nextValue());
  }

  /** The aggregator's result over the states that are left of the group. */
  foldStates(aggregator: AggregatorName): unknown {
    let fold = this.#folds.get(aggregator);
    if (!fold) this.#folds.set(aggregator, (fold = createFold(aggregator, 1)));
    fold.clear(0);
    while (this.nextValue()) this.#mergeState(fold, aggregator);
    return fold.finish(0);
  }

  #mergeState(fold: StateFold, aggregator: AggregatorName): void {
    const { block, row } = this.#current();
    const { kind, layout } = block;
    if ((kind !== 'state' && kind !== 'wide') || layout.length !== 1 || layout[0] !== aggregator) {
      throw new GristmillError('block-corrupt', `a block holds no states of ${aggregator}`);
    }
    const end = this.#copyRow(block, row);
    if (kind === 'state') fold.merge(0, FORM_FIXED, this.#row, 0, end);
    else {
      visitStateRow(layout, FORM_WIDE, this.#row, 0, end, (_part, form, from, to) => {
        fold.merge(0, form, this.#row, from, to);
      });
    }
  }

  #copyRow(block: Block, row: number): number {
    const bytes = valueBytes(block, row);
    if (bytes > this.#row.length) this.#row = new Uint8Array(bytes * 2);
    return copyValue(block, row, this.#row, 0);
  }

  /** Runs the passes that bring the inputs down to `openMax`. */
  #start(): LoserTree {
    const { sources, openMax } = this.#options;
    let inputs: Input[] = sources.map((open, original) => ({ original, open: () => this.#counted(open()) }));
    while (inputs.length > openMax) {
      const merged: Input[] = [];
      for (let at = 0, left = inputs.length; at < inputs.length;) {
        // As many as must go, no more than may be open: the last group of a pass takes only what is still too much.
        const size = Math.min(openMax, left - openMax + 1, inputs.length - at);
        const group = inputs.slice(at, at + Math.max(size, 1));
        merged.push(group.length === 1 ? (group[0] as Input) : this.#pass(group));
        at += group.length;
        left -= group.length - 1;
      }
      inputs = merged;
    }
    return this.#open(inputs);
  }

  #open(inputs: readonly Input[]): LoserTree {
    this.#inputs = inputs;
    return new LoserTree(inputs.map((input) => input.open()));
  }

  /** Merges contiguous inputs into a scratch run. */
  #pass(group: readonly Input[]): Input {
    const run = this.#options.scratch.create();
    const tree = (this.#tree = this.#open(group));
    let builder: BlockBuilder | undefined;
    let layout: Layout = [];
    let blocks = 0;
    const flush = (filled: BlockBuilder) => {
      run.write(encodeFrame(scratchIdentity, 0, blocks++, encodeBlock(filled.take())));
    };
    while (tree.winner >= 0) {
      const { block, row } = tree;
      builder ??= new BlockBuilder((layout = block.layout));
      if (block.layout.length !== layout.length || block.layout[0] !== layout[0]) {
        throw new GristmillError('block-corrupt', 'the blocks of one merge hold different states');
      }
      const target = builder.reserve(valueBytes(block, row));
      const end = copyValue(block, row, target, builder.valueAt);
      const weight = block.weights ? (block.weights[row] as number) : 1;
      builder.commit(block.keyBytes, tree.keyStart, tree.keyEnd, KIND_IDS[block.kind], end, weight);
      if (builder.full) flush(builder);
      tree.advance();
    }
    if (builder && builder.rows > 0) flush(builder);
    this.#tree = undefined;
    const openRun = run.finish();
    return { original: -1, open: () => scratchBlocks(openRun()) };
  }

  #counted(source: BlockSource): BlockSource {
    return {
      next: () => {
        const block = source.next();
        if (block) this.#count(totalsOf(block));
        return block;
      },
    };
  }

  #count(totals: Totals): void {
    this.#found = {
      records: this.#found.records + totals.records,
      weight: this.#found.weight + totals.weight,
      sum: BigInt.asUintN(64, this.#found.sum + totals.sum),
    };
  }
}
