/**
 * Where the kernel would end the whole worker for want of memory, the agent ends the largest of its executors before that: then
 * one task has run out of memory, and not every task of the worker has lost it.
 *
 * It looks at what is left, and again when that could be gone at the soonest. One executor ends at a time: what the next look
 * finds says nothing while the memory of the last one is on its way back.
 */
import type { Clock } from '../shared/clock.js';
import { limits } from '../shared/limits.js';
import type { MemoryReadings } from './memory-readings.js';

/** An executor that may end. */
export interface MemoryHolder {
  readonly pid: number;
  readonly isGone: () => boolean;
  /** Kills it, and with it the attempt that it has, if any: that has run out of memory. */
  readonly end: () => void;
}

/** An executor that was ended, and why; in bytes. */
export interface MemoryShortage {
  readonly pid: number;
  readonly held: number;
  readonly left: number;
  readonly limit: number;
}

export interface MemoryWatchOptions {
  readonly clock: Clock;
  /** Undefined: nothing is watched, and nothing waits. */
  readonly readings: MemoryReadings | undefined;
  readonly holders: () => readonly MemoryHolder[];
  readonly onEnded: (shortage: MemoryShortage) => void;
}

/** Starts to watch; the returned function ends that. */
export function watchMemory({ readings, ...options }: MemoryWatchOptions): () => void {
  if (!readings) return () => undefined;
  const watch = new MemoryWatch({ readings, ...options });
  watch.look();
  return () => watch.stop();
}

interface Ended {
  readonly holder: MemoryHolder;
  readonly atMs: number;
}

class MemoryWatch {
  readonly #options: MemoryWatchOptions & { readonly readings: MemoryReadings };
  /** Whose memory may not be back yet. */
  #ended: readonly Ended[] = [];
  #cancel: () => void = () => undefined;

  constructor(options: MemoryWatchOptions & { readonly readings: MemoryReadings }) {
    this.#options = options;
  }

  stop(): void {
    this.#cancel();
  }

  look(): void {
    const limit = this.#options.readings.limit();
    const spareMs = limit === undefined ? Infinity : this.#spareBytes(limit) / limits.memoryFillBytesPerMs;
    const waitMs = Math.min(limits.memoryWatchMs, Math.max(limits.memoryWatchMsMin, spareMs));
    this.#cancel = this.#options.clock.after(waitMs, () => this.look());
  }

  /** What may be written before an executor has to end; ends one where that is less than nothing. */
  #spareBytes(limit: number): number {
    const { readings } = this.#options;
    const reserve = Math.max(limits.memoryReserveBytesMin, limit * limits.memoryReserveShare);
    let left = limit - readings.held();
    // The kernel adds up what it caches only when it is asked.
    if (left < reserve + limits.memoryWatchMs * limits.memoryFillBytesPerMs) left += readings.cached();
    if (left < reserve) this.#endLargest(left, limit);
    return left - reserve;
  }

  #endLargest(left: number, limit: number): void {
    const { clock, readings, holders, onEnded } = this.#options;
    const nowMs = clock.monotonic();
    this.#ended = this.#ended.filter(({ holder }) => !holder.isGone());
    if (this.#ended.some(({ atMs }) => nowMs - atMs < limits.memoryBackMs)) return;
    const ended = new Set(this.#ended.map(({ holder }) => holder.pid));
    const sized = holders()
      .filter(({ pid, isGone }) => !isGone() && !ended.has(pid))
      .map((holder) => ({ holder, held: readings.ownOf(holder.pid) }));
    const [largest] = sized.sort((a, b) => b.held - a.held);
    if (!largest) return;
    const { holder, held } = largest;
    this.#ended = [...this.#ended, { holder, atMs: nowMs }];
    holder.end();
    onEnded({ pid: holder.pid, held, left, limit });
  }
}
