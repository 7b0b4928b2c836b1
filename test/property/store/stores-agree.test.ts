import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DirectoryStore } from '../../../shared/store/directory-store.js';
import { compareKeys } from '../../../shared/store/key.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ObjectStore, Seal, StagedWrite } from '../../../shared/store/object-store.js';
import { codeOf, keysOf, text } from '../../contract/store/subject.js';

const KEYS = ['a', 'b/c', 'b/d', 'b.c', 'e/f/g', 'e/f/h'];
const key = fc.constantFrom(...KEYS);
const content = fc.constantFrom('', 'one', 'two', 'three');
const slot = fc.nat({ max: 3 });

type Step = (store: ObjectStore, world: World) => Promise<unknown>;
interface World {
  readonly stages: (StagedWrite | undefined)[];
  readonly seals: (Seal | undefined)[];
}

const step: fc.Arbitrary<{ readonly name: string; readonly run: Step }> = fc.oneof(
  fc.tuple(key, content, fc.boolean()).map(([k, c, ifAbsent]) => ({
    name: `put ${k} ${c} ${ifAbsent}`,
    run: (store: ObjectStore) => store.put(k, text(c), { ifAbsent, durable: false }).then(() => undefined),
  })),
  fc.array(key, { maxLength: 3 }).map((keys) => ({
    name: `delete ${keys.join()}`,
    run: (store: ObjectStore) => store.delete(keys),
  })),
  fc.tuple(key, slot).map(([k, n]) => ({
    name: `stage ${k} as ${n}`,
    run: async (store: ObjectStore, world: World) => {
      await world.stages[n]?.abort();
      world.stages[n] = await store.stage(k, `attempt-${n}`, { durable: false });
    },
  })),
  fc.tuple(slot, content).map(([n, c]) => ({
    name: `write ${n} ${c}`,
    run: async (_: ObjectStore, world: World) => world.stages[n]?.write(text(c)),
  })),
  slot.map((n) => ({
    name: `seal ${n}`,
    run: async (_: ObjectStore, world: World) => {
      const seal = await world.stages[n]?.seal();
      world.seals[n] = seal ?? world.seals[n];
      return seal && { key: seal.key, bytes: seal.bytes, xxh64: seal.xxh64 };
    },
  })),
  slot.map((n) => ({
    name: `abort ${n}`,
    run: async (_: ObjectStore, world: World) => world.stages[n]?.abort(),
  })),
  slot.map((n) => ({
    name: `publish ${n}`,
    run: async (store: ObjectStore, { seals }: World) => seals[n] && store.publish(seals[n]),
  })),
  slot.map((n) => ({
    name: `discard ${n}`,
    run: async (store: ObjectStore, { seals }: World) => seals[n] && store.discard(seals[n]),
  })),
  fc.tuple(fc.constantFrom('', 'b/', 'e/f/'), fc.boolean()).map(([prefix, deep]) => ({
    name: `discardStaged ${prefix}${deep ? ' deep' : ''}`,
    run: (store: ObjectStore) => store.discardStaged(prefix, { deep }),
  })),
);

async function outcome(run: Step, store: ObjectStore, world: World): Promise<unknown> {
  let value: unknown;
  const code = await codeOf(run(store, world).then((result) => (value = result)));
  const objects: Record<string, string> = {};
  for (const k of await keysOf(store, '')) objects[k] = new TextDecoder().decode(await store.get(k));
  return { code, value, objects };
}

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
