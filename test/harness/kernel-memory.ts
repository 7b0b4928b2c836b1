/** Places in a kernel's memory for tests of one kernel alone: bytes are put there, and what a kernel wrote is read back. */
import type { Kernel } from '../../shared/kernel/kernel.js';
import { Regions } from '../../shared/kernel/regions.js';

const MiB = 1024 * 1024;
/** What lies around a place, so that a kernel that trusts it is found out. */
const GARBAGE = 0xa7;

export class KernelMemory {
  readonly kernel: Kernel;
  readonly #regions: Regions;

  constructor(kernel: Kernel, bytes = 64 * MiB) {
    this.kernel = kernel;
    this.#regions = new Regions(kernel, kernel.start, bytes);
  }

  /** Room for so many bytes at a multiple of 64 and `shift`, with garbage in it and around it. */
  room(bytes: number, shift = 0): number {
    const at = this.#regions.take(bytes + shift);
    this.kernel.bytes.fill(GARBAGE, at - 16, at + bytes + shift + 64);
    return at + shift;
  }

  put(bytes: Uint8Array, shift = 0): number {
    const at = this.room(bytes.length, shift);
    this.kernel.bytes.set(bytes, at);
    return at;
  }

  putWords(words: readonly number[]): number {
    return this.put(new Uint8Array(Uint32Array.from(words).buffer));
  }

  putFloats(floats: readonly number[]): number {
    return this.put(new Uint8Array(Float64Array.from(floats).buffer));
  }

  /** All that is left. */
  rest(): { readonly at: number; readonly bytes: number } {
    return this.#regions.rest();
  }

  copy(at: number, bytes: number): Uint8Array {
    return this.kernel.bytes.slice(at, at + bytes);
  }

  word(at: number): number {
    return this.kernel.view.getUint32(at, true);
  }
}
