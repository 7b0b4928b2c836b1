/** The I/O thread's sources: pumps that bring bytes of inputs, shuffle objects and replies into the ring. */
import { serialize } from 'node:v8';
import { failureOf, GristmillError } from '../../shared/errors.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { locate } from '../../shared/store/open.js';
import { Credits } from './credits.js';
import type { InputRequest, ShuffleRequest } from '../ports.js';
import { asFetchFailure } from '../task/fetch-failure.js';
import type { OpenRequest } from './io-requests.js';
import { FILLED_DATA, FILLED_END, FILLED_ERROR, type RingProducer } from './ring.js';

/** Answers calls; whatever it throws is thrown again on the user thread. */
export type Answer = (call: Extract<OpenRequest, { kind: 'call' }>['call'], signal: AbortSignal) => Promise<unknown>;

export class Sources {
  private readonly credits: Credits;
  private readonly open = new Map<number, AbortController>();
  private readonly ring: RingProducer;
  private readonly store: () => ObjectStore;
  private readonly answer: Answer;

  constructor(ring: RingProducer, store: () => ObjectStore, answer: Answer) {
    this.ring = ring;
    this.store = store;
    this.answer = answer;
    this.credits = new Credits(ring.shape.buffersIn);
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

  release(source: number, buffer: number): void {
    this.credits.release(source, buffer);
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
        await this.pumpInput(source, request, signal);
        return;
      case 'shuffle':
        await this.pumpShuffle(source, request, signal);
        return;
      case 'call':
        await this.fill(source, serialize(await this.answer(request.call, signal)), signal);
    }
  }

  private async pumpInput(source: number, request: InputRequest, signal: AbortSignal): Promise<void> {
    const { store, key } = locate(request.uri);
    await checkUnchanged(store, key, request, signal);
    const end = Math.min(request.softEnd, request.bytes);
    let read = request.from;
    if (request.from < end) {
      for await (const piece of store.stream(key, { range: { start: request.from, end }, signal })) {
        read += piece.length;
        // The reader may need nothing after the split's last bytes, so they are checked before it gets them.
        if (read >= end) await checkUnchanged(store, key, request, signal);
        await this.fill(source, piece, signal);
      }
      // Shorter than it was: it changed.
      if (read < end) throw inputChanged(request, 'has changed');
    }
    // Beyond the split's end lies at most the rest of its last record: no reading ahead.
    for (let at = Math.max(end, request.from); at < request.bytes; at += this.ring.shape.bufferBytes) {
      const range = { start: at, end: Math.min(at + this.ring.shape.bufferBytes, request.bytes) };
      const buffer = await this.credits.take(source, true);
      try {
        const piece = await store.get(key, { range, signal });
        await checkUnchanged(store, key, request, signal);
        this.pushData(source, buffer, piece);
      } catch (error) {
        // Most splits end while their reader waits here, with a buffer that nobody else gives back.
        this.credits.release(source, buffer);
        throw error;
      }
    }
  }

  private async pumpShuffle(source: number, request: ShuffleRequest, signal: AbortSignal): Promise<void> {
    const range = { start: request.offset, end: request.offset + request.bytes };
    try {
      for await (const piece of this.store().stream(request.key, { range, signal })) {
        await this.fill(source, piece, signal);
      }
    } catch (error) {
      throw asFetchFailure(error, request.key);
    }
  }

  private async fill(source: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const size = this.ring.shape.bufferBytes;
    for (let at = 0; at < bytes.length; at += size) {
      signal.throwIfAborted();
      this.pushData(source, await this.credits.take(source), bytes.subarray(at, at + size));
    }
  }

  private pushData(source: number, buffer: number, bytes: Uint8Array): void {
    this.ring.bufferIn(buffer).set(bytes);
    this.ring.push({ source, buffer, length: bytes.length, kind: FILLED_DATA });
  }

  private end(source: number): void {
    if (!this.open.has(source)) return;
    this.ring.push({ source, buffer: -1, length: 0, kind: FILLED_END });
  }

  private fail(source: number, error: unknown): void {
    if (!this.open.has(source)) return;
    const bytes = serialize(failureOf(error));
    const size = this.ring.shape.bufferBytes;
    const fits = bytes.length <= size ? bytes : serialize({ ...failureOf(error), message: 'too long', stack: '' });
    this.credits.take(source).then(
      (buffer) => {
        this.ring.bufferIn(buffer).set(fits);
        this.ring.push({ source, buffer, length: fits.length, kind: FILLED_ERROR });
      },
      () => undefined, // closed meanwhile: nobody waits for the error
    );
  }
}

async function checkUnchanged(
  store: ObjectStore,
  key: string,
  planned: InputRequest,
  signal: AbortSignal,
): Promise<void> {
  const now = await store.head(key, { signal });
  if (now?.etag === planned.etag && now.bytes === planned.bytes) return;
  throw inputChanged(planned, now === undefined ? 'is gone' : 'has changed');
}

function inputChanged({ uri }: InputRequest, what: string): GristmillError {
  return new GristmillError(
    'input-changed',
    `the input ${uri} ${what} since the job was planned; run the job again when its inputs are complete`,
    { where: uri },
  );
}
