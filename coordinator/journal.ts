/**
 * The journal: slots `v1/journal/<20 digits>`, contiguous from 1, each written once. One append is in flight at a time
 * and takes whatever waited. An append whose outcome is unknown is settled, with the same bytes under the same key,
 * before anything else is written. A writer that finds its slot taken by a higher epoch halts with `fenced`.
 */
import { delay, type Clock } from '../shared/clock.js';
import { ERRORS, GristmillError, hasCode } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { putOnce } from '../shared/store/put-once.js';
import { corrupt, decodeSlot, encodeSlot, type Slot } from './journal-format.js';
import { evolve } from './scheduler/evolve.js';
import type { JournalRecord } from './scheduler/records.js';
import { emptyState, type DurableState } from './scheduler/state.js';

export interface JournalOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly epoch: number;
  readonly writer: string;
  /** The first slot that is free. */
  readonly nextSlot: number;
  /** So many records are durable, counted from the first append of this writer. */
  readonly onDurable: (count: number) => void;
  /** Nothing more will be written. */
  readonly onHalt: (error: GristmillError) => void;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #stop = new AbortController();
  #waiting: JournalRecord[] = [];
  #appended = 0;
  #durable = 0;
  #nextSlot: number;
  #writing: Promise<void> | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#nextSlot = options.nextSlot;
  }

  /** Queues the records; returns the count that `onDurable` has to reach. */
  append(records: readonly JournalRecord[]): number {
    if (records.length > 0 && !this.#stop.signal.aborted) {
      this.#waiting.push(...records);
      this.#appended += records.length;
      this.#writing ??= this.#write();
    }
    return this.#appended;
  }

  get durable(): number {
    return this.#durable;
  }

  /** Stops after the append in flight; resolves when it has ended. */
  async close(): Promise<void> {
    this.#waiting = [];
    this.#stop.abort(new GristmillError('aborted', 'the journal is closed'));
    await this.#writing;
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const records = this.#waiting.splice(0, limits.journalBatchMax);
        await this.#writeSlot(records);
        this.#durable += records.length;
        this.#options.onDurable(this.#durable);
      }
    } catch (thrown) {
      const isClosed = this.#stop.signal.aborted;
      this.#waiting = [];
      this.#stop.abort(thrown);
      if (!isClosed) this.#options.onHalt(GristmillError.from(thrown));
    } finally {
      this.#writing = undefined;
    }
  }

  async #writeSlot(records: readonly JournalRecord[]): Promise<void> {
    const { store, epoch, writer } = this.#options;
    const slot = this.#nextSlot;
    const key = storeKeys.journal(slot);
    const bytes = encodeSlot({ slot, epoch, writer, records });
    if ((await this.#settle(key, bytes)) === 'lost') {
      const other = decodeSlot(slot, await store.get(key));
      if (other.epoch <= epoch) throw corrupt(slot, `a writer of epoch ${other.epoch} took it from one of ${epoch}`);
      throw fenced(epoch, other.epoch);
    }
    this.#nextSlot = slot + 1;
  }

  /** As long as the store is away, the journal waits for it. */
  async #settle(key: string, bytes: Uint8Array): Promise<'won' | 'lost'> {
    const { store, clock, random } = this.#options;
    const { signal } = this.#stop;
    for (;;) {
      try {
        return await putOnce(store, key, bytes, { clock, random });
      } catch (thrown) {
        if (signal.aborted || !(thrown instanceof GristmillError) || !ERRORS[thrown.code].retryable) throw thrown;
      }
      await delay(clock, limits.attemptBackoffMs * (0.5 + random()), signal);
    }
  }
}

export function fenced(epoch: number, other: number): GristmillError {
  return new GristmillError('fenced', `another coordinator leads this store: epoch ${other} follows ${epoch}`);
}

export interface Replayed {
  readonly durable: DurableState;
  readonly nextSlot: number;
  /** Of the last slot. */
  readonly epoch: number;
}

/** Rebuilds the durable state from every slot that there is. */
export async function replay(store: ObjectStore): Promise<Replayed> {
  const durable = emptyState();
  let epoch = 0;
  for (let slot = 1; ; slot++) {
    const found = await readSlot(store, slot);
    if (!found) return { durable, nextSlot: slot, epoch };
    if (found.epoch < epoch) throw corrupt(slot, `its epoch ${found.epoch} is lower than the one before, ${epoch}`);
    epoch = found.epoch;
    for (const record of found.records) evolve(durable, record);
  }
}

async function readSlot(store: ObjectStore, slot: number): Promise<Slot | undefined> {
  try {
    return decodeSlot(slot, await store.get(storeKeys.journal(slot)));
  } catch (thrown) {
    if (hasCode(thrown, 'object-not-found')) return undefined;
    throw thrown;
  }
}
