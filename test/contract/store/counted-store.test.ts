/** Counting changes nothing: a counted store keeps every promise of the store below it. */
import { expect, test } from 'vitest';
import { countedStore, type StoreCall } from '../../../coordinator/http/counted-store.js';
import { systemClock } from '../../../shared/clock.js';
import { GristmillError } from '../../../shared/errors.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { describeStore } from './contract.js';
import { codeOf, keysOf, text } from './subject.js';

const counted = (store: ObjectStore) => countedStore(store, systemClock, () => undefined);

describeStore('a counted MemoryStore', async () => {
  const store = new MemoryStore();
  return {
    store: counted(store),
    other: counted(store.handle()),
    failing: (n) => {
      let calls = 0;
      const failing = store.handle(() => {
        calls += 1;
        if (calls === n) throw new GristmillError('store-unavailable', 'this call fails');
      });
      return { store: counted(failing), calls: () => calls };
    },
    leftovers: () => keysOf(store, ''),
    dispose: async () => undefined,
  };
});

test('each call is told once, with its bytes or the code that it threw, however a reader leaves', async () => {
  const calls: Omit<StoreCall, 'seconds'>[] = [];
  const store = countedStore(new MemoryStore(), systemClock, ({ seconds, ...call }) => {
    expect(seconds).toBeGreaterThanOrEqual(0);
    calls.push(call);
  });
  await store.put('a', text('four'));
  await codeOf(store.put('a', text('more'), { ifAbsent: true }));
  await store.get('a');
  await codeOf(store.get('b'));
  for await (const _ of store.stream('a')) break;
  await keysOf(store, '');
  await store.head('a');
  await store.delete(['a']);
  expect(calls).toEqual([
    { operation: 'put', bytesWritten: 4 },
    { operation: 'put', code: 'object-exists' },
    { operation: 'get', bytesRead: 4 },
    { operation: 'get', code: 'object-not-found' },
    { operation: 'stream', bytesRead: 4 },
    { operation: 'list', bytesRead: 0 },
    { operation: 'head' },
    { operation: 'delete' },
  ]);
});
