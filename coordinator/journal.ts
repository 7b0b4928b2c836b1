/**
 * The journal: slots `v1/journal/<20 digits>`, contiguous from 1, each written once. One append is in flight at a time
 * and takes whatever waited. An append whose outcome is unknown is settled, with the same bytes under the same key,
 * before anything else is written. A writer that finds its slot taken by a higher epoch halts with `fenced`.
 */
import { delay, type Clock } from '../shared/clock.js';
import { ERRORS, GristmillError } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { putOnce } from '../shared/store/put-once.js';
import { corrupt, decodeSlot, encodeSlot } from './journal-format.js';
import { readSlot } from './replay.js';
import type { JournalRecord } from './scheduler/records.js';

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
  /** A slot was written; it ends with the record of this count. Called before `onDurable`. */
  readonly onSlot?: (written: WrittenSlot) => void;
  /** Nothing more will be written. */
  readonly onHalt: (error: GristmillError) => void;
}

export interface WrittenSlot {
  readonly slot: number;
  readonly bytes: number;
  readonly count: number;
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #stop = new AbortController();
  #waiting: JournalRecord[] = [];
  #appended = 0;
  #durable = 0;
  #nextSlot: number;
  /** A slot ends after this count of records, if any is to. */
  #cut = 0;
  #writing: Promise<void> | undefined;
  /** When it was last seen that nobody else leads. */
  #confirmedMs: number;
  #confirming: Promise<void> | undefined;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.#nextSlot = options.nextSlot;
    this.#confirmedMs = options.clock.monotonic();
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

  /** What is appended from now on goes into a later slot than what has been. Returns the count at which that one ends. */
  cut(): number {
    this.#cut = this.#appended;
    return this.#cut;
  }

  /**
   * Resolves when this writer led a moment ago; rejects, and halts, when another leads. A process may stand still at any
   * time: what it read before that says nothing about now.
   */
  async confirm(): Promise<void> {
    const { clock } = this.#options;
    await this.#confirmWhile(() => clock.monotonic() - this.#confirmedMs > limits.leaderConfirmMs);
  }

  async #confirmWhile(isDoubtful: () => boolean): Promise<void> {
    while (isDoubtful()) {
      this.#confirming ??= this.#look().finally(() => (this.#confirming = undefined));
      await this.#confirming;
    }
    this.#stop.signal.throwIfAborted();
  }

  /** As `confirm`, that it leads now and not a moment ago, and waiting for a store that is away. */
  async confirmNow(): Promise<void> {
    const { clock, random } = this.#options;
    const sinceMs = clock.monotonic();
    for (;;) {
      try {
        await this.#confirmWhile(() => this.#confirmedMs < sinceMs);
        return;
      } catch (thrown) {
        if (this.#stop.signal.aborted || !(thrown instanceof GristmillError) || !ERRORS[thrown.code].retryable)
          throw thrown;
      }
      await delay(clock, limits.attemptBackoffMs * (0.5 + random()), this.#stop.signal);
    }
  }

  async #look(): Promise<void> {
    const { store, clock, epoch, onHalt } = this.#options;
    const sentMs = clock.monotonic();
    for (let slot = this.#nextSlot; ; slot++) {
      const found = await readSlot(store, slot);
      if (!found) break;
      // An append of ours whose answer has not come yet says nothing about the slot after it.
      if (found.epoch <= epoch) continue;
      const error = fenced(epoch, found.epoch);
      this.#waiting = [];
      this.#stop.abort(error);
      onHalt(error);
      throw error;
    }
    this.#confirmedMs = Math.max(this.#confirmedMs, sentMs);
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
        const untilCut = this.#cut > this.#durable ? this.#cut - this.#durable : Infinity;
        const records = this.#waiting.splice(0, Math.min(limits.journalBatchMax, untilCut));
        const written = await this.#writeSlot(records);
        this.#durable += records.length;
        this.#options.onSlot?.({ ...written, count: this.#durable });
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

  async #writeSlot(records: readonly JournalRecord[]): Promise<Omit<WrittenSlot, 'count'>> {
    const { store, epoch, writer } = this.#options;
    const slot = this.#nextSlot;
    const key = storeKeys.journal(slot);
    const bytes = encodeSlot({ slot, epoch, writer, records });
    const sentMs = this.#options.clock.monotonic();
    if ((await this.#settle(key, bytes)) === 'lost') {
      const other = decodeSlot(slot, await store.get(key));
      if (other.epoch <= epoch) throw corrupt(slot, `a writer of epoch ${other.epoch} took it from one of ${epoch}`);
      throw fenced(epoch, other.epoch);
    }
    this.#nextSlot = slot + 1;
    this.#confirmedMs = Math.max(this.#confirmedMs, sentMs);
    return { slot, bytes: bytes.length };
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
