/**
 * The ports of task code. Where bytes come from and where they go is synchronous, so that `emit` and `values` are plain
 * calls: in an executor it is backed by the ring, in `runJob` by objects in memory.
 */
import type { ByteSource } from '../shared/kernel/block-source.js';
import type { CsvFormat, FoundInputs, Plan, StageVersion } from '../shared/plan.js';
import type { InspectSpec, PartitionRange } from '../shared/protocol.js';
import type { Scratch } from '../shared/kernel/scratch.js';
import type { Seal } from '../shared/store/object-store.js';

export type { ByteSource } from '../shared/kernel/block-source.js';

export interface ByteSink {
  /** Takes the bytes before it returns. */
  write(bytes: Uint8Array): void;
  /** All bytes are where they belong. The seal of an output; undefined for an object of the store, which is visible then. */
  finish(): Seal | undefined;
}

/**
 * Bytes of an input from `from` on. Reading ahead ends with the buffer that holds the bytes behind `softEnd`; from there
 * on bytes come one buffer at a time as asked.
 */
export interface InputRequest {
  readonly kind: 'input';
  readonly uri: string;
  readonly from: number;
  readonly softEnd: number;
  /** The object as the plan froze it: anything else is `input-changed`. */
  readonly bytes: number;
  readonly etag: string;
}

/** Frames of one partition of one shuffle object. */
export interface ShuffleRequest {
  readonly kind: 'shuffle';
  readonly key: string;
  readonly offset: number;
  readonly bytes: number;
  /** Where to look first; the object itself is read when they are not there. */
  readonly local?: LocalBytes | undefined;
}

/** Bytes that were read together with those of neighbouring partitions, in a file of the worker's. */
export interface LocalBytes {
  readonly path: string;
  readonly offset: number;
}

/** A stream out: staged when it is an output, visible at its end when it is a shuffle object. */
export interface OutputRequest {
  /** `store`: a key of the coordinator's store; `uri`: an absolute URI below a job's output. */
  readonly to: { readonly in: 'store'; readonly key: string } | { readonly in: 'uri'; readonly uri: string };
  readonly attempt: string;
}

/** What a reduce task reads: one source for each map object that has records for its partition, in map order. */
export interface StageSource {
  readonly key: string;
  readonly attempt: string;
  readonly offset: number;
  readonly bytes: number;
  readonly records: number;
  readonly weight: number;
  readonly sum: bigint;
  readonly local?: LocalBytes | undefined;
}

export interface Progress {
  readonly records: number;
  readonly bytes: number;
  /** Of the attempt's work, in [0, 1]; 0 while it is not known. */
  readonly share: number;
}

/** All that a task asks of the world around it; its scratch runs are the attempt's. */
export interface TaskIo extends Scratch {
  openBytes(request: InputRequest | ShuffleRequest): ByteSource;
  openOutput(request: OutputRequest): ByteSink;
  /** The job's plan. */
  plan(): Plan | Promise<Plan>;
  /** What that manifest of the map stage, and the objects' indexes, have for a partition. */
  stage(
    version: StageVersion,
    partition: number,
    /** Partitions that may be read together with it. */
    together: PartitionRange | undefined,
  ): readonly StageSource[] | Promise<readonly StageSource[]>;
  /** The inputs that are there, and what their headers say. */
  findInputs(uris: readonly string[], spec: InspectSpec, csv: CsvFormat | undefined): FoundInputs;
  put(key: string, bytes: Uint8Array): { readonly uri: string; readonly etag: string };
  /** However it ended: nothing of it stays open, and its scratch runs are gone. */
  endAttempt(): void;
}
