/** What keeps the journal short, beside the writing of it: snapshots, and the deletion of what lies behind them. */
import type { Logger } from 'pino';
import { GristmillError } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import type { WrittenSlot } from './journal.js';
import { collectJournal, type Collect } from './journal-collection.js';
import type { SinceSnapshot } from './replay.js';
import { Snapshots, type SnapshotOptions } from './snapshots.js';

export interface UpkeepOptions extends Omit<SnapshotOptions, 'every' | 'onFailed'> {
  readonly log: Pick<Logger, 'warn'>;
  /** By default as the limits say. */
  readonly snapshotEvery?: SinceSnapshot;
}

export class JournalUpkeep {
  readonly #options: UpkeepOptions;
  readonly #snapshots: Snapshots;
  #collecting: Promise<void> = Promise.resolve();

  constructor(options: UpkeepOptions, since: SinceSnapshot) {
    this.#options = options;
    const every = options.snapshotEvery ?? { slots: limits.snapshotSlots, bytes: limits.snapshotBytes };
    const onFailed = this.#warning('no snapshot could be taken; the journal is whole without it');
    this.#snapshots = new Snapshots({ ...options, every, onFailed }, since);
  }

  onSlot(written: WrittenSlot): void {
    this.#snapshots.onSlot(written);
  }

  /** One after the other; what cannot be deleted is deleted after the next snapshot. */
  collect(command: Collect): void {
    const { store, signal } = this.#options;
    const warn = this.#warning('old journal slots could not be deleted');
    this.#collecting = this.#collecting
      .then(() => (signal.aborted ? undefined : collectJournal(store, command)))
      .catch((thrown: unknown) => warn(GristmillError.from(thrown)));
  }

  /** Resolves when nothing is being written or deleted. */
  async close(): Promise<void> {
    await Promise.all([this.#snapshots.close(), this.#collecting]);
  }

  #warning(what: string): (error: GristmillError) => void {
    return ({ code, message }) => this.#options.log.warn({ code, message }, what);
  }
}
