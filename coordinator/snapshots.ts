/**
 * Takes snapshots of the durable state while the journal goes on. The state in memory runs ahead of the journal, so it is
 * written out as text at one moment, the journal is told to end a slot there, and only when that slot is durable is the
 * text put into the store, as the snapshot up to that slot. What a snapshot says is in the journal, whoever leads by then.
 *
 * A snapshot that cannot be written is left out: the journal is whole without it, and the next one comes.
 */
import type { Clock } from '../shared/clock.js';
import { GristmillError } from '../shared/errors.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { putOnce } from '../shared/store/put-once.js';
import type { WrittenSlot } from './journal.js';
import type { SinceSnapshot } from './replay.js';
import type { DurableState } from './scheduler/state.js';
import { encodeSnapshot, stateLines, type StateLines } from './snapshot-format.js';

export interface SnapshotOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** A snapshot is taken after so many slots, or bytes of slots. */
  readonly every: SinceSnapshot;
  /** The state with every record that was appended. */
  readonly durable: DurableState;
  /** Ends a slot after what was appended; returns the count of records at its end. */
  readonly cut: () => number;
  readonly onTaken: (slot: number) => void;
  readonly onFailed: (error: GristmillError) => void;
  readonly signal: AbortSignal;
}

export class Snapshots {
  readonly #options: SnapshotOptions;
  #slots: number;
  #bytes: number;
  /** Made, and waiting for the slot that ends with `count`. */
  #pending: { readonly count: number; readonly lines: StateLines } | undefined;
  #writing: Promise<void> | undefined;

  /** `since`: what was written after the last snapshot, by whomever. */
  constructor(options: SnapshotOptions, since: SinceSnapshot) {
    this.#options = options;
    this.#slots = since.slots;
    this.#bytes = since.bytes;
  }

  onSlot({ slot, bytes, count }: WrittenSlot): void {
    this.#slots++;
    this.#bytes += bytes;
    const { every, cut, durable } = this.#options;
    const isDue = this.#slots >= every.slots || this.#bytes >= every.bytes;
    if (isDue && !this.#pending && !this.#writing) {
      this.#pending = { count: cut(), lines: stateLines(durable) };
      this.#slots = 0;
      this.#bytes = 0;
    }
    if (this.#pending?.count !== count) return;
    const { lines } = this.#pending;
    this.#pending = undefined;
    this.#writing = this.#write(slot, lines).finally(() => (this.#writing = undefined));
  }

  /** Resolves when nothing is being written. */
  async close(): Promise<void> {
    this.#pending = undefined;
    await this.#writing;
  }

  async #write(slot: number, lines: StateLines): Promise<void> {
    const { store, clock, random, signal, onTaken, onFailed } = this.#options;
    try {
      // Occupied: by an earlier try of ours. Nobody else can have ended a slot there.
      await putOnce(store, storeKeys.snapshot(slot), encodeSnapshot(slot, lines), { clock, random, signal });
    } catch (thrown) {
      if (!signal.aborted) onFailed(GristmillError.from(thrown));
      return;
    }
    if (!signal.aborted) onTaken(slot);
  }
}
