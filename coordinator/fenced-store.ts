/**
 * A store whose changes are made by a leader only. Records are fenced by their slots; what is published, written and
 * removed is not, so a leader that stood still makes sure that it still leads before it goes on where it stopped: its
 * successor has finished the job since, and the next job may have its output there.
 */
import type { ObjectStore } from '../shared/store/object-store.js';
import type { Outputs } from './outputs.js';

const CHANGES: ReadonlySet<string | symbol> = new Set<keyof ObjectStore>([
  'put',
  'delete',
  'stage',
  'publish',
  'discard',
  'discardStaged',
]);

/** `confirm` rejects when another leads. */
export function fencedStore(store: ObjectStore, confirm: () => Promise<void>): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (!CHANGES.has(name)) return member.bind(target) as unknown;
      return async (...args: unknown[]) => {
        await confirm();
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
}

interface ChangingPorts {
  readonly store: ObjectStore;
  readonly outputs: Outputs;
}

/** What effects change things through. */
export function fencedPorts({ store, outputs }: ChangingPorts, confirm: () => Promise<void>) {
  const fencedOutputs: Outputs = {
    async claim(request) {
      await confirm();
      return outputs.claim(request);
    },
    async release(request) {
      await confirm();
      return outputs.release(request);
    },
    storeFor(output) {
      const place = outputs.storeFor(output);
      return { ...place, store: fencedStore(place.store, confirm) };
    },
  };
  return { store: fencedStore(store, confirm), outputs: fencedOutputs };
}
