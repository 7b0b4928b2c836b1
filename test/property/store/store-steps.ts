/** Calls of a store, and what comes of them: any two stores give the same answers to any sequence of them. */
import fc from 'fast-check';
import type { ObjectStore, Seal, StagedWrite } from '../../../shared/store/object-store.js';
import { codeOf, keysOf, text } from '../../contract/store/subject.js';

const KEYS = ['a', 'b/c', 'b/d', 'b.c', 'e/f/g', 'e/f/h'];
const key = fc.constantFrom(...KEYS);
const content = fc.constantFrom('', 'one', 'two', 'three');
const slot = fc.nat({ max: 3 });

export type Step = (store: ObjectStore, world: World) => Promise<unknown>;
export interface World {
  readonly stages: (StagedWrite | undefined)[];
  readonly seals: (Seal | undefined)[];
}

export const step: fc.Arbitrary<{ readonly name: string; readonly run: Step }> = fc.oneof(
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

export async function outcome(run: Step, store: ObjectStore, world: World): Promise<unknown> {
  let value: unknown;
  const code = await codeOf(run(store, world).then((result) => (value = result)));
  const objects: Record<string, string> = {};
  for (const k of await keysOf(store, '')) objects[k] = new TextDecoder().decode(await store.get(k));
  return { code, value, objects };
}
