/** Regions of a kernel's memory, handed out one after the other for as long as a task lasts. */
import { GristmillError } from '../errors.js';
import type { Kernel } from './kernel.js';

/** Kernels read up to 64 bytes behind a buffer and 8 before it. */
const SLACK_BYTES = 128;

export class Regions {
  readonly #end: number;
  #next: number;

  /** `[start, start + bytes)` of the memory: all that the task may touch. */
  constructor(kernel: Kernel, start: number, bytes: number) {
    this.#next = Math.ceil(start / 64) * 64;
    this.#end = start + bytes;
    if (this.#end + SLACK_BYTES > kernel.end) {
      throw new GristmillError(
        'memory-exceeded',
        `the executor has ${kernel.end} bytes of address space, and the job's memory of ${bytes} bytes does not fit: ` +
          "lower 'memory', or raise the limit of addresses (ulimit -v)",
      );
    }
  }

  get freeBytes(): number {
    return Math.max(0, this.#end - this.#next - SLACK_BYTES);
  }

  /** The address of `bytes` that nobody else gets, at a multiple of 64. */
  take(bytes: number): number {
    if (bytes > this.freeBytes) {
      throw new GristmillError('memory-exceeded', `a task needs ${bytes} bytes more than its memory: raise 'memory'`);
    }
    const at = this.#next + 64;
    this.#next = Math.ceil((at + bytes + 64) / 64) * 64;
    return at;
  }

  /** All that is left. */
  rest(): { readonly at: number; readonly bytes: number } {
    const bytes = this.freeBytes;
    return { at: this.take(bytes), bytes };
  }
}
