/** A clock that stands until it is moved; then what is due happens, in order. */
import { nextTurn, type Clock } from '../../shared/clock.js';

interface Timer {
  readonly dueMs: number;
  readonly action: () => void;
}

export class MovedClock implements Clock {
  #ms = 1_000_000;
  #timers: Timer[] = [];

  now(): number {
    return this.#ms;
  }

  monotonic(): number {
    return this.#ms;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer: Timer = { dueMs: this.#ms + delayMs, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on by so much, from one timer to the next; everything that is ready runs in between. */
  async move(ms: number): Promise<void> {
    const end = this.#ms + ms;
    for (;;) {
      await turns();
      const next = this.#timers.reduce<Timer | undefined>((a, b) => (a && a.dueMs <= b.dueMs ? a : b), undefined);
      if (!next || next.dueMs > end) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#ms = Math.max(this.#ms, next.dueMs);
      next.action();
    }
    this.#ms = end;
    await turns();
  }

  /** Moves on in steps until the condition holds. */
  async until(condition: () => boolean | Promise<boolean>, stepMs = 10): Promise<void> {
    for (let steps = 0; !(await condition()); steps++) {
      if (steps > 10_000) throw new Error('it never comes to be');
      await this.move(stepMs);
    }
  }
}

/** Long enough for what hangs together by promises alone. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}
