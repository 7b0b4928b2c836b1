/** A split's bytes, from the object that the plan froze: its ETag goes with every read, and no other object is read. */
import { GristmillError, hasCode } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { openReader } from '../../shared/store/object-reader.js';
import type { ByteRange, ObjectReader, ObjectStore } from '../../shared/store/object-store.js';
import type { Locator } from '../../shared/store/stores.js';
import type { InputRequest } from '../ports.js';
import type { RingFiller } from './ring-filler.js';

export async function pumpInput(
  stores: Locator,
  filler: RingFiller,
  source: number,
  request: InputRequest,
  signal: AbortSignal,
): Promise<void> {
  const input = new Input(stores, request, signal);
  const { from, softEnd, bytes } = request;
  // What is not read is looked at.
  if (from >= bytes) await input.checkUnchanged();
  // The last buffer is read to its end: it mostly holds the rest of the split's last record.
  const buffers = Math.ceil((softEnd + limits.splitRestBytes - from) / filler.bufferBytes);
  const end = Math.min(bytes, from + buffers * filler.bufferBytes);
  if (from < end) {
    await input.withReader({ start: from, end }, async (reader) => {
      for (let at = from; at < end;) {
        const batch = await filler.take(source, end - at);
        at += await filler.fill(batch, (pieces) => input.read(reader, pieces, batch.bytes));
      }
    });
  }
  // Beyond lies at most the rest of a long record: no reading ahead, and nothing open while nobody asks.
  for (let at = end; at < bytes;) {
    const batch = await filler.takeWhenDrained(source, bytes - at);
    const range = { start: at, end: at + batch.bytes };
    const read = (reader: ObjectReader, pieces: readonly Uint8Array[]) => input.read(reader, pieces, batch.bytes);
    at += await filler.fill(batch, (pieces) => input.withReader(range, (reader) => read(reader, pieces)));
  }
}

class Input {
  private readonly request: InputRequest;
  private readonly signal: AbortSignal;
  private readonly store: ObjectStore;
  private readonly key: string;

  constructor(stores: Locator, request: InputRequest, signal: AbortSignal) {
    const { store, key } = stores.locate(request.uri);
    this.request = request;
    this.signal = signal;
    this.store = store;
    this.key = key;
  }

  async withReader<Result>(range: ByteRange, use: (reader: ObjectReader) => Promise<Result>): Promise<Result> {
    const { etag } = this.request;
    const open = openReader(this.store, this.key, { range, etag, signal: this.signal });
    const reader = await this.unchanged(open);
    try {
      return await use(reader);
    } finally {
      await reader.close();
    }
  }

  /** The next `bytes`. */
  async read(reader: ObjectReader, pieces: readonly Uint8Array[], bytes: number): Promise<number> {
    const filled = await this.unchanged(reader.read(pieces));
    if (filled < bytes) throw this.changed('has changed'); // it is shorter than it was
    return filled;
  }

  async checkUnchanged(): Promise<void> {
    const now = await this.store.head(this.key, { signal: this.signal });
    if (now?.etag === this.request.etag && now.bytes === this.request.bytes) return;
    throw this.changed(now === undefined ? 'is gone' : 'has changed');
  }

  private async unchanged<Result>(call: Promise<Result>): Promise<Result> {
    try {
      return await call;
    } catch (thrown) {
      if (hasCode(thrown, 'object-changed')) throw this.changed('has changed');
      if (hasCode(thrown, 'object-not-found')) throw this.changed('is gone');
      throw thrown;
    }
  }

  private changed(what: string): GristmillError {
    const { uri } = this.request;
    return new GristmillError(
      'input-changed',
      `the input ${uri} ${what} since the job was planned; run the job again when its inputs are complete`,
      { where: uri },
    );
  }
}
