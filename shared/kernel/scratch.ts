/**
 * Scratch runs: bytes that an attempt sets aside and reads again. Local files behind the ring in an executor, memory here.
 *
 * A run of blocks is a sequence of frames of partition 0 under an identity of its own, so that a torn or foreign file is
 * noticed.
 */
import { FrameReader, identityOf } from '../codec/frame.js';
import { FramedBlocks, type BlockSource, type ByteSource } from './block-source.js';

export interface ScratchRun {
  /** Takes the bytes before it returns. An error may show later, but at `finish` at the latest. */
  write(bytes: Uint8Array): void;
  /** Written so far. */
  readonly bytes: number;
  /** Nothing more is written. The function opens the run for reading, once; what has been read is gone. */
  finish(): () => ByteSource;
}

/** What is created and not read is removed when the attempt ends. */
export interface Scratch {
  create(): ScratchRun;
}

export const scratchIdentity = identityOf('scratch', 'run');

/** The blocks of a scratch run of frames. */
export function scratchBlocks(bytes: ByteSource): BlockSource {
  return new FramedBlocks(new FrameReader(scratchIdentity, 0), () => bytes.next());
}

/** Scratch runs in memory. */
export function memoryScratch(): Scratch {
  return { create: () => new MemoryRun() };
}

class MemoryRun implements ScratchRun {
  bytes = 0;
  readonly #pieces: Uint8Array[] = [];

  write(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.bytes += bytes.length;
  }

  finish(): () => ByteSource {
    const pieces = this.#pieces;
    return () => ({
      next: () => pieces.shift(),
      close: () => {
        pieces.length = 0;
      },
    });
  }
}
