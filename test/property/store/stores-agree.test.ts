import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../../shared/store/directory-store.js';
import { compareKeys } from '../../../shared/store/key.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { outcome, step, type World } from './store-steps.js';

test('a directory and memory give the same answers to any sequence of calls', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const root = await mkdtemp(join(tmpdir(), 'gristmill-agree-'));
      const stores = [new DirectoryStore(root), new MemoryStore()] as const;
      const worlds = stores.map((): World => ({ stages: [], seals: [] }));
      try {
        for (const { name, run } of steps) {
          const [directory, memory] = await Promise.all(stores.map((store, i) => outcome(run, store, worlds[i]!)));
          expect(directory, name).toEqual(memory);
        }
      } finally {
        for (const stage of worlds[0]?.stages ?? []) await stage?.abort();
        await rm(root, { recursive: true, force: true });
      }
    }),
    { numRuns: 100 },
  );
});

test('keys are compared as their UTF-8 bytes are', () => {
  const some = fc.string({
    unit: fc.constantFrom('a', 'b', '/', '\u00e4', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
  });
  fc.assert(
    fc.property(some, some, (a, b) => {
      expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 1000 },
  );
});
