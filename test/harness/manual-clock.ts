/** A clock that stands still until a test moves it, and tells what waits on it. */
import type { Clock } from '../../shared/clock.js';

interface Timer {
  readonly atMs: number;
  readonly delayMs: number;
  readonly action: () => void;
}

export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<Timer>();
  readonly #watchers = new Set<() => void>();

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, delayMs, action };
    this.#timers.add(timer);
    for (const look of [...this.#watchers]) look();
    return () => void this.#timers.delete(timer);
  }

  /** The delays of what waits. */
  get waits(): readonly number[] {
    return [...this.#timers].map(({ delayMs }) => delayMs);
  }

  /** Resolves when something waits for so long, or more. */
  async waited(delayMs: number, atMost = Infinity): Promise<void> {
    const isThere = () => this.waits.some((each) => each >= delayMs && each <= atMost);
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!isThere()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Time passes, and what is due happens, in its order. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.action();
    }
    this.#nowMs = untilMs;
  }
}

/** A clock on which every wait is over at once, and has taken its time. */
export class HastyClock implements Clock {
  #nowMs = 0;
  readonly waits: number[] = [];

  /** Waits of this and more never end: those are deadlines. */
  readonly #deadlineMs: number;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    if (delayMs >= this.#deadlineMs) return () => undefined;
    this.waits.push(delayMs);
    let isOff = false;
    queueMicrotask(() => {
      if (isOff) return;
      this.#nowMs += delayMs;
      action();
    });
    return () => (isOff = true);
  }
}
