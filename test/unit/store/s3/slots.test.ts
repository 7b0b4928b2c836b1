import { expect, test } from 'vitest';
import { GristmillError } from '../../../../shared/errors.js';
import { Slots } from '../../../../shared/store/s3/slots.js';

test('so many at a time, the others in their order, and a slot that is given back twice counts once', async () => {
  const slots = new Slots(2);
  const order: number[] = [];
  const first = await slots.take(undefined);
  const second = await slots.take(undefined);
  const later = [3, 4].map(async (n) => {
    const release = await slots.take(undefined);
    order.push(n);
    return release;
  });
  await Promise.resolve();
  expect(order).toEqual([]);
  first();
  first();
  await later[0];
  expect(order).toEqual([3]);
  second();
  await later[1];
  expect(order).toEqual([3, 4]);
});

test('who is aborted while it waits takes no slot with it', async () => {
  const slots = new Slots(1);
  const release = await slots.take(undefined);
  const stop = new AbortController();
  const aborted = slots.take(stop.signal);
  const next = slots.take(undefined);
  const reason = new GristmillError('aborted', 'enough');
  stop.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  release();
  (await next)();
  (await slots.take(undefined))();
  await expect(slots.take(stop.signal)).rejects.toBe(reason);
});
