/** A store that breaks a promise is refused before anything is entrusted to it. */
import { expect, test } from 'vitest';
import { GristmillError } from '../../../shared/errors.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { prepareStore, probeStore } from '../../../shared/store/probe.js';
import { codeOf, keysOf } from '../../contract/store/subject.js';

const probed = (store: ObjectStore) => probeStore(store, { name: 'x' });

/** A store of which some calls are others. */
function changed(store: MemoryStore, calls: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(calls, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}

async function refusalOf(store: ObjectStore): Promise<string> {
  const thrown = await probed(store).then(
    () => undefined,
    (error: unknown) => error as GristmillError,
  );
  expect(thrown?.code).toBe('store-unfit');
  return thrown?.message ?? '';
}

test('a store that keeps its promises passes, and nothing is left in it', async () => {
  const store = new MemoryStore();
  await probed(store);
  expect(await keysOf(store, '')).toEqual([]);
});

test('a store that takes conditional writes for plain ones is refused', async () => {
  const store = new MemoryStore();
  const put: ObjectStore['put'] = (key, bytes) => store.put(key, bytes);
  expect(await refusalOf(changed(store, { put }))).toMatch(/32 writers .* 32 were told/);
  expect(await keysOf(store, '')).toEqual([]);
});

test('a store that lets two of many win is refused, and so is one in which nobody wins', async () => {
  const store = new MemoryStore();
  let puts = 0;
  const second: ObjectStore['put'] = (key, bytes, options) => {
    puts += 1;
    return store.put(key, bytes, puts === 7 ? {} : (options ?? {}));
  };
  expect(await refusalOf(changed(store, { put: second }))).toMatch(/2 were told/);
  const never: ObjectStore['put'] = async () => {
    throw new GristmillError('object-exists', 'no');
  };
  expect(await refusalOf(changed(new MemoryStore(), { put: never }))).toMatch(/0 were told/);
});

test('a store that lets a late writer win is refused', async () => {
  const store = new MemoryStore();
  let puts = 0;
  const late: ObjectStore['put'] = (key, bytes, options) => {
    puts += 1;
    return store.put(key, bytes, puts === 33 ? {} : (options ?? {}));
  };
  expect(await refusalOf(changed(store, { put: late }))).toMatch(/once more/);
});

test('a store whose listing is late, or that keeps what is deleted, is refused', async () => {
  const list: ObjectStore['list'] = () => new MemoryStore().list('');
  expect(await refusalOf(changed(new MemoryStore(), { list }))).toMatch(/listing/);
  expect(await refusalOf(changed(new MemoryStore(), { delete: async () => undefined }))).toMatch(/deletion/);
});

test('a store that mixes up what it holds is refused', async () => {
  const get: ObjectStore['get'] = async () => Buffer.from('another');
  expect(await refusalOf(changed(new MemoryStore(), { get }))).toMatch(/one winner/);
});

test('a store that does not answer is not called unfit', async () => {
  const put: ObjectStore['put'] = async () => {
    throw new GristmillError('store-unavailable', 'away');
  };
  expect(await codeOf(probed(changed(new MemoryStore(), { put })))).toBe('store-unavailable');
});

test('it is made ready first, and what there is to warn of is told', async () => {
  const store = changed(new MemoryStore(), { prepare: async () => ['no rules'] });
  expect(await prepareStore(store, { name: 'x' })).toEqual(['no rules']);
  const fails = async () => {
    throw new GristmillError('store-denied', 'no bucket');
  };
  expect(await codeOf(prepareStore(changed(new MemoryStore(), { prepare: fails }), { name: 'x' }))).toBe(
    'store-denied',
  );
});
