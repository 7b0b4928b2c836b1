/**
 * Scratch runs: what a merge in passes writes and reads again. Local temporary files in an executor, arrays in memory here.
 *
 * A run is a sequence of frames of partition 0 under an identity of its own, so that a torn or foreign file is noticed.
 */
import { FrameReader, identityOf } from '../codec/frame.js';
import { FramedBlocks, type BlockSource } from './block-source.js';

export interface ScratchRun {
  /** The bytes are the run's. */
  write(bytes: Uint8Array): void;
  /** Nothing more is written; the function opens the run for reading, once. `scratchBlocks` makes blocks of its bytes. */
  finish(): () => BlockSource;
}

export interface Scratch {
  create(): ScratchRun;
}

export const scratchIdentity = identityOf('scratch', 'run');

/** The blocks of a scratch run; `read` gives what was written, in any fragments, each valid until the next call. */
export function scratchBlocks(read: () => Uint8Array | undefined): BlockSource {
  return new FramedBlocks(new FrameReader(scratchIdentity, 0), read);
}

/** Scratch runs in memory. */
export function memoryScratch(): Scratch {
  return {
    create() {
      const pieces: Uint8Array[] = [];
      return {
        write: (bytes) => pieces.push(bytes),
        finish: () => () => scratchBlocks(() => pieces.shift()),
      };
    },
  };
}
