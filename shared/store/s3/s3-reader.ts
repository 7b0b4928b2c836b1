/**
 * Reads an object, or a range of it, in order, by ranged reads of which several are on their way. What is read ahead is
 * bounded for the whole process: a reader that gets nothing of that reads what it was asked for, and no more. All reads
 * after the first one demand its ETag, so nobody gets half of one object and half of another.
 */
import { limits } from '../../limits.js';
import type { ByteRange, ObjectReader } from '../object-store.js';
import { throwIfAborted } from '../signal.js';
import type { S3Place } from './place.js';
import { readObject, type ReadPiece } from './s3-objects.js';

export interface S3ReaderOptions {
  readonly place: S3Place;
  readonly key: string;
  readonly range: ByteRange | undefined;
  /** Of the object that is meant, where the caller knows it. */
  readonly etag?: string | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Ahead {
  readonly read: Promise<ReadPiece>;
  /** Taken from the budget. */
  readonly bytes: number;
}

export class S3Reader implements ObjectReader {
  readonly #options: S3ReaderOptions;
  readonly #stop = new AbortController();
  readonly #onAbort = (): void => this.#stop.abort(this.#options.signal?.reason);
  readonly #ahead: Ahead[] = [];
  /** Where the caller is, and where the next read begins. */
  #at: number;
  #next: number;
  #end: number;
  #etag: string | undefined;
  /** The rest of the read at which the caller is. */
  #rest: Uint8Array = new Uint8Array(0);
  #restTaken = 0;
  /** Reads that may be on their way: more, the more was read. */
  #width = 1;

  constructor(options: S3ReaderOptions) {
    const { range, etag, signal } = options;
    this.#options = options;
    this.#etag = etag;
    this.#at = this.#next = range?.start ?? 0;
    this.#end = range?.end ?? Number.MAX_SAFE_INTEGER;
    if (signal?.aborted === true) this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  async read(pieces: readonly Uint8Array[]): Promise<number> {
    let filled = 0;
    for (const [index, piece] of pieces.entries()) {
      for (let at = 0; at < piece.length;) {
        const left = pieces.slice(index).reduce((sum, { length }) => sum + length, -at);
        const part = (await this.next(left))?.subarray(0, piece.length - at);
        if (part === undefined) return filled;
        piece.set(part, at);
        this.#advance(part.length);
        at += part.length;
        filled += part.length;
      }
    }
    return filled;
  }

  /** Bytes that come next, as many as are at hand, and at least one; undefined at the end. `wanted`: what is asked for. */
  async next(wanted: number): Promise<Uint8Array | undefined> {
    throwIfAborted(this.#options.signal);
    while (this.#rest.length === 0) {
      if (this.#etag !== undefined && this.#at >= this.#end) return undefined;
      await this.#fetch(wanted);
    }
    return this.#rest;
  }

  /** All of it, one piece of at most `bytes` after the other. */
  async *pieces(bytes: number): AsyncGenerator<Uint8Array> {
    for (let piece = await this.next(bytes); piece !== undefined; piece = await this.next(bytes)) {
      const part = piece.subarray(0, bytes);
      yield part;
      this.#advance(part.length);
    }
  }

  async close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#stop.abort();
    this.#give(this.#restTaken);
    this.#restTaken = 0;
    for (const { bytes, read } of this.#ahead.splice(0)) {
      this.#give(bytes);
      await read.catch(() => undefined);
    }
  }

  async #fetch(wanted: number): Promise<void> {
    this.#give(this.#restTaken);
    this.#restTaken = 0;
    this.#fill(wanted);
    const first = this.#ahead.shift();
    if (first === undefined) {
      this.#take(await this.#read(Math.min(wanted, limits.s3ReadBytes)), 0);
      return;
    }
    this.#width = Math.min(this.#width * 2, limits.s3ReadsInFlight);
    this.#restTaken = first.bytes;
    this.#take(await first.read, first.bytes);
    this.#fill(wanted);
  }

  #take({ bytes, etag, size }: ReadPiece, taken: number): void {
    this.#rest = bytes;
    this.#restTaken = taken;
    this.#etag = etag;
    this.#end = Math.min(this.#end, size);
  }

  /** Until the first answer has said what the object is, one read is on its way. */
  #fill(wanted: number): void {
    const width = this.#etag === undefined ? 1 : this.#width;
    while (this.#ahead.length < width && this.#next < this.#end) {
      const rest = this.#end - this.#next;
      // A caller that wants little at first may not want more.
      const bytes = Math.min(
        rest,
        this.#etag === undefined ? Math.min(2 * wanted, limits.s3ReadBytes) : limits.s3ReadBytes,
      );
      if (!this.#options.place.endpoint.readAhead.take(bytes)) return;
      const read = this.#read(bytes);
      read.catch(() => undefined); // thrown to the caller who comes to it
      this.#ahead.push({ read, bytes });
    }
  }

  #read(bytes: number): Promise<ReadPiece> {
    const { place, key } = this.#options;
    const range = { start: this.#next, end: Math.min(this.#next + bytes, this.#end) };
    this.#next = range.end;
    return readObject(place, key, range, { etag: this.#etag, signal: this.#stop.signal });
  }

  #advance(bytes: number): void {
    this.#rest = this.#rest.subarray(bytes);
    this.#at += bytes;
  }

  #give(bytes: number): void {
    this.#options.place.endpoint.readAhead.give(bytes);
  }
}
