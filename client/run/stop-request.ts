/**
 * Ctrl-C and SIGTERM as the run sees them: the first signal asks for an orderly end, the second ends the process. Only
 * `main.ts` knows the process; everything else asks here.
 */
import type { StopSignal } from '../command/exit-code.js';

export class StopRequest {
  readonly #abort = new AbortController();
  #requested: StopSignal | undefined;

  /** The first signal; undefined: none came. */
  get requested(): StopSignal | undefined {
    return this.#requested;
  }

  /** Fires with the first signal. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True for the first one; false says that the process is to end at once. */
  request(signal: StopSignal): boolean {
    if (this.#requested !== undefined) return false;
    this.#requested = signal;
    this.#abort.abort();
    return true;
  }
}
