/**
 * A split's bytes, from the object that the plan froze. A reader may need nothing behind the last bytes of its split, so
 * those, and whatever follows, it gets only after a look at the object.
 */
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
  await input.checkUnchanged();
  const { from, softEnd, bytes } = request;
  // The last buffer is read to its end: it mostly holds the rest of the split's last record.
  const buffers = Math.ceil((softEnd + limits.splitRestBytes - from) / filler.bufferBytes);
  const end = Math.min(bytes, from + buffers * filler.bufferBytes);
  if (from < end) {
    await input.withReader({ start: from, end }, async (reader) => {
      for (let at = from; at < end;) {
        const batch = await filler.take(source, end - at);
        at += await filler.fill(batch, (pieces) => input.read(reader, pieces, at, batch.bytes));
      }
    });
  }
  // Beyond lies at most the rest of a long record: no reading ahead, and nothing open while nobody asks.
  for (let at = end; at < bytes;) {
    const batch = await filler.takeWhenDrained(source, bytes - at);
    const range = { start: at, end: at + batch.bytes };
    const read = (reader: ObjectReader, pieces: readonly Uint8Array[]) => input.read(reader, pieces, at, batch.bytes);
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
    const reader = await openReader(this.store, this.key, { range, signal: this.signal });
    try {
      return await use(reader);
    } finally {
      await reader.close();
    }
  }

  /** `bytes` from `at` on, which are still those that the plan means. */
  async read(reader: ObjectReader, pieces: readonly Uint8Array[], at: number, bytes: number): Promise<number> {
    const filled = await this.filled(reader, pieces);
    if (filled < bytes) throw this.changed('has changed'); // it is shorter than it was
    if (at + filled >= Math.min(this.request.softEnd, this.request.bytes)) await this.checkUnchanged();
    return filled;
  }

  private async filled(reader: ObjectReader, pieces: readonly Uint8Array[]): Promise<number> {
    try {
      return await reader.read(pieces);
    } catch (thrown) {
      if (hasCode(thrown, 'object-changed')) throw this.changed('has changed');
      if (hasCode(thrown, 'object-not-found')) throw this.changed('is gone');
      throw thrown;
    }
  }

  async checkUnchanged(): Promise<void> {
    const now = await this.store.head(this.key, { signal: this.signal });
    if (now?.etag === this.request.etag && now.bytes === this.request.bytes) return;
    throw this.changed(now === undefined ? 'is gone' : 'has changed');
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
