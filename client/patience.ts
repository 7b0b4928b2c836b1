/** A stream that breaks is taken up again, after waits that grow; whatever arrives in between starts the row anew. */
import { delay, type Clock } from '../shared/clock.js';
import { GristmillError } from '../shared/errors.js';
import { limits } from '../shared/limits.js';

export interface PatienceOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  /** Told once for each break, however many attempts it takes to mend it. */
  readonly onBroken: ((error: GristmillError) => void) | undefined;
}

export class Patience {
  readonly #options: PatienceOptions;
  #failures = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Something came: the connection is well. */
  arrived(): void {
    this.#failures = 0;
  }

  /** Throws `error` after `limits.watchRetriesMax` failures in a row, and `aborted` by the signal. */
  async wait(error: GristmillError): Promise<void> {
    const { clock, signal, onBroken } = this.#options;
    if (this.#failures >= limits.watchRetriesMax) throw error;
    if (this.#failures === 0) onBroken?.(error);
    const waitMs = Math.min(limits.reconnectMsMin * 2 ** this.#failures, limits.reconnectMsMax);
    this.#failures++;
    await delay(clock, waitMs, signal).catch(() => {
      throw aborted();
    });
  }
}

export function aborted(): GristmillError {
  return new GristmillError('aborted', 'given up by the caller');
}
