/**
 * Who may fill the next free buffer: credits per source.
 *
 * Every open source has one buffer reserved, so that a merge, which may need the next bytes of any source, never waits
 * for a buffer that another source holds. What is left over is read-ahead, and goes to the source that the merge drained
 * last: it held the lowest key, so it is the likeliest to be drained next.
 */
import { GristmillError } from '../../shared/errors.js';

interface Waiter {
  readonly source: number;
  /** Wants a buffer only once all the source's own are drained: reading past the end of a split. */
  readonly whenDrained: boolean;
  readonly grant: (buffer: number) => void;
  readonly refuse: (error: GristmillError) => void;
}

export class Credits {
  private readonly free: number[] = [];
  private readonly held = new Map<number, number>();
  private waiters: Waiter[] = [];
  private preferred = -1;
  /** Open sources that hold no buffer: as many free buffers are reserved. */
  private reserved = 0;

  constructor(buffers: number) {
    for (let buffer = buffers - 1; buffer >= 0; buffer--) this.free.push(buffer);
  }

  open(source: number): void {
    this.held.set(source, 0);
    this.reserved += 1;
  }

  /** Its waiting requests are refused; buffers it still holds come back by `release`. */
  close(source: number): void {
    const held = this.held.get(source);
    if (held === undefined) return;
    if (held === 0) this.reserved -= 1;
    this.held.delete(source);
    const refused = this.waiters.filter((waiter) => waiter.source === source);
    this.waiters = this.waiters.filter((waiter) => waiter.source !== source);
    for (const waiter of refused) waiter.refuse(closed());
    this.grantAll();
  }

  /** Resolves with a buffer to fill, which comes back by `release`; rejects with `aborted` when the source is closed. */
  take(source: number, whenDrained = false): Promise<number> {
    return new Promise((grant, refuse) => {
      if (!this.held.has(source)) {
        refuse(closed());
        return;
      }
      this.waiters.push({ source, whenDrained, grant, refuse });
      this.grantAll();
    });
  }

  /** The user thread is done with a buffer of `source`. */
  release(source: number, buffer: number): void {
    this.free.push(buffer);
    this.preferred = source;
    const held = this.held.get(source);
    if (held !== undefined) {
      this.held.set(source, held - 1);
      if (held === 1) this.reserved += 1;
    }
    this.grantAll();
  }

  get freeBuffers(): number {
    return this.free.length;
  }

  private grantAll(): void {
    for (let next = this.nextWaiter(); next !== undefined; next = this.nextWaiter()) this.grant(next);
  }

  private nextWaiter(): Waiter | undefined {
    if (this.free.length === 0) return undefined;
    const entitled = this.waiters.find((waiter) => this.held.get(waiter.source) === 0);
    if (entitled) return entitled;
    if (this.free.length <= this.reserved) return undefined;
    const ahead = this.waiters.filter((waiter) => !waiter.whenDrained);
    const chosen = ahead.find((waiter) => waiter.source === this.preferred);
    return chosen ?? (this.held.size === 1 ? ahead[0] : undefined);
  }

  private grant(waiter: Waiter): void {
    const buffer = this.free.pop();
    if (buffer === undefined) return;
    this.waiters.splice(this.waiters.indexOf(waiter), 1);
    const held = this.held.get(waiter.source) ?? 0;
    if (held === 0) this.reserved -= 1;
    this.held.set(waiter.source, held + 1);
    waiter.grant(buffer);
  }
}

function closed(): GristmillError {
  return new GristmillError('aborted', 'the source was closed');
}
