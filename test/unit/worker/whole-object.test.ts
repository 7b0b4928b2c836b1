/** Shuffle objects: one put when they are small, a staged write when they are not, and the same bytes either way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { limits } from '../../../shared/limits.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { WholeObject } from '../../../worker/executor/io-whole.js';

class CountedStore extends MemoryStore {
  puts = 0;
  stages = 0;
  override put(...args: Parameters<MemoryStore['put']>) {
    this.puts++;
    return super.put(...args);
  }
  override stage(...args: Parameters<MemoryStore['stage']>) {
    this.stages++;
    return super.stage(...args);
  }
}

const most = limits.wholePutBytesMax;

test('whatever is written in whatever pieces is there when it is finished, and not before', async () => {
  const sizes = fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: most - 2, max: most + 2 }), fc.nat({ max: most / 2 }));
  await fc.assert(
    fc.asyncProperty(fc.array(sizes, { maxLength: 5 }), async (pieces) => {
      const store = new CountedStore();
      const object = new WholeObject(store, 'a/b', 'map-00000.1-1');
      const expected: Uint8Array[] = [];
      // The caller's memory is written again as soon as a write has resolved.
      const memory = new Uint8Array(most + 2);
      for (const [n, size] of pieces.entries()) {
        memory.fill(n + 1, 0, size);
        expected.push(memory.slice(0, size));
        await object.write(memory.subarray(0, size));
        expect(await store.head('a/b')).toBeUndefined();
      }
      await object.finish();
      const bytes = Buffer.concat(expected);
      expect(Buffer.compare(await store.get('a/b'), bytes)).toBe(0);
      expect([store.puts, store.stages]).toEqual(bytes.length <= most ? [1, 0] : [0, 1]);
    }),
    { numRuns: 40 },
  );
});

test.each([10, most + 1])('one of %i bytes that is given up leaves nothing', async (size) => {
  const store = new CountedStore();
  const object = new WholeObject(store, 'a/b', 'map-00000.1-1');
  await object.write(new Uint8Array(size));
  await object.abort();
  expect(await store.head('a/b')).toBeUndefined();
  await store.discardStaged('a');
});
