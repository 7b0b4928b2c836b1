/** What a merge reads: sorted blocks in frames, as a stream of bytes. */
import type { ByteSource } from './block-source.js';

export interface MergeInput {
  /** Without the first `from` bytes. Called once, and again for an object that is read again. */
  readonly open: (from: number) => ByteSource;
  /** Whose frames they are. */
  readonly identity: bigint;
  readonly partition: number;
  /** Whether its records are counted as found: those of a scratch run were, when they were read first. */
  readonly isCounted: boolean;
  /** Its values are what a fold has come to, not what was emitted. */
  readonly isFolded: boolean;
  /** The shuffle object that it is a part of; a scratch run is none. */
  readonly object?: WrittenObject | undefined;
}

export interface WrittenObject {
  readonly key: string;
  /** Who wrote it. */
  readonly attempt: string;
  /** Of the part that is read. */
  readonly bytes: number;
  /** What is read first is a copy of somebody else's: when that is wrong, nothing is known of the object yet. */
  readonly isCopiedFirst?: boolean;
}
