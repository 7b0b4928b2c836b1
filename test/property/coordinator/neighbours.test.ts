/** Who gets which partitions: every task once, and neighbours one after the other where nobody is in the way. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupSize, Neighbours } from '../../../coordinator/scheduler/neighbours.js';
import type { Work } from '../../../coordinator/scheduler/state.js';
import { parseWorkerId, type WorkerId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';

const everywhere = () => true;

interface Step {
  readonly worker: number;
  /** What befalls it: its oldest task ends, is lost, or it takes another one. */
  readonly what: 'take' | 'win' | 'lose' | 'die';
}

const steps = fc.array(
  fc.record({
    worker: fc.nat({ max: 3 }),
    what: fc.constantFrom<Step['what']>('take', 'take', 'take', 'win', 'win', 'win', 'lose', 'die'),
  }),
  { maxLength: 400 },
);

test('every waiting task is offered to whoever asks, whatever befalls the workers; what is read together is in order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 2, max: 8 }), steps, (tasks, size, history) => {
      const neighbours = new Neighbours(tasks, size);
      const waiting = new Set(Array.from({ length: tasks }, (_, i) => i));
      const running = [0, 1, 2, 3].map(() => [] as number[]);
      const dead = new Set<string>();
      const isHere = (worker: string) => !dead.has(worker);
      for (const { worker, what } of history) {
        const id = parseWorkerId(`w${worker}`);
        const own = running[worker] as number[];
        if (what === 'take') {
          dead.delete(id);
          const index = neighbours.offer(id, own, (at) => waiting.has(at), isHere);
          expect(index === undefined).toBe(waiting.size === 0);
          if (index === undefined) continue;
          expect(waiting.delete(index)).toBe(true);
          const range = neighbours.begin(id, index, isHere);
          if (range) {
            expect(index).toBeGreaterThanOrEqual(range.first);
            expect(index).toBeLessThan(range.end);
            expect(range.end - range.first).toBeLessThanOrEqual(size);
          }
          own.push(index);
        } else if (what === 'die') {
          dead.add(id);
          neighbours.forget(id);
          for (const index of own.splice(0)) waiting.add(index);
        } else {
          const index = own.shift();
          if (index !== undefined && what === 'lose') waiting.add(index);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('workers of one slot go through groups of their own, and the requests are a fraction of one for each task', () => {
  const tasks = 300;
  const neighbours = new Neighbours(tasks, 8);
  const workers = ['w1', 'w2', 'w3', 'w4'].map(parseWorkerId);
  const waiting = new Set(Array.from({ length: tasks }, (_, i) => i));
  const read = new Map<string, Set<string>>(workers.map((worker) => [worker, new Set()]));
  let requests = 0;
  for (let turn = 0; waiting.size > 0; turn++) {
    const worker = workers[turn % 4] as (typeof workers)[number];
    const index = neighbours.offer(worker, [], (at) => waiting.has(at), everywhere) as number;
    waiting.delete(index);
    const range = neighbours.begin(worker, index, everywhere);
    const name = range && `${range.first}-${range.end}`;
    const own = read.get(worker) as Set<string>;
    if (name === undefined || !own.has(name)) requests++;
    if (name !== undefined) own.add(name);
  }
  expect(requests).toBeLessThanOrEqual(Math.ceil(tasks / 8) + 4 * 8);
});

test('a slot that is free beside one that reads for a group does not wait for it', () => {
  const neighbours = new Neighbours(8, 4);
  const w1 = parseWorkerId('w1');
  const waiting = new Set([0, 1, 2, 3, 4, 5, 6, 7]);
  const take = (running: number[]) => {
    const index = neighbours.offer(w1, running, (at) => waiting.has(at), everywhere) as number;
    waiting.delete(index);
    return [index, neighbours.begin(w1, index, everywhere)];
  };
  expect(take([])).toEqual([0, { first: 0, end: 4 }]);
  expect(take([0])).toEqual([4, { first: 4, end: 8 }]);
  // Both groups are being read: the far end is done alone.
  expect(take([0, 4])[0]).toBe(7);
  expect(take([4])).toEqual([1, { first: 0, end: 4 }]);
});

test('another process under the name of a dead worker reads what is left of a group for itself', () => {
  const neighbours = new Neighbours(8, 4);
  const [w1, w2] = ['w1', 'w2'].map(parseWorkerId) as [WorkerId, WorkerId];
  const waiting = new Set([1, 2, 3, 4, 5, 6, 7]);
  const offer = (worker: WorkerId) => neighbours.offer(worker, [], (at) => waiting.has(at), everywhere);
  expect(neighbours.begin(w1, 0, everywhere)).toEqual({ first: 0, end: 4 });
  neighbours.forget(w1);
  // Its group is anybody's, and whoever takes it reads from there on.
  expect(offer(w2)).toBe(1);
  expect(offer(w1)).toBe(1);
  expect(neighbours.begin(w1, 1, everywhere)).toEqual({ first: 1, end: 4 });
  expect(neighbours.begin(w2, 2, everywhere)).toBeUndefined();
});

test('as many are read together as make a read worth its request, and no more than leave work for every slot', () => {
  const work = (objects: number, partitions: number, objectBytes: number) =>
    ({
      maps: { bytes: new Float64Array(objects).fill(objectBytes) },
      sealed: new Array(partitions),
    }) as unknown as Work;
  const { neighbourReadBytes, neighbourObjectsMin, neighboursMax, neighbourGroupsPerSlot } = limits;
  expect(groupSize(work(300, 300, 300 * (neighbourReadBytes / 8)), 4)).toBe(8);
  expect(groupSize(work(300, 300, 300), 4)).toBe(neighboursMax);
  expect(groupSize(work(300, 300, 300 * neighbourReadBytes), 4)).toBe(1);
  expect(groupSize(work(neighbourObjectsMin - 1, 300, 300), 4)).toBe(1);
  expect(groupSize(work(300, 40, 300), 4)).toBe(Math.floor(40 / 4 / neighbourGroupsPerSlot));
  expect(groupSize(work(300, 300, 300), 1000)).toBe(1);
  expect(groupSize(undefined, 4)).toBe(1);
});
