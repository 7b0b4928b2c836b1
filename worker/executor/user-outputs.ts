/**
 * The user thread's outputs: bytes collect in a buffer out, which goes to the I/O thread when it is full, so that the
 * user thread waits only when all buffers are under way. One copy, and one message for each full buffer.
 */
import type { IoMessage, OpenOutput } from './io-requests.js';
import type { RingConsumer } from './ring.js';

/** A buffer that its output has begun to fill. */
interface Begun {
  readonly buffer: number;
  readonly bytes: Uint8Array;
  filled: number;
}

export class UserOutputs {
  private readonly ring: RingConsumer;
  private readonly post: (message: IoMessage) => void;
  private readonly begun = new Map<number, Begun>();
  private next = 1;

  constructor(ring: RingConsumer, post: (message: IoMessage) => void) {
    this.ring = ring;
    this.post = post;
  }

  open(request: OpenOutput): number {
    const output = this.next++;
    this.post({ type: 'open-output', output, request });
    return output;
  }

  write(output: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const target = this.begun.get(output) ?? this.begin(output);
      const part = bytes.subarray(at, at + target.bytes.length - target.filled);
      target.bytes.set(part, target.filled);
      target.filled += part.length;
      at += part.length;
      if (target.filled === target.bytes.length) this.flush(output);
    }
  }

  /** What was written is under way. */
  flush(output: number): void {
    const target = this.begun.get(output);
    if (!target) return;
    this.begun.delete(output);
    this.post({ type: 'write', output, buffer: target.buffer, length: target.filled });
  }

  /** Every begun buffer goes where it comes back from. */
  flushAll(): void {
    for (const output of [...this.begun.keys()]) this.flush(output);
  }

  private begin(output: number): Begun {
    // Were all buffers begun by other outputs, none would ever come back.
    if (!this.ring.hasFreeOut) this.flushAll();
    const buffer = this.ring.takeOut();
    const target = { buffer, bytes: this.ring.bufferOut(buffer), filled: 0 };
    this.begun.set(output, target);
    return target;
  }
}
