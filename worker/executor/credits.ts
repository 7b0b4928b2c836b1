/**
 * Who may fill the next free buffer: credits per source.
 *
 * Every source that may be open, opened yet or not, has one buffer reserved: a merge may need the next bytes of any of
 * its sources, and would wait for ever for a buffer that another one filled ahead. What is left over is read-ahead. Half
 * of it is shared evenly, because a merge of like sources drains them in turn; the rest goes to the source that was
 * drained last, which in a merge of unlike sources held the lowest key and is the likeliest to be drained next.
 */
import { GristmillError } from '../../shared/errors.js';

interface Source {
  /** Buffers that it fills, or that wait for its reader, or that the reader looks at. */
  held: number;
}

interface Waiter {
  readonly id: number;
  readonly source: Source;
  /** Wants a buffer only once all the source's own are drained: reading past the end of a split. */
  readonly whenDrained: boolean;
  readonly grant: (buffer: number) => void;
  readonly refuse: (error: GristmillError) => void;
}

export class Credits {
  private readonly free: number[] = [];
  private readonly aheadMax: number;
  private readonly sources = new Map<number, Source>();
  private waiters: Waiter[] = [];
  private preferred: Source | undefined;
  /** As many free buffers are reserved: for each source that holds none, and each that is not open. */
  private reserved: number;

  /** `sourcesMax`: as many may be open at a time, and no more than there are buffers. */
  constructor(buffers: number, sourcesMax: number) {
    this.aheadMax = buffers - sourcesMax;
    this.reserved = sourcesMax;
    for (let buffer = buffers - 1; buffer >= 0; buffer--) this.free.push(buffer);
  }

  open(id: number): void {
    this.sources.set(id, { held: 0 });
  }

  /** Its waiting requests are refused; buffers it still holds come back by `release`. */
  close(id: number): void {
    const source = this.sources.get(id);
    if (!source) return;
    if (source.held > 0) this.reserved += 1;
    this.sources.delete(id);
    const refused = this.waiters.filter((waiter) => waiter.id === id);
    this.waiters = this.waiters.filter((waiter) => waiter.id !== id);
    for (const waiter of refused) waiter.refuse(closed());
    this.grantAll();
  }

  /** Resolves with a buffer to fill, which comes back by `release`; rejects with `aborted` when the source is closed. */
  take(id: number, whenDrained = false): Promise<number> {
    return new Promise((grant, refuse) => {
      const source = this.sources.get(id);
      if (!source) {
        refuse(closed());
        return;
      }
      this.waiters.push({ id, source, whenDrained, grant, refuse });
      this.grantAll();
    });
  }

  /** Up to `countMax` further buffers that the source may have without waiting, for one larger read. */
  takeMore(id: number, countMax: number): number[] {
    const source = this.sources.get(id);
    const taken: number[] = [];
    while (source && taken.length < countMax && this.mayReadAhead(source)) taken.push(this.hand(source));
    return taken;
  }

  /** The user thread is done with these buffers, each of its source. */
  release(buffers: Iterable<readonly [id: number, buffer: number]>): void {
    for (const [id, buffer] of buffers) {
      this.free.push(buffer);
      const source = this.sources.get(id);
      if (!source) continue;
      this.preferred = source;
      source.held -= 1;
      if (source.held === 0) this.reserved += 1;
    }
    this.grantAll();
  }

  /** Buffers that the source fills, that wait for its reader, or that the reader looks at. */
  heldBy(id: number): number {
    return this.sources.get(id)?.held ?? 0;
  }

  isOpen(id: number): boolean {
    return this.sources.has(id);
  }

  get freeBuffers(): number {
    return this.free.length;
  }

  private grantAll(): void {
    for (let next = this.nextWaiter(); next !== undefined; next = this.nextWaiter()) {
      this.waiters.splice(this.waiters.indexOf(next), 1);
      next.grant(this.hand(next.source));
    }
  }

  /** Linear in the waiting sources, of which there are as many as a merge has open: about a microsecond. */
  private nextWaiter(): Waiter | undefined {
    if (this.free.length === 0) return undefined;
    let ahead: Waiter | undefined;
    for (const waiter of this.waiters) {
      const { source } = waiter;
      if (source.held === 0) return waiter;
      if (waiter.whenDrained || !this.mayReadAhead(source)) continue;
      if (!ahead || source.held < ahead.source.held) ahead = waiter;
    }
    return ahead;
  }

  private mayReadAhead(source: Source): boolean {
    if (this.free.length <= this.reserved) return false;
    const sources = this.sources.size;
    return sources === 1 || source === this.preferred || source.held <= Math.floor(this.aheadMax / 2 / sources);
  }

  private hand(source: Source): number {
    const buffer = this.free.pop();
    if (buffer === undefined) throw new GristmillError('internal', 'a buffer was granted that is not free');
    if (source.held === 0) this.reserved -= 1;
    source.held += 1;
    return buffer;
  }
}

function closed(): GristmillError {
  return new GristmillError('aborted', 'the source was closed');
}
