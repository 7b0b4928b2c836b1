/** Virtual time of a fleet: what happens when, in order, and nothing by itself. */
export class Timeline {
  nowMs = 0;
  readonly #queue: { readonly atMs: number; readonly action: () => void }[] = [];

  after(delayMs: number, action: () => void): void {
    const atMs = this.nowMs + delayMs;
    let low = 0;
    let high = this.#queue.length;
    // The soonest is last; what is due at the same time keeps its order.
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#queue[middle]?.atMs ?? 0) > atMs) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, { atMs, action });
  }

  /** Until nothing more happens, the condition holds, or the time is over. True when the condition holds. */
  runUntil(condition: () => boolean, endMs: number): boolean {
    for (;;) {
      if (condition()) return true;
      const next = this.#queue.pop();
      if (!next || next.atMs > endMs) return false;
      this.nowMs = next.atMs;
      next.action();
    }
  }
}
