/** A store that does not answer yet is waited for, and for no longer than was said; one that refuses is believed. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { contactStore } from '../../../coordinator/first-contact.js';
import { GristmillError, type ErrorCode } from '../../../shared/errors.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { codeOf, keysOf } from '../../contract/store/subject.js';
import { HastyClock } from '../../harness/manual-clock.js';
import { random } from './miniature-cluster.js';

/** A store whose first preparations fail so. */
function failing(codes: readonly ErrorCode[]) {
  const store = new MemoryStore();
  const left = [...codes];
  const prepare: NonNullable<ObjectStore['prepare']> = () => {
    const code = left.shift();
    return code === undefined
      ? Promise.resolve([])
      : Promise.reject(new GristmillError(code, `${code} says the store`));
  };
  return { store: Object.assign(store, { prepare }), left };
}

async function contact(store: ObjectStore, forMs: number, signal?: AbortSignal) {
  const reasons: string[] = [];
  const log = pino({ level: 'silent' });
  const onWaiting = (reason: string) => void reasons.push(reason);
  const code = await codeOf(
    contactStore(store, { forMs, signal, clock: new HastyClock(Infinity), random, log, onWaiting }),
  );
  return { code, reasons };
}

test('it waits for a store that is not up yet, says why, and then probes it', async () => {
  const { store, left } = failing(['store-unavailable', 'store-timeout']);
  const { code, reasons } = await contact(store, 60_000);
  expect(code).toBe('none');
  expect(reasons).toEqual(['store-unavailable says the store', 'store-timeout says the store']);
  expect(left).toEqual([]);
  expect(await keysOf(store, '')).toEqual([]);
});

test('it waits for no longer than it was told', async () => {
  const { store, left } = failing(Array<ErrorCode>(100).fill('store-unavailable'));
  expect((await contact(store, 5_000)).code).toBe('store-unavailable');
  expect(left.length).toBeGreaterThan(90);
  expect((await contact(failing(['store-unavailable']).store, 0)).code).toBe('store-unavailable');
});

test('a store that refuses it is not asked twice', async () => {
  const { store, left } = failing(['store-denied', 'store-denied']);
  expect(await contact(store, 60_000)).toEqual({ code: 'store-denied', reasons: [] });
  expect(left).toHaveLength(1);
});

test('told to stop, it waits no more', async () => {
  const stop = new AbortController();
  const { store } = failing(Array<ErrorCode>(100).fill('store-unavailable'));
  stop.abort(new GristmillError('aborted', 'stopped'));
  expect((await contact(store, 60_000, stop.signal)).code).toBe('aborted');
});
