/** The I/O thread's sources: pumps that bring bytes of inputs, shuffle objects, scratch runs and replies into the ring. */
import { serialize } from 'node:v8';
import { failureOf, GristmillError } from '../../shared/errors.js';
import { openReader } from '../../shared/store/object-reader.js';
import type { ObjectReader, ObjectStore } from '../../shared/store/object-store.js';
import type { Locator } from '../../shared/store/stores.js';
import { Credits } from './credits.js';
import type { ShuffleRequest } from '../ports.js';
import { asFetchFailure } from '../task/fetch-failure.js';
import { pumpInput } from './io-inputs.js';
import type { IoCall, OpenRequest, ScratchRequest } from './io-requests.js';
import type { ScratchRuns } from './io-scratch.js';
import { RingFiller } from './ring-filler.js';
import { FILLED_END, FILLED_ERROR, type RingProducer } from './ring.js';

export interface SourcesOptions {
  readonly ring: RingProducer;
  readonly store: () => ObjectStore;
  readonly stores: Locator;
  readonly scratch: ScratchRuns;
  /** Answers calls; whatever it throws is thrown again on the user thread. */
  readonly answer: (call: IoCall, signal: AbortSignal) => Promise<unknown>;
}

export class Sources {
  private readonly options: SourcesOptions;
  private readonly credits: Credits;
  private readonly filler: RingFiller;
  private readonly open = new Map<number, AbortController>();

  constructor(options: SourcesOptions) {
    this.options = options;
    this.credits = new Credits(options.ring.shape.buffersIn, options.ring.shape.sourcesMax);
    this.filler = new RingFiller(options.ring, this.credits);
  }

  start(source: number, request: OpenRequest): void {
    const controller = new AbortController();
    this.open.set(source, controller);
    this.credits.open(source);
    this.pump(source, request, controller.signal).then(
      () => this.end(source),
      (error: unknown) => this.fail(source, error),
    );
  }

  release(buffers: Iterable<readonly [source: number, buffer: number]>): void {
    this.credits.release(buffers);
  }

  /** Buffers that nobody holds. */
  get freeBuffers(): number {
    return this.credits.freeBuffers;
  }

  /** The user thread wants no more of it. What is in the ring already, it releases itself. */
  close(source: number): void {
    this.open.get(source)?.abort(new GristmillError('aborted', 'the source was closed'));
    this.open.delete(source);
    this.credits.close(source);
  }

  private async pump(source: number, request: OpenRequest, signal: AbortSignal): Promise<void> {
    switch (request.kind) {
      case 'input':
        await pumpInput(this.options.stores, this.filler, source, request, signal);
        return;
      case 'shuffle':
        await this.pumpShuffle(source, request, signal);
        return;
      case 'scratch':
        await this.pumpScratch(source, request);
        return;
      case 'call':
        await this.filler.pour(source, serialize(await this.options.answer(request.call, signal)));
    }
  }

  /** An object that ends early is found out by whoever reads its frames. */
  private async pumpShuffle(source: number, request: ShuffleRequest, signal: AbortSignal): Promise<void> {
    const { key, offset, bytes } = request;
    try {
      const reader = await openReader(this.options.store(), key, {
        range: { start: offset, end: offset + bytes },
        signal,
      });
      await this.pumpReader(source, reader, bytes);
    } catch (error) {
      throw asFetchFailure(error, { key });
    }
  }

  private async pumpScratch(source: number, { run, bytes }: ScratchRequest): Promise<void> {
    const reader = await this.options.scratch.open(run);
    if ((await this.pumpReader(source, reader, bytes)) === bytes) return;
    throw new GristmillError('internal', 'a scratch run is shorter than what was written', { context: { run, bytes } });
  }

  /** Closes the reader. */
  private async pumpReader(source: number, reader: ObjectReader, bytes: number): Promise<number> {
    try {
      for (let at = 0; at < bytes;) {
        const batch = await this.filler.take(source, bytes - at);
        const filled = await this.filler.fill(batch, (pieces) => reader.read(pieces));
        at += filled;
        if (filled < batch.bytes) return at;
      }
      return bytes;
    } finally {
      await reader.close();
    }
  }

  private end(source: number): void {
    if (!this.open.has(source)) return;
    this.options.ring.push({ source, buffer: -1, length: 0, kind: FILLED_END });
  }

  private fail(source: number, error: unknown): void {
    if (!this.open.has(source)) return;
    const { ring } = this.options;
    const bytes = serialize(failureOf(error));
    const size = ring.shape.bufferBytes;
    const fits = bytes.length <= size ? bytes : serialize({ ...failureOf(error), message: 'too long', stack: '' });
    this.credits.take(source).then(
      (buffer) => {
        ring.bufferIn(buffer).set(fits);
        ring.push({ source, buffer, length: fits.length, kind: FILLED_ERROR });
      },
      () => undefined, // closed meanwhile: nobody waits for the error
    );
  }
}
