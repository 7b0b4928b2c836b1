/** When spare executors start: not with the first tasks of a job, and at once where slots change between jobs. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ExecutorSpares } from '../../../worker/executor-spares.js';
import { MovedClock } from '../../harness/moved-clock.js';

let clock: MovedClock;
let alive: { alive: boolean }[];

function spares(delayMs = 1000): ExecutorSpares<{ alive: boolean }> {
  return new ExecutorSpares({
    clock,
    delayMs,
    spawn() {
      const executor = { alive: true };
      alive.push(executor);
      return executor;
    },
    dismiss(spare) {
      alive = alive.filter((executor) => executor !== spare);
    },
  });
}

beforeEach(() => {
  clock = new MovedClock();
  alive = [];
});

describe('spares', () => {
  test('start when their slots have been bound for a while', async () => {
    const of = spares();
    of.bound({});
    await clock.move(500);
    of.bound({});
    expect(alive.length).toBe(0);
    await clock.move(500);
    expect(alive.length).toBe(1);
    await clock.move(500);
    expect(alive.length).toBe(2);
  });

  test('never start for a job that is over before', async () => {
    const of = spares();
    const slot = {};
    of.bound(slot);
    await clock.move(999);
    expect(of.unbound(slot)).toBeUndefined();
    await clock.move(10_000);
    expect(alive.length).toBe(0);
  });

  test('end where memory is short, and come back with the next slot that is bound', async () => {
    const of = spares();
    of.bound({});
    await clock.move(1000);
    expect(of.warm).toEqual(alive);
    of.shed();
    expect(alive.length).toBe(0);
    expect(of.warm).toEqual([]);
    await clock.move(10_000);
    expect(alive.length).toBe(0);
    of.bound({});
    expect(alive.length).toBe(1);
  });

  test('become the executors of slots that are free again', async () => {
    const of = spares();
    const slot = {};
    of.bound(slot);
    await clock.move(1000);
    const [spare] = alive;
    expect(of.unbound(slot)).toBe(spare);
    expect(alive.length).toBe(1);
  });

  test('that have died are no spares, and are started again', async () => {
    const of = spares();
    const [one, other] = [{}, {}];
    of.bound(one);
    of.bound(other);
    await clock.move(1000);
    const [dead, whole] = alive;
    if (dead) dead.alive = false;
    expect(of.unbound(one)).toBe(whole);
    expect(alive.filter((executor) => executor.alive && executor !== whole).length).toBe(1);
  });

  test('start at once while slots change between jobs, until no job is left', async () => {
    const of = spares();
    const [one, other] = [{}, {}];
    of.bound(one);
    of.bound(other);
    of.missed();
    of.unbound(one);
    of.bound(one);
    expect(alive.length).toBe(2);
    of.unbound(one);
    of.unbound(other);
    alive = [];
    of.bound(one);
    expect(alive.length).toBe(0);
    await clock.move(1000);
    expect(alive.length).toBe(1);
  });

  test('are none where none are kept', async () => {
    const of = spares(Infinity);
    const slot = {};
    of.bound(slot);
    of.missed();
    of.unbound(slot);
    of.bound(slot);
    await clock.move(100_000);
    expect(alive.length).toBe(0);
  });

  test('are gone when the worker stops, and none start any more', async () => {
    const of = spares();
    of.bound({});
    await clock.move(1000);
    of.bound({});
    of.stop();
    await clock.move(10_000);
    expect(alive.length).toBe(0);
  });
});
