/** How long tasks of a stage take: the median of its last ended attempts, kept in a ring of bounded size. */
import { limits } from '../../shared/limits.js';

export class StagePace {
  readonly #elapsedMs = new Float64Array(limits.paceSamples);
  #noted = 0;
  #median: number | undefined;

  note(elapsedMs: number): void {
    this.#elapsedMs[this.#noted % this.#elapsedMs.length] = elapsedMs;
    this.#noted++;
    this.#median = undefined;
  }

  /** Undefined while none has ended. Sorted when it is asked for, which is late in a stage and seldom. */
  get medianMs(): number | undefined {
    if (this.#noted === 0) return undefined;
    this.#median ??= this.#sortedMedian();
    return this.#median;
  }

  #sortedMedian(): number | undefined {
    const sorted = this.#elapsedMs.slice(0, Math.min(this.#noted, this.#elapsedMs.length)).sort();
    return sorted[sorted.length >> 1];
  }
}
