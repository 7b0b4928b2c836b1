/** What a merge reads: sorted blocks in frames, as a stream of bytes. */
import type { ByteSource } from './block-source.js';

export interface MergeInput {
  /** Called once. */
  readonly open: () => ByteSource;
  /** Whose frames they are. */
  readonly identity: bigint;
  readonly partition: number;
  /** Whether its records are counted as found: those of a scratch run were, when they were read first. */
  readonly isCounted: boolean;
  /** Its values are what a fold has come to, not what was emitted. */
  readonly isFolded: boolean;
  /** Names the object in what is wrong with it. */
  readonly key?: string | undefined;
}
