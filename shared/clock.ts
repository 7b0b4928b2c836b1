/** Time as a port: the only home of `Date.now`, `performance.now` and timers. Simulation brings its own. */

export interface Clock {
  /** Milliseconds since the epoch; may jump. For people and records, never for safety. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For leases and durations. */
  monotonic(): number;
  /** Runs `action` once after `delayMs`; the returned function cancels it. Does not keep the process alive. */
  after(delayMs: number, action: () => void): () => void;
}

/** As they were at import: test runners put fakes in their place, on which an engine would wait for ever. */
const timers = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate };

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, action) {
    const timer = timers.setTimeout(action, delayMs);
    timer.unref();
    return () => {
      timers.clearTimeout(timer);
    };
  },
};

/** One turn of the event loop, which no clock measures: what was rejected or has arrived meanwhile shows. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => void timers.setImmediate(resolve));
}

/** Keeps the process alive until the returned function is called: for what waits on timers that do not. */
export function stayAlive(): () => void {
  const timer = timers.setInterval(() => undefined, 2 ** 30);
  return () => timers.clearInterval(timer);
}

/** What `promise` gives, or a rejection with `late()` when it has not settled after `limitMs`. */
export async function within<T>(clock: Clock, limitMs: number, promise: Promise<T>, late: () => Error): Promise<T> {
  let cancel = () => {};
  const tooLate = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(limitMs, () => reject(late()));
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    cancel();
  }
}

/** Resolves after `delayMs`, or rejects with the signal's reason. Keeps nothing alive by itself. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
