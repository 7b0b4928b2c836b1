/** Collects the bytes of one part. It grows as it fills, since most outputs are far smaller than a part. */
const FIRST_BYTES = 64 * 1024;

export class PartBuffer {
  #bytes = new Uint8Array(0);
  length = 0;

  /** Takes as many of the bytes as fit into a part of `partBytes`; returns how many. */
  fill(bytes: Uint8Array, partBytes: number): number {
    const taken = bytes.subarray(0, partBytes - this.length);
    this.#reserve(this.length + taken.length, partBytes);
    this.#bytes.set(taken, this.length);
    this.length += taken.length;
    return taken.length;
  }

  /** What it holds, which is the caller's from here on. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.length);
    this.#bytes = new Uint8Array(0);
    this.length = 0;
    return taken;
  }

  #reserve(bytes: number, partBytes: number): void {
    if (bytes <= this.#bytes.length) return;
    const size = Math.min(partBytes, Math.max(bytes, FIRST_BYTES, 2 * this.#bytes.length));
    const grown = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
    grown.set(this.#bytes.subarray(0, this.length));
    this.#bytes = grown;
  }
}
