/** The hard limit of what one task's arenas and columns hold. Growing counts the old and the new array, as both exist. */
import { GristmillError } from '../../errors.js';

export class MemoryBudget {
  #limitBytes: number;
  readonly #advice: string;
  readonly #parts = new Map<string, number>();
  #heldBytes = 0;

  /** `advice` says what a person can do about a task that does not fit. */
  constructor(limitBytes: number, advice: string) {
    this.#limitBytes = limitBytes;
    this.#advice = advice;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** There is no limit any more. */
  lift(): void {
    this.#limitBytes = Infinity;
  }

  /** Before `part` is moved into new memory of `bytes`. Throws `memory-exceeded`. */
  move(part: string, bytes: number): void {
    if (this.#heldBytes + bytes > this.#limitBytes) this.#exceeded();
    this.#set(part, bytes);
  }

  /** After `part` has grown by itself to `bytes`. Throws `memory-exceeded`. */
  measured(part: string, bytes: number): void {
    this.#set(part, bytes);
    if (this.#heldBytes > this.#limitBytes) this.#exceeded();
  }

  #set(part: string, bytes: number): void {
    this.#heldBytes += bytes - (this.#parts.get(part) ?? 0);
    this.#parts.set(part, bytes);
  }

  #exceeded(): never {
    const limit = `${(this.#limitBytes / 2 ** 20).toFixed(this.#limitBytes < 2 ** 24 ? 1 : 0)} MiB`;
    throw new GristmillError('memory-exceeded', `a task does not fit into its memory of ${limit}: ${this.#advice}`);
  }
}

/** Copies a column into a larger one. */
export function moved<Column extends { set(source: Column): void }>(source: Column, target: Column): Column {
  target.set(source);
  return target;
}
