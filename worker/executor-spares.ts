/**
 * Warm executors beside the slots of a worker that are bound to a job: the next job finds one that is up. Each costs a fifth of a
 * second of a processor to start, so it does not start with the job, when every slot has its first task, but later; at once only
 * where a slot has had to change between jobs and found none.
 */
import type { Clock } from '../shared/clock.js';

interface Warm {
  readonly alive: boolean;
}

export interface SpareOptions<Executor extends Warm> {
  readonly clock: Clock;
  /** After a slot is bound; infinite: there are no spares. */
  readonly delayMs: number;
  readonly spawn: () => Executor;
  readonly dismiss: (spare: Executor) => void;
}

/** A slot, of which only the identity counts here. */
type Slot = object;

export class ExecutorSpares<Executor extends Warm> {
  readonly #options: SpareOptions<Executor>;
  #spares: Executor[] = [];
  /** Bound slots whose spares are yet to start: what keeps each from it. */
  readonly #waiting = new Map<Slot, () => void>();
  readonly #bound = new Set<Slot>();
  /** Slots change between jobs that go on. */
  #isShared = false;

  constructor(options: SpareOptions<Executor>) {
    this.#options = options;
  }

  /** The slot has its first task of a job. */
  bound(slot: Slot): void {
    const { clock, delayMs } = this.#options;
    this.#bound.add(slot);
    if (!this.#isShared && delayMs !== Infinity) {
      const cancel = clock.after(delayMs, () => {
        this.#waiting.delete(slot);
        this.#keep();
      });
      this.#waiting.set(slot, cancel);
    }
    this.#keep();
  }

  /** The slot has no job any more, and has the spare that is returned, if there is one. */
  unbound(slot: Slot): Executor | undefined {
    this.#waiting.get(slot)?.();
    this.#waiting.delete(slot);
    this.#bound.delete(slot);
    if (this.#bound.size === 0) this.#isShared = false;
    const spare = this.#take();
    this.#keep();
    return spare;
  }

  /** A slot is about to change from one job to another. */
  missed(): void {
    this.#isShared = this.#options.delayMs !== Infinity;
    if (!this.#isShared) return;
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }

  get warm(): readonly Executor[] {
    return this.#spares;
  }

  /** Memory is short: they end, and come back with the next slot that is bound or free again. */
  shed(): void {
    for (const spare of this.#spares.splice(0)) this.#options.dismiss(spare);
  }

  stop(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
    this.#bound.clear();
    this.shed();
  }

  #take(): Executor | undefined {
    for (;;) {
      const spare = this.#spares.shift();
      if (!spare || spare.alive) return spare;
    }
  }

  /** As many as slots are bound, but those that wait. */
  #keep(): void {
    const { spawn, dismiss } = this.#options;
    const wanted = this.#options.delayMs === Infinity ? 0 : this.#bound.size - this.#waiting.size;
    this.#spares = this.#spares.filter((spare) => spare.alive);
    while (this.#spares.length < wanted) this.#spares.push(spawn());
    for (const surplus of this.#spares.splice(wanted)) dismiss(surplus);
  }
}
