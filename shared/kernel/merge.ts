/**
 * Merges sorted inputs into groups of equal keys, in the order that the contract promises: equal keys by (input, position).
 *
 * No more inputs are open at once than there is memory for. More than that merge in passes: contiguous groups of inputs
 * become scratch runs that take their place, so the order stays that of the inputs.
 */
import type { BuiltInSpec } from '../aggregation.js';
import type { Totals } from '../codec/block.js';
import { BlockBuilder } from '../codec/block-builder.js';
import { encodeFrame } from '../codec/frame.js';
import { encoded, type EncodedBlock } from '../codec/shuffle-writer.js';
import { limits } from '../limits.js';
import { BlockOut } from './block-out.js';
import { groupSizes } from './combine-mode.js';
import { foldRows } from './fold-rows.js';
import type { Kernel } from './kernel.js';
import { setLayout } from './layout.js';
import type { MergeInput } from './merge-input.js';
import { MergeSources, SOURCE_BYTES } from './merge-sources.js';
import { MergedRows } from './merged-rows.js';
import { MergedStates } from './merged-states.js';
import { mergedInPasses } from './passes.js';
import { Regions } from './regions.js';
import { scratchIdentity, type Scratch } from './scratch.js';
import { Slots } from './slots.js';
import type { ValueFold } from './value-fold.js';

/** What a block of the target size takes at most: its keys and values, and as much for ends and weights of the shortest rows. */
export const BLOCK_BYTES = 3 * limits.blockBytesTarget;
/** For entries of folded groups, between two drains. */
const ENTRIES_SHARE = 16;

export interface MergeOptions {
  readonly kernel: Kernel;
  /** What the merge may touch of the kernel's memory. */
  readonly memoryBytes: number;
  /** In (map task, run) order. */
  readonly inputs: readonly MergeInput[];
  /** Bytes of an average record of the inputs, at most: large ones leave room for fewer open inputs. */
  readonly recordBytes?: number;
  readonly scratch: Scratch;
  /** The blocks hold states of it. */
  readonly spec?: BuiltInSpec | undefined;
  /** Folds values of one key wherever rows are written again. */
  readonly fold?: ValueFold | undefined;
  /** At most so many inputs are open: for tests. */
  readonly openMax?: number | undefined;
}

/** One merge over one kernel, with the passes that it needs. */
export class Merge {
  readonly #options: MergeOptions;
  readonly #openMax: number;
  readonly #out: BlockOut;
  readonly #slots: Slots;
  readonly #place: number;
  readonly #rowsAt: number;
  readonly #entries: { readonly at: number; readonly bytes: number };
  #sources: MergeSources | undefined;
  #found: Totals = { records: 0, weight: 0, sum: 0n };
  #bytesSpilled = 0;

  constructor(options: MergeOptions) {
    this.#options = options;
    const { kernel, memoryBytes, spec } = options;
    setLayout(kernel, spec?.layout ?? []);
    const regions = new Regions(kernel, kernel.start, memoryBytes);
    this.#out = new BlockOut(kernel, regions, spec?.layout ?? []);
    this.#rowsAt = regions.take(MergedRows.bytes);
    const entryBytes = spec ? Math.max(limits.blockBytesTarget, Math.floor(memoryBytes / ENTRIES_SHARE)) : 0;
    this.#entries = { at: regions.take(entryBytes), bytes: entryBytes };
    this.#place = regions.take(limits.mergeSourcesMax * SOURCE_BYTES + 64);
    const { at, bytes } = regions.rest();
    // Beyond the budget lies what only records need that are far larger than most.
    this.#slots = new Slots(at, Math.min(bytes + limits.mergeOverdraftBytesMax, kernel.end - at - 256));
    this.#openMax = Math.min(options.openMax ?? Infinity, openMaxOf(bytes, options.recordBytes ?? 0));
  }

  /** Of all counted rows, each once; complete when everything has been read. */
  get found(): Totals {
    return this.#found;
  }

  /** Written to scratch runs by passes. */
  get bytesSpilled(): number {
    return this.#bytesSpilled;
  }

  /** The groups, with states folded. */
  states(spec: BuiltInSpec): MergedStates {
    return this.#states(spec, this.#inputs());
  }

  /** The rows, as they are. */
  rows(): MergedRows {
    return this.#rows(this.#inputs());
  }

  /** Gives everything as blocks: states and, where there is a fold, values of equal keys as one row. */
  write(take: (block: EncodedBlock) => void): void {
    this.#write(this.#inputs(), take);
    this.close();
  }

  close(): void {
    this.#sources?.close();
    this.#sources = undefined;
  }

  #write(inputs: readonly MergeInput[], take: (block: EncodedBlock) => void): void {
    const { spec, fold } = this.#options;
    if (spec) this.#states(spec, inputs).write(this.#out, take);
    else if (fold) writeFolded(this.#rows(inputs), fold, take);
    else this.#rows(inputs).write(this.#out, take);
  }

  #states(spec: BuiltInSpec, inputs: readonly MergeInput[]): MergedStates {
    const { kernel } = this.#options;
    const sources = this.#open(inputs);
    return new MergedStates({ kernel, sources, spec, place: this.#entries, rows: this.#rowsAt });
  }

  #rows(inputs: readonly MergeInput[]): MergedRows {
    return new MergedRows(this.#options.kernel, this.#open(inputs), this.#rowsAt);
  }

  #open(inputs: readonly MergeInput[]): MergeSources {
    this.close();
    const { kernel, spec } = this.#options;
    this.#sources = new MergeSources({
      kernel,
      slots: this.#slots,
      place: this.#place,
      inputs,
      layout: spec?.layout ?? [],
      found: (totals) => this.#count(totals),
    });
    return this.#sources;
  }

  /** As many inputs as may be open, or fewer. */
  #inputs(): readonly MergeInput[] {
    return mergedInPasses(this.#options.inputs, this.#openMax, (group) => this.#pass(group));
  }

  /** Merges contiguous inputs into a scratch run. */
  #pass(group: readonly MergeInput[]): MergeInput {
    const run = this.#options.scratch.create();
    let blocks = 0;
    this.#write(group, ({ payload }) => {
      const frame = encodeFrame(scratchIdentity, 0, blocks++, payload);
      this.#bytesSpilled += frame.length;
      run.write(frame);
    });
    this.close();
    const isFolded = this.#options.fold !== undefined || group.every((input) => input.isFolded);
    return { open: run.finish(), identity: scratchIdentity, partition: 0, isCounted: false, isFolded };
  }

  #count(totals: Totals): void {
    this.#found = {
      records: this.#found.records + totals.records,
      weight: this.#found.weight + totals.weight,
      sum: BigInt.asUintN(64, this.#found.sum + totals.sum),
    };
  }
}

/** How many inputs may be open in so many bytes. */
export function openMaxOf(bytes: number, recordBytes: number): number {
  return Math.min(limits.mergeSourcesMax, Math.max(2, Math.floor(bytes / (BLOCK_BYTES + 2 * recordBytes))));
}

function writeFolded(rows: MergedRows, fold: ValueFold, take: (block: EncodedBlock) => void): void {
  const builder = new BlockBuilder();
  foldRows(rows, fold, groupSizes.on, builder, () => {
    if (builder.full) take(encoded(builder.take()));
  });
  if (builder.rows > 0) take(encoded(builder.take()));
}
