/**
 * The I/O thread's outputs: staged writes and scratch runs, fed from the ring's buffers out, each in order. What waits to
 * be written lies in those buffers and nowhere else, so it is bounded by their number.
 */
import { GristmillError } from '../../shared/errors.js';
import type { ObjectStore, Seal } from '../../shared/store/object-store.js';
import type { Locator } from '../../shared/store/stores.js';
import type { OutputRequest } from '../ports.js';
import type { OpenOutput } from './io-requests.js';
import type { ScratchRuns } from './io-scratch.js';
import { WholeObject } from './io-whole.js';
import type { RingProducer } from './ring.js';

/** Where an output's bytes go. Calls do not overlap. */
export interface OutgoingStream {
  /** Resolves when the bytes may be reused. */
  write(bytes: Uint8Array): Promise<void>;
  /** All is written; what names it, if anything does. */
  finish(): Promise<Seal | undefined>;
  abort(): Promise<void>;
}

interface Output {
  readonly stream: Promise<OutgoingStream>;
  /** The chain of writes; rejects with the first error and stays so. */
  written: Promise<void>;
}

export interface OutputsOptions {
  readonly ring: RingProducer;
  readonly store: () => ObjectStore;
  readonly stores: Locator;
  readonly scratch: ScratchRuns;
}

export class Outputs {
  private readonly open = new Map<number, Output>();
  private readonly options: OutputsOptions;

  constructor(options: OutputsOptions) {
    this.options = options;
  }

  start(output: number, request: OpenOutput): void {
    const stream = request === 'scratch' ? this.options.scratch.create(output) : this.stage(request);
    const written = stream.then(() => undefined);
    written.catch(() => undefined); // reported by finish
    this.open.set(output, { stream, written });
  }

  private async stage(request: OutputRequest): Promise<OutgoingStream> {
    const { to, attempt } = request;
    const { stores } = this.options;
    if (to.in === 'store') return new WholeObject(this.options.store(), to.key, attempt);
    const { store, key } = stores.locate(to.uri);
    const staged = await store.stage(key, attempt);
    return {
      write: (bytes) => staged.write(bytes),
      finish: () => staged.seal(),
      abort: () => staged.abort(),
    };
  }

  write(output: number, buffer: number, length: number): void {
    const { ring } = this.options;
    const entry = this.open.get(output);
    if (!entry) {
      ring.freeOut(buffer);
      return;
    }
    entry.written = entry.written
      .then(async () => (await entry.stream).write(ring.bufferOut(buffer).subarray(0, length)))
      .finally(() => {
        ring.freeOut(buffer);
      });
    entry.written.catch(() => undefined); // reported by finish
  }

  /** All bytes written; a staged output sealed, and a shuffle object visible. */
  async finish(output: number): Promise<Seal | undefined> {
    const entry = this.open.get(output);
    if (!entry) throw new GristmillError('internal', 'no such output', { context: { output } });
    await entry.written;
    const seal = await (await entry.stream).finish();
    this.open.delete(output);
    return seal;
  }

  /** At the end of an attempt: what it has not finished, and its scratch runs. */
  async endAttempt(): Promise<void> {
    const entries = [...this.open.values()];
    this.open.clear();
    for (const entry of entries) {
      await entry.written.catch(() => undefined);
      await entry.stream.then((stream) => stream.abort()).catch(() => undefined);
    }
    await this.options.scratch.removeAll();
  }
}
