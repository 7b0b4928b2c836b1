/** Many reads at a time, of which one fails. */
import { expect, test } from 'vitest';
import { GristmillError } from '../../../shared/errors.js';
import { limits } from '../../../shared/limits.js';
import type { CallOptions } from '../../../shared/store/object-store.js';
import { fetchAll } from '../../../worker/task/fetch-failure.js';

const items = Array.from({ length: 3 * limits.fetchesMax }, (_, i) => i);

/** Never ends by itself. */
function untilAborted({ signal }: CallOptions, onEnd: () => void): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => {
      onEnd();
      reject(new GristmillError('aborted', 'a read was aborted'));
    });
  });
}

test('when a store is away, the other reads are ended and waited for, no more begin, and its error is thrown', async () => {
  const begun: number[] = [];
  let ended = 0;
  const reading = fetchAll(items, {}, async (item, call) => {
    begun.push(item);
    if (item !== 3) return untilAborted(call, () => ended++);
    throw new GristmillError('store-unavailable', 'it is away');
  });
  await expect(reading).rejects.toMatchObject({ code: 'store-unavailable' });
  expect(begun).toEqual(items.slice(0, limits.fetchesMax));
  expect(ended).toBe(limits.fetchesMax - 1);
});

test('the caller’s signal ends all of them', async () => {
  const caller = new AbortController();
  let ended = 0;
  const reading = fetchAll(items, { signal: caller.signal }, (_, call) => untilAborted(call, () => ended++));
  caller.abort();
  await expect(reading).rejects.toMatchObject({ code: 'aborted' });
  expect(ended).toBe(limits.fetchesMax);
});

test('when objects are gone, all others are read, and all of their writers are named', async () => {
  const read: number[] = [];
  const reading = fetchAll(items, {}, async (item) => {
    read.push(item);
    if (item % 10 !== 7) return item;
    throw new GristmillError('shuffle-missing', 'gone', { producers: [`map-${item}`] });
  });
  await expect(reading).rejects.toMatchObject({
    code: 'shuffle-missing',
    producers: items.filter((item) => item % 10 === 7).map((item) => `map-${item}`),
  });
  expect(read).toEqual(items);
  expect(await fetchAll(items, {}, (item) => Promise.resolve(2 * item))).toEqual(items.map((item) => 2 * item));
});
