/** Bounded concurrency: so many at a time, the others wait in the order in which they came. */
import { throwIfAborted } from '../signal.js';

type Wake = (isTurn: boolean) => void;

export class Slots {
  #free: number;
  readonly #waiting = new Set<Wake>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves to what gives the slot back, once. */
  async take(signal: AbortSignal | undefined): Promise<() => void> {
    throwIfAborted(signal);
    if (this.#free > 0) this.#free -= 1;
    else if (!(await this.#turn(signal))) throwIfAborted(signal);
    let isHeld = true;
    return () => {
      if (isHeld) this.#release();
      isHeld = false;
    };
  }

  /** False when the signal fired first. */
  async #turn(signal: AbortSignal | undefined): Promise<boolean> {
    let wake: Wake = () => undefined;
    const turn = new Promise<boolean>((resolve) => (wake = resolve));
    const onAbort = (): void => {
      if (this.#waiting.delete(wake)) wake(false);
    };
    this.#waiting.add(wake);
    signal?.addEventListener('abort', onAbort, { once: true });
    const isTurn = await turn;
    signal?.removeEventListener('abort', onAbort);
    return isTurn;
  }

  #release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next(true);
  }
}
