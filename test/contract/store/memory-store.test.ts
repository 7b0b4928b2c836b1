import { GristmillError } from '../../../shared/errors.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { describeStore } from './contract.js';
import { keysOf } from './subject.js';

describeStore('MemoryStore', async () => {
  const store = new MemoryStore();
  return {
    store,
    other: store.handle(),
    failing: (n) => {
      let calls = 0;
      const failing = store.handle(() => {
        calls += 1;
        if (calls === n) throw new GristmillError('store-unavailable', 'this call fails');
      });
      return { store: failing, calls: () => calls };
    },
    leftovers: () => keysOf(store, ''),
    dispose: async () => undefined,
  };
});
