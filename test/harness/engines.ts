/** The data plane in its two forms, behind one face: the kernels in WebAssembly, and the reference that they must equal. */
import type { BuiltInSpec } from '../../shared/aggregation.js';
import { FrameReader } from '../../shared/codec/frame.js';
import type { ByteSource } from '../../shared/kernel/block-source.js';
import { FramedBlocks } from '../../shared/kernel/block-source.js';
import { mergeGroups, type GroupCursor } from '../../shared/kernel/group-cursor.js';
import { Kernel } from '../../shared/kernel/kernel.js';
import { MapOutput, type MapOutputOptions, type ShuffleSummary } from '../../shared/kernel/map-output.js';
import { MapOutput as ReferenceOutput } from '../../shared/kernel/reference/map-output.js';
import { mergeGroups as mergeByReference } from '../../shared/kernel/reference/merge.js';
import { memoryScratch } from '../../shared/kernel/scratch.js';

const MiB = 1024 * 1024;
const MERGE_BYTES = 64 * MiB;
/** One for each test file: an instance serves one task at a time. */
export const kernel = new Kernel();

/** A kernel whose tasks have their memory somewhere else than at the beginning, as far as the least that it reserves goes. */
export class PlacedKernel extends Kernel {
  /** What the next task has. */
  room = MERGE_BYTES;
  readonly #place: 'end' | number;

  /** At the very end of the memory, or around an address. */
  constructor(place: 'end' | number) {
    super();
    this.#place = place;
  }

  override get start(): number {
    const at = this.#place === 'end' ? this.end - this.room - 256 : this.#place - this.room / 2;
    return Math.floor(Math.max(super.start, at));
  }
}

export type OutputOptions = Omit<MapOutputOptions, 'kernel' | 'scratch' | 'memoryBytes'> & {
  readonly memoryBytes?: number;
};

/** Frames of one partition of one object. */
export interface Frames {
  readonly bytes: Uint8Array;
  readonly identity: bigint;
  readonly partition: number;
}

export interface MergeSpec {
  readonly openMax: number;
  readonly spec?: BuiltInSpec | undefined;
  /** Called as inputs are opened and as they end. */
  readonly opened?: (change: 1 | -1) => void;
}

export type Output = Pick<MapOutput, 'emit' | 'recordDone' | 'recordFailed' | 'emitted'> & {
  finish(write: (bytes: Uint8Array) => void): Omit<ShuffleSummary, 'bytesSpilled'> & { readonly bytesSpilled?: number };
};
export type Cursor = Pick<
  GroupCursor,
  | 'nextGroup'
  | 'key'
  | 'keyBytes'
  | 'nextValue'
  | 'value'
  | 'weight'
  | 'drainGroup'
  | 'foldStates'
  | 'foldValues'
  | 'found'
  | 'groups'
  | 'inexact'
>;

export interface Engine {
  readonly name: string;
  output(options: OutputOptions): Output;
  merge(inputs: readonly Frames[], options: MergeSpec): Cursor;
}

/** In pieces of 777 bytes, so that headers are cut anywhere. */
function streamOf({ bytes }: Frames, opened: MergeSpec['opened']): ByteSource {
  let at = 0;
  let isOpen = true;
  opened?.(1);
  return {
    next() {
      if (at < bytes.length) return bytes.subarray(at, (at += 777));
      if (isOpen) opened?.(-1);
      isOpen = false;
      return undefined;
    },
    close() {
      if (isOpen) opened?.(-1);
      isOpen = false;
    },
  };
}

/** The engine over one instance of the kernels. */
export function engineOf(name: string, instance: Kernel): Engine {
  const reserve = (bytes: number) => {
    if (instance instanceof PlacedKernel) instance.room = bytes;
    return bytes;
  };
  return {
    name,
    output: (options) => {
      const memoryBytes = reserve(options.memoryBytes ?? MERGE_BYTES);
      return new MapOutput({ ...options, memoryBytes, kernel: instance, scratch: memoryScratch() });
    },
    merge: (inputs, { openMax, spec, opened }) =>
      mergeGroups({
        kernel: instance,
        memoryBytes: reserve(MERGE_BYTES),
        scratch: memoryScratch(),
        openMax,
        spec,
        inputs: inputs.map((frames) => ({
          open: () => streamOf(frames, opened),
          identity: frames.identity,
          partition: frames.partition,
          isCounted: true,
          isFolded: true,
        })),
      }),
  };
}

export const kernels = engineOf('the kernels', kernel);

export const reference: Engine = {
  name: 'the reference',
  output: (options) => new ReferenceOutput({ memoryBytes: 64 * MiB, ...options }),
  merge(inputs, { openMax, spec, opened }) {
    const cursor = mergeByReference({
      openMax,
      scratch: memoryScratch(),
      sources: inputs.map((frames) => () => {
        const stream = streamOf(frames, opened);
        return new FramedBlocks(new FrameReader(frames.identity, frames.partition), () => stream.next());
      }),
    });
    return {
      nextGroup: () => cursor.nextGroup(),
      key: () => cursor.key(),
      get keyBytes() {
        return cursor.keyBytes;
      },
      nextValue: () => cursor.nextValue(),
      value: () => cursor.value(),
      get weight() {
        return cursor.weight;
      },
      drainGroup: () => cursor.drainGroup(),
      foldStates: () => spec && cursor.foldStates(spec),
      foldValues: (fold) => cursor.foldValues(fold),
      get found() {
        return cursor.found;
      },
      get groups() {
        return cursor.groups;
      },
      get inexact() {
        return cursor.inexact;
      },
    };
  },
};

export const engines: readonly Engine[] = [kernels, reference];
