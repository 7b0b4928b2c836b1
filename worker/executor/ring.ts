/**
 * The ring of buffers that an executor's two threads share.
 *
 *   I/O thread  --[buffers in, filled queue]-->  user thread   input, shuffle data, replies
 *   I/O thread  <--[buffers out]--  user thread                shuffle objects, output parts
 *
 * The user thread blocks in `Atomics.wait`, so that `emit` and `values` are plain synchronous calls. It talks to the
 * I/O thread by MessagePort (the I/O thread must never block, and `Atomics.waitAsync` hangs). The I/O thread alone
 * keeps account of the free buffers in; the queue of free buffers out lies in shared memory.
 *
 * Shared memory, all little-endian 32-bit words: control | filled queue (4 words an entry) | free-out queue | buffers in | buffers
 * out.
 * Both queues have one producer and one consumer; their counters only grow (they wrap at 2^32) and are taken modulo
 * the capacity, a power of two.
 */

export interface RingShape {
  readonly bufferBytes: number;
  readonly buffersIn: number;
  readonly bufferOutBytes: number;
  readonly buffersOut: number;
  /** Sources open at a time; each has one buffer in reserved, so there are no more than buffers in. */
  readonly sourcesMax: number;
}

export interface RingMemory {
  readonly shape: RingShape;
  readonly shared: SharedArrayBuffer;
}

/** Words of the control area. */
const FILLED_TAIL = 0;
const FILLED_HEAD = 1;
const OUT_TAIL = 2;
const OUT_HEAD = 3;
const CONTROL_WORDS = 16;
const ENTRY_WORDS = 4;

/** A fragment of a source's stream, or its end. */
export interface Filled {
  readonly source: number;
  /** -1: no bytes. */
  readonly buffer: number;
  readonly length: number;
  readonly kind: FilledKind;
}

export const FILLED_DATA = 0;
export const FILLED_END = 1;
export const FILLED_ERROR = 2;
export type FilledKind = typeof FILLED_DATA | typeof FILLED_END | typeof FILLED_ERROR;

function powerOfTwo(atLeast: number): number {
  return 2 ** Math.ceil(Math.log2(atLeast));
}

interface Layout {
  readonly filledCapacity: number;
  readonly outCapacity: number;
  readonly filledAt: number;
  readonly outAt: number;
  readonly buffersAt: number;
  readonly buffersOutAt: number;
  readonly bytes: number;
}

function layoutOf(shape: RingShape): Layout {
  // Every buffer may be in the queue, and every source may have its end or error there without a buffer.
  const filledCapacity = powerOfTwo(shape.buffersIn + 2 * shape.sourcesMax);
  const outCapacity = powerOfTwo(shape.buffersOut);
  const filledAt = CONTROL_WORDS;
  const outAt = filledAt + filledCapacity * ENTRY_WORDS;
  const buffersAt = Math.ceil(((outAt + outCapacity) * 4) / 64) * 64;
  const buffersOutAt = buffersAt + shape.bufferBytes * shape.buffersIn;
  const bytes = buffersOutAt + shape.bufferOutBytes * shape.buffersOut;
  return { filledCapacity, outCapacity, filledAt, outAt, buffersAt, buffersOutAt, bytes };
}

export function createRing(shape: RingShape): RingMemory {
  return { shape, shared: new SharedArrayBuffer(layoutOf(shape).bytes) };
}

class RingView {
  protected readonly words: Int32Array;
  protected readonly layout: Layout;
  readonly shape: RingShape;
  private readonly shared: SharedArrayBuffer;

  constructor(memory: RingMemory) {
    this.shape = memory.shape;
    this.shared = memory.shared;
    this.layout = layoutOf(memory.shape);
    this.words = new Int32Array(memory.shared, 0, this.layout.buffersAt >> 2);
  }

  bufferIn(index: number): Uint8Array {
    return new Uint8Array(this.shared, this.layout.buffersAt + index * this.shape.bufferBytes, this.shape.bufferBytes);
  }

  bufferOut(index: number): Uint8Array {
    const { bufferOutBytes } = this.shape;
    return new Uint8Array(this.shared, this.layout.buffersOutAt + index * bufferOutBytes, bufferOutBytes);
  }

  protected word(index: number): number {
    return this.words[index] ?? 0;
  }
}

/** The I/O thread's side: produces filled entries and free buffers out. */
export class RingProducer extends RingView {
  constructor(memory: RingMemory) {
    super(memory);
    if (Atomics.load(this.words, OUT_TAIL) === 0) for (let i = 0; i < this.shape.buffersOut; i++) this.freeOut(i);
  }

  push(filled: Filled): void {
    const tail = Atomics.load(this.words, FILLED_TAIL);
    const at = this.layout.filledAt + (tail & (this.layout.filledCapacity - 1)) * ENTRY_WORDS;
    this.words[at] = filled.source;
    this.words[at + 1] = filled.buffer;
    this.words[at + 2] = filled.length;
    this.words[at + 3] = filled.kind;
    Atomics.store(this.words, FILLED_TAIL, (tail + 1) | 0);
    Atomics.notify(this.words, FILLED_TAIL);
  }

  freeOut(buffer: number): void {
    const tail = Atomics.load(this.words, OUT_TAIL);
    this.words[this.layout.outAt + (tail & (this.layout.outCapacity - 1))] = buffer;
    Atomics.store(this.words, OUT_TAIL, (tail + 1) | 0);
    Atomics.notify(this.words, OUT_TAIL);
  }
}

/** The user thread's side: blocks until there is something. */
export class RingConsumer extends RingView {
  /** There is a filled entry, so that `takeFilled` would not wait. */
  get hasFilled(): boolean {
    return Atomics.load(this.words, FILLED_TAIL) !== Atomics.load(this.words, FILLED_HEAD);
  }

  /** There is a free buffer out, so that `takeOut` would not wait. */
  get hasFreeOut(): boolean {
    return Atomics.load(this.words, OUT_TAIL) !== Atomics.load(this.words, OUT_HEAD);
  }

  /** The next filled entry, waiting for it. */
  takeFilled(): Filled {
    const head = Atomics.load(this.words, FILLED_HEAD);
    while (Atomics.load(this.words, FILLED_TAIL) === head) Atomics.wait(this.words, FILLED_TAIL, head);
    const at = this.layout.filledAt + (head & (this.layout.filledCapacity - 1)) * ENTRY_WORDS;
    const filled: Filled = {
      source: this.word(at),
      buffer: this.word(at + 1),
      length: this.word(at + 2),
      kind: this.word(at + 3) as FilledKind,
    };
    Atomics.store(this.words, FILLED_HEAD, (head + 1) | 0);
    return filled;
  }

  /** A free buffer out, waiting for it. */
  takeOut(): number {
    const head = Atomics.load(this.words, OUT_HEAD);
    while (Atomics.load(this.words, OUT_TAIL) === head) Atomics.wait(this.words, OUT_TAIL, head);
    const buffer = this.word(this.layout.outAt + (head & (this.layout.outCapacity - 1)));
    Atomics.store(this.words, OUT_HEAD, (head + 1) | 0);
    return buffer;
  }
}
