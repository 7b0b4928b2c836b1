/** Memory for the blocks that a merge has at hand: pieces of one region, taken and given back in any order. */
import { GristmillError } from '../errors.js';

const PIECE_BYTES = 16 * 1024;
/** Kernels read behind a block and before it. */
const SLACK_BYTES = 64;

interface Extent {
  at: number;
  bytes: number;
}

export interface Slot {
  /** A multiple of 64. */
  readonly at: number;
  readonly bytes: number;
}

export class Slots {
  /** Ascending, never touching each other. */
  readonly #free: Extent[];
  readonly #bytes: number;

  constructor(at: number, bytes: number) {
    this.#bytes = bytes;
    this.#free = [{ at, bytes }];
  }

  take(bytes: number): Slot {
    const needed = Math.ceil((bytes + 2 * SLACK_BYTES) / PIECE_BYTES) * PIECE_BYTES;
    const place = this.#free.findIndex((extent) => extent.bytes >= needed);
    const extent = this.#free[place];
    if (!extent) {
      const mebibytes = (this.#bytes / 2 ** 20).toFixed(0);
      throw new GristmillError(
        'memory-exceeded',
        `the blocks of a merge do not fit into its ${mebibytes} MiB; raise 'memory', or make records smaller`,
      );
    }
    const slot = { at: extent.at + SLACK_BYTES, bytes: needed };
    extent.at += needed;
    extent.bytes -= needed;
    if (extent.bytes === 0) this.#free.splice(place, 1);
    return slot;
  }

  give(slot: Slot): void {
    const at = slot.at - SLACK_BYTES;
    let place = this.#free.findIndex((extent) => extent.at > at);
    if (place < 0) place = this.#free.length;
    const before = this.#free[place - 1];
    const after = this.#free[place];
    const joinsBefore = before !== undefined && before.at + before.bytes === at;
    const joinsAfter = after !== undefined && at + slot.bytes === after.at;
    if (joinsBefore) {
      before.bytes += slot.bytes + (joinsAfter ? after.bytes : 0);
      if (joinsAfter) this.#free.splice(place, 1);
    } else if (joinsAfter) {
      after.at = at;
      after.bytes += slot.bytes;
    } else {
      this.#free.splice(place, 0, { at, bytes: slot.bytes });
    }
  }
}
