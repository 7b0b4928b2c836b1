import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Credits } from '../../../worker/executor/credits.js';

/** A reader and its pump: the pump always wants another buffer, the reader drains in an order of its own. */
class Source {
  readonly queue: number[] = [];
  readonly id: number;
  private readonly credits: Credits;

  constructor(credits: Credits, id: number) {
    this.credits = credits;
    this.id = id;
    credits.open(id);
    this.pump().catch(() => undefined); // its source is closed
  }

  private async pump(): Promise<void> {
    for (;;) this.queue.push(await this.credits.take(this.id));
  }
}

const settle = async () => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('credits', () => {
  test('every open source gets a buffer, however greedy the others are and in whatever order they are drained', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 15 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 200 }),
        async (sourceCount, order) => {
          const credits = new Credits(16, 15);
          const sources = Array.from({ length: sourceCount }, (_, id) => new Source(credits, id));
          for (const pick of order) {
            await settle();
            for (const source of sources) expect(source.queue.length).toBeGreaterThan(0);
            const source = sources[pick % sourceCount]!;
            credits.release([[source.id, source.queue.shift()!]]);
          }
        },
      ),
    );
  });

  test('a buffer is never given twice, and all come back', async () => {
    const credits = new Credits(8, 4);
    const sources = [0, 1, 2].map((id) => new Source(credits, id));
    await settle();
    const held = sources.flatMap((source) => source.queue);
    expect(new Set(held).size).toBe(held.length);
    for (const source of sources) credits.close(source.id);
    await settle();
    for (const source of sources) for (const buffer of source.queue) credits.release([[source.id, buffer]]);
    await settle();
    expect(credits.freeBuffers).toBe(8);
  });

  test('a source that is opened late gets a buffer, whatever the others have read ahead', async () => {
    const credits = new Credits(16, 12);
    for (let id = 0; id < 12; id++) {
      const source = new Source(credits, id);
      await settle();
      expect(source.queue.length).toBeGreaterThan(0);
    }
  });

  test('a single source reads ahead with every buffer that is not reserved', async () => {
    const credits = new Credits(8, 3);
    const source = new Source(credits, 1);
    await settle();
    expect(source.queue.length).toBe(6);
  });

  test('half of the read-ahead is shared evenly; the rest goes to the one that was drained last', async () => {
    const credits = new Credits(18, 2);
    const [first, second] = [new Source(credits, 0), new Source(credits, 1)] as const;
    await settle();
    expect([first.queue.length, second.queue.length]).toEqual([5, 5]);
    credits.release([[1, second.queue.shift()!]]);
    await settle();
    expect(first.queue.length).toBe(5);
    expect(second.queue.length).toBe(13);
  });

  test('further buffers for one read are those that the source may have without waiting', () => {
    const credits = new Credits(12, 4);
    credits.open(1);
    expect(credits.takeMore(1, 3)).toHaveLength(3);
    credits.open(2);
    expect(credits.takeMore(1, 8)).toHaveLength(0);
    const shared = credits.takeMore(2, 8);
    expect(shared).toHaveLength(3);
    credits.release(shared.map((buffer) => [2, buffer] as const));
    expect(credits.takeMore(2, 8)).toHaveLength(7);
    expect(credits.takeMore(3, 8)).toEqual([]);
  });

  test('what is wanted only when drained is not read ahead', async () => {
    const credits = new Credits(8, 4);
    credits.open(1);
    const granted: number[] = [];
    const want = () => void credits.take(1, true).then((buffer) => granted.push(buffer));
    want();
    want();
    await settle();
    expect(granted.length).toBe(1);
    credits.release([[1, granted[0]!]]);
    await settle();
    expect(granted.length).toBe(2);
  });
});
