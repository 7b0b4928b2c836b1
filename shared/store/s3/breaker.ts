/**
 * A circuit breaker for one S3 server. After a few requests in a row without an answer it opens: calls wait instead of
 * trying as well. One of them then tries; its answer lets all go on, and its failure makes the wait twice as long.
 *
 *   closed --failures in a row--> open --wait over, one call tries--> half-open --answer--> closed
 *                                   ^--------------no answer--------------|
 */
import { delay, type Clock } from '../../clock.js';
import { limits } from '../../limits.js';

type State =
  | { readonly name: 'closed'; readonly failures: number }
  | { readonly name: 'open'; readonly untilMs: number; readonly waitMs: number }
  | { readonly name: 'half-open'; readonly waitMs: number };

export class Breaker {
  readonly #clock: Clock;
  readonly #random: () => number;
  #state: State = { name: 'closed', failures: 0 };
  /** Calls that wait for the one that tries. */
  #waiting = new Set<() => void>();

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  get isClosed(): boolean {
    return this.#state.name === 'closed';
  }

  /**
   * Resolves when a request may be sent: `tries` for the one that finds out whether the server is back, which must tell.
   * `late` when that did not happen before `deadlineMs`. Rejects with the signal's reason.
   */
  async pass(deadlineMs: number, signal: AbortSignal | undefined): Promise<'goes' | 'tries' | 'late'> {
    for (;;) {
      const state = this.#state;
      const nowMs = this.#clock.monotonic();
      if (state.name === 'closed') return 'goes';
      if (state.name === 'open' && nowMs >= state.untilMs) {
        this.#state = { name: 'half-open', waitMs: state.waitMs };
        return 'tries';
      }
      if (nowMs >= deadlineMs) return 'late';
      const untilMs = state.name === 'open' ? Math.min(state.untilMs, deadlineMs) : deadlineMs;
      await this.#change(untilMs - nowMs, signal);
    }
  }

  /** The server answered. */
  succeeded(): void {
    this.#become({ name: 'closed', failures: 0 });
  }

  /** It did not. */
  failed(): void {
    const state = this.#state;
    switch (state.name) {
      case 'closed': {
        const failures = state.failures + 1;
        if (failures < limits.s3BreakerFailures) this.#state = { name: 'closed', failures };
        else this.#open(limits.s3BreakerMs);
        return;
      }
      case 'half-open':
        this.#open(Math.min(state.waitMs * 2, limits.s3BreakerMsMax));
        return;
      case 'open':
        return; // sent before it opened
    }
  }

  /** The call that was to try was given up: another may. */
  gaveUp(): void {
    const state = this.#state;
    if (state.name !== 'half-open') return;
    this.#become({ name: 'open', untilMs: this.#clock.monotonic(), waitMs: state.waitMs });
  }

  #open(waitMs: number): void {
    const untilMs = this.#clock.monotonic() + waitMs * (0.5 + this.#random() / 2);
    this.#become({ name: 'open', untilMs, waitMs });
  }

  #become(state: State): void {
    this.#state = state;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Resolves when the state changes, or `waitMs` have passed. */
  async #change(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    const over = new AbortController();
    const onAbort = (): void => over.abort(signal?.reason);
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    const waiting = this.#waiting;
    let wake = (): void => undefined;
    const changed = new Promise<void>((resolve) => (wake = resolve));
    waiting.add(wake);
    const slept = delay(this.#clock, waitMs, over.signal);
    try {
      await Promise.race([changed, slept]);
    } finally {
      waiting.delete(wake);
      signal?.removeEventListener('abort', onAbort);
      slept.catch(() => undefined);
      over.abort();
    }
  }
}
