/** The I/O thread's outputs: staged writes fed from the ring's buffers out, each in order. */
import { GristmillError } from '../../shared/errors.js';
import type { ObjectStore, Seal, StagedWrite } from '../../shared/store/object-store.js';
import { locate } from '../../shared/store/open.js';
import type { OutputRequest } from '../ports.js';
import type { RingProducer } from './ring.js';

interface Output {
  readonly staged: Promise<StagedWrite>;
  readonly store: ObjectStore;
  readonly publish: boolean;
  /** The chain of writes; rejects with the first error and stays so. */
  written: Promise<void>;
}

export class Outputs {
  private readonly open = new Map<number, Output>();
  private readonly ring: RingProducer;
  private readonly store: () => ObjectStore;

  constructor(ring: RingProducer, store: () => ObjectStore) {
    this.ring = ring;
    this.store = store;
  }

  start(output: number, request: OutputRequest): void {
    const inStore = request.to.in === 'store';
    const place = request.to.in === 'store' ? { store: this.store(), key: request.to.key } : locate(request.to.uri);
    const staged = place.store.stage(place.key, request.attempt, { durable: !inStore });
    const written = staged.then(() => undefined);
    written.catch(() => undefined); // reported by seal
    this.open.set(output, { staged, store: place.store, publish: inStore, written });
  }

  write(output: number, buffer: number, length: number): void {
    const entry = this.open.get(output);
    if (!entry) {
      this.ring.freeOut(buffer);
      return;
    }
    entry.written = entry.written
      .then(async () => (await entry.staged).write(this.ring.bufferOut(buffer).subarray(0, length)))
      .finally(() => this.ring.freeOut(buffer));
    entry.written.catch(() => undefined); // reported by seal
  }

  /** All bytes written, sealed, and for a shuffle object visible. */
  async seal(output: number): Promise<Seal> {
    const entry = this.open.get(output);
    if (!entry) throw new GristmillError('internal', 'no such output', { context: { output } });
    await entry.written;
    const seal = await (await entry.staged).seal();
    if (entry.publish) await entry.store.publish(seal);
    this.open.delete(output);
    return seal;
  }

  async abortAll(): Promise<void> {
    const entries = [...this.open.values()];
    this.open.clear();
    for (const entry of entries) {
      await entry.written.catch(() => undefined);
      await entry.staged.then((staged) => staged.abort()).catch(() => undefined);
    }
  }
}
