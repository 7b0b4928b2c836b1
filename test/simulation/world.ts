/**
 * Virtual time: a queue of what happens when. Between two happenings everything that is ready runs to its end, so a run
 * depends on nothing but its seed. A step is an event, a store call or a delivery.
 */
import type { Clock } from '../../shared/clock.js';
import { SeededRandom } from './random.js';

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
  cancelled: boolean;
}

export type StepKind = 'event' | 'store call' | 'delivery';

/** One life of a process: after its crash nothing that it waits for ever comes. */
export interface Life {
  readonly name: string;
  alive: boolean;
  /** It stands still until then, and goes on as if nothing had been. */
  frozenUntilMs?: number;
}

/** A fault that struck. Its name is its kind and which one of that kind it is: the same in every run of the seed. */
export interface StruckFault {
  readonly name: string;
  readonly kind: string;
  readonly atMs: number;
  readonly step: number;
}

export class Violation extends Error {
  override readonly name = 'Violation';
}

const EPOCH_MS = Date.UTC(2026, 0, 1);

export class World {
  readonly random: SeededRandom;
  nowMs = 0;
  steps = 0;
  /** Off once the run is to heal. */
  faulty = true;
  readonly faults = new Map<string, number>();
  /** Those that were drawn and struck, in order. */
  readonly struck: StruckFault[] = [];
  /** What followed from faults, and how often. */
  readonly consequences = new Map<string, number>();
  readonly crashPoints = new Map<string, number>();
  readonly transitions = new Map<string, number>();
  /** The last lines of what happened, for a failing seed. */
  readonly trace: string[] = [];
  violation: Violation | undefined;
  readonly #queue: Happening[] = [];
  readonly #seed: number;
  readonly #mayStrike: (name: string) => boolean;
  /** By kind: what draws its faults, and how many were drawn. */
  readonly #kinds = new Map<string, { readonly random: SeededRandom; drawn: number }>();
  #order = 0;

  /** A fault that may not strike is drawn all the same. */
  constructor(seed: number, mayStrike: (name: string) => boolean = () => true) {
    this.#seed = seed;
    this.#mayStrike = mayStrike;
    this.random = new SeededRandom(seed);
  }

  /** Randomness that nothing else draws from: what comes of it depends on no other part of the run. */
  stream(name: string): SeededRandom {
    return SeededRandom.named(this.#seed, name);
  }

  step(kind: StepKind, what: string): void {
    this.steps++;
    this.note(`${kind}: ${what}`);
  }

  note(what: string): void {
    this.trace.push(`${this.nowMs.toFixed(1)} ${what}`);
    if (this.trace.length > 400) this.trace.splice(0, 200);
  }

  /** True, and counted, when the fault happens now. */
  fault(kind: string, probability: number): boolean {
    if (!this.faulty) return false;
    const drawing = this.#kinds.get(kind) ?? { random: this.stream(kind), drawn: 0 };
    this.#kinds.set(kind, drawing);
    if (!drawing.random.chance(probability)) return false;
    const name = `${kind} ${++drawing.drawn}`;
    if (!this.#mayStrike(name)) return false;
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
    this.struck.push({ name, kind, atMs: this.nowMs, step: this.steps });
    this.note(`FAULT ${name}`);
    return true;
  }

  count(consequence: string): void {
    this.consequences.set(consequence, (this.consequences.get(consequence) ?? 0) + 1);
    this.note(consequence);
  }

  violate(message: string): never {
    this.violation ??= new Violation(message);
    throw this.violation;
  }

  after(delayMs: number, action: () => void): () => void {
    const happening: Happening = { atMs: this.nowMs + delayMs, order: this.#order++, action, cancelled: false };
    this.#push(happening);
    return () => {
      happening.cancelled = true;
    };
  }

  /** Runs the action once the life is awake; never after its death. */
  whenAwake(life: Life, action: () => void): void {
    if (!life.alive) return;
    const waitMs = (life.frozenUntilMs ?? 0) - this.nowMs;
    if (waitMs > 0) this.after(waitMs, () => this.whenAwake(life, action));
    else action();
  }

  /** The clock of one life: its timers die with it. */
  clockOf(life: Life): Clock {
    return {
      now: () => EPOCH_MS + Math.floor(this.nowMs),
      monotonic: () => this.nowMs,
      after: (delayMs, action) => {
        let isCancelled = false;
        const cancel = this.after(delayMs, () =>
          this.whenAwake(life, () => {
            if (isCancelled) return;
            this.step('event', `timer of ${life.name}`);
            action();
          }),
        );
        return () => {
          isCancelled = true;
          cancel();
        };
      },
    };
  }

  /** Runs until the condition holds, a violation, or nothing more happens. False: it never came to hold. */
  async runUntil(condition: () => boolean, stepsMax: number): Promise<boolean> {
    const end = this.steps + stepsMax;
    for (;;) {
      await settled();
      if (this.violation) throw this.violation;
      if (condition()) return true;
      if (this.steps >= end) return false;
      const next = this.#pop();
      if (!next) return false;
      if (next.cancelled) continue;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.action();
    }
  }

  #push(happening: Happening): void {
    const queue = this.#queue;
    let at = queue.push(happening) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(happening, queue[parent]!)) break;
      queue[at] = queue[parent]!;
      at = parent;
    }
    queue[at] = happening;
  }

  #pop(): Happening | undefined {
    const queue = this.#queue;
    const first = queue[0];
    const last = queue.pop();
    if (!last || queue.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && isBefore(queue[child + 1]!, queue[child]!)) child++;
      if (!isBefore(queue[child]!, last)) break;
      queue[at] = queue[child]!;
      at = child;
    }
    queue[at] = last;
    return first;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Everything that is ready has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
