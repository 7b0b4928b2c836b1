import { describe, expect, test } from 'vitest';
import type { Clock } from '../../../shared/clock.js';
import { GristmillError, type ErrorCode } from '../../../shared/errors.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { putOnce } from '../../../shared/store/put-once.js';
import { codeOf, read, text } from '../../contract/store/subject.js';

const waits: number[] = [];
const clock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after(delayMs, action) {
    waits.push(delayMs);
    queueMicrotask(action);
    return () => undefined;
  },
};

/** A store whose puts meet these fates in turn: the effect happens, or not, and the answer is the code. */
function fateful(inner: ObjectStore, fates: readonly { lands: boolean; code: ErrorCode }[]): ObjectStore {
  let n = 0;
  return new Proxy(inner, {
    get: (target, name) => {
      if (name !== 'put') return (Reflect.get(target, name, target) as () => unknown).bind(target);
      return async (...values: Parameters<ObjectStore['put']>) => {
        const fate = fates[n++];
        if (fate === undefined) return target.put(...values);
        if (fate.lands) await target.put(...values);
        throw new GristmillError(fate.code, 'fate');
      };
    },
  });
}

const own = text('own nonce');

describe('putOnce', () => {
  test('wins a free key and loses an occupied one', async () => {
    const store = new MemoryStore();
    expect(await putOnce(store, 'key', own, { clock })).toBe('won');
    expect(await putOnce(store, 'key', text('other nonce'), { clock })).toBe('lost');
    expect(await putOnce(store, 'key', own, { clock })).toBe('won');
    expect(await read(store, 'key')).toBe('own nonce');
  });

  test.each([true, false])(
    'an unknown outcome is settled by putting the same bytes again (landed: %s)',
    async (lands) => {
      const store = new MemoryStore();
      const fates = [{ lands, code: 'store-timeout' }] as const;
      expect(await putOnce(fateful(store, fates), 'key', own, { clock })).toBe('won');
      expect(await read(store, 'key')).toBe('own nonce');
    },
  );

  test('a key that another took while the outcome was unknown is lost', async () => {
    const store = new MemoryStore();
    const other: Clock = {
      ...clock,
      after: (delayMs, action) => {
        void store.put('key', text('other'), { ifAbsent: true }).then(action);
        return clock.after(delayMs, () => undefined);
      },
    };
    const fates = [{ lands: false, code: 'store-timeout' }] as const;
    expect(await putOnce(fateful(store, fates), 'key', own, { clock: other })).toBe('lost');
    expect(await read(store, 'key')).toBe('other');
  });

  test('a store that stays away is told after the last attempt, with growing waits', async () => {
    const fates = Array.from({ length: 9 }, () => ({ lands: false, code: 'store-unavailable' }) as const);
    waits.length = 0;
    const store = fateful(new MemoryStore(), fates);
    expect(await codeOf(putOnce(store, 'key', own, { clock, attempts: 4 }))).toBe('store-unavailable');
    expect(waits).toEqual([50, 100, 200]);
    waits.length = 0;
    expect(await codeOf(putOnce(store, 'key', own, { clock, attempts: 2, random: () => 0 }))).toBe('store-unavailable');
    expect(waits).toEqual([25]);
  });

  test('an answer that no repetition changes is thrown at once', async () => {
    const store = fateful(new MemoryStore(), [{ lands: false, code: 'store-denied' }]);
    waits.length = 0;
    expect(await codeOf(putOnce(store, 'key', own, { clock }))).toBe('store-denied');
    expect(waits).toEqual([]);
  });

  test('a signal ends it', async () => {
    const signal = AbortSignal.abort();
    expect(await codeOf(putOnce(new MemoryStore(), 'key', own, { clock, signal }))).toBe('aborted');
  });
});
