/** A store that answers no `get` until it is let go: whoever reads a journal from it stands still there. */
import type { ObjectStore } from '../../shared/store/object-store.js';

export interface HeldStore {
  readonly store: ObjectStore;
  /** Resolves when somebody waits for an answer. */
  readonly reached: Promise<void>;
  letGo(): void;
}

export function heldStore(below: ObjectStore): HeldStore {
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  let reach: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const store = new Proxy(below, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name !== 'get') return member.bind(target) as unknown;
      return async (...args: unknown[]) => {
        reach();
        await held;
        return Reflect.apply(member, target, args) as unknown;
      };
    },
  });
  return { store, reached, letGo };
}
