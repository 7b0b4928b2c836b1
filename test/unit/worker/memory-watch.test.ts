/** Which executor ends when the memory of a worker runs out, and when none does. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../shared/limits.js';
import { watchMemory, type MemoryHolder, type MemoryShortage } from '../../../worker/memory-watch.js';
import { ManualClock } from '../../harness/manual-clock.js';

const MiB = 1024 * 1024;
const LIMIT = 1024 * MiB;
const RESERVE = 32 * MiB;

interface Process {
  readonly pid: number;
  held: number;
  isKilled: boolean;
  isGone: boolean;
}

/** A worker of 100 MiB with executors; the dead give back what they held when a test says that they are gone. */
class World {
  readonly clock = new ManualClock();
  readonly processes: Process[] = [];
  readonly told: MemoryShortage[] = [];
  limit: number | undefined = LIMIT;
  cached = 0;
  readonly stop: () => void;

  constructor(...held: readonly number[]) {
    for (const each of held) this.add(each);
    this.stop = watchMemory({
      clock: this.clock,
      readings: {
        limit: () => this.limit,
        held: () => this.held,
        cached: () => this.cached,
        ownOf: (pid) => this.processes.find((each) => each.pid === pid && !each.isGone)?.held ?? 0,
      },
      holders: () => this.processes.filter(({ isGone }) => !isGone).map(holderOf),
      onEnded: (shortage) => this.told.push(shortage),
    });
  }

  get held(): number {
    const living = this.processes.filter(({ isGone }) => !isGone);
    return living.reduce((sum, { held }) => sum + held, 100 * MiB) + this.cached;
  }

  get killed(): number[] {
    return this.processes.filter(({ isKilled }) => isKilled).map(({ pid }) => pid);
  }

  add(held: number): Process {
    const process = { pid: this.processes.length + 1, held, isKilled: false, isGone: false };
    this.processes.push(process);
    return process;
  }

  at(pid: number): Process {
    const process = this.processes.find((each) => each.pid === pid);
    if (!process) throw new Error(`no process ${pid}`);
    return process;
  }
}

function holderOf(process: Process): MemoryHolder {
  return { pid: process.pid, isGone: () => process.isGone, end: () => (process.isKilled = true) };
}

let world: World;
beforeEach(() => (world = new World(100 * MiB, 300 * MiB, 200 * MiB)));

describe('a worker whose memory runs out', () => {
  test('ends the executor that holds most, and says so', () => {
    world.at(3).held = 500 * MiB;
    world.clock.advance(limits.memoryWatchMs);
    expect(world.killed).toEqual([3]);
    expect(world.told).toEqual([{ pid: 3, held: 500 * MiB, left: 24 * MiB, limit: LIMIT }]);
  });

  test('ends none while its reserve is left', () => {
    world.at(3).held = LIMIT - 500 * MiB - RESERVE;
    world.clock.advance(60_000);
    expect(world.killed).toEqual([]);
    world.at(3).held += 1;
    world.clock.advance(limits.memoryWatchMs);
    expect(world.killed).toEqual([3]);
  });

  test('keeps a share of a large memory in reserve', () => {
    world.limit = 100 * LIMIT;
    world.at(1).held = 98 * LIMIT;
    world.clock.advance(limits.memoryWatchMs);
    expect(world.killed).toEqual([1]);
  });

  test('counts no files that the kernel may drop', () => {
    world.cached = LIMIT - world.held;
    world.clock.advance(60_000);
    expect(world.killed).toEqual([]);
  });

  test('ends no second one before the first is gone, and then only if that was not enough', () => {
    world.at(2).held = 900 * MiB;
    world.clock.advance(limits.memoryBackMs - 1);
    expect(world.killed).toEqual([2]);
    world.at(2).isGone = true;
    world.clock.advance(60_000);
    expect(world.killed).toEqual([2]);
    world.add(700 * MiB);
    world.clock.advance(limits.memoryWatchMs);
    expect(world.killed).toEqual([2, 4]);
  });

  test('ends a second one when the first does not go', () => {
    world.at(2).held = 900 * MiB;
    world.clock.advance(limits.memoryWatchMs + limits.memoryBackMs);
    expect(world.killed).toEqual([2, 3]);
    world.clock.advance(2 * limits.memoryBackMs);
    expect(world.killed).toEqual([1, 2, 3]);
    expect(world.told.map(({ pid }) => pid)).toEqual([2, 3, 1]);
  });

  test('looks again when what is left could be gone at the soonest', () => {
    expect(world.clock.waits).toEqual([limits.memoryWatchMs]);
    world.at(2).held = LIMIT - 400 * MiB - RESERVE - 100 * MiB;
    world.clock.advance(limits.memoryWatchMs);
    expect(world.clock.waits).toEqual([50]);
    world.at(2).held += 99 * MiB;
    world.clock.advance(50);
    expect(world.clock.waits).toEqual([limits.memoryWatchMsMin]);
  });

  test('has no executor to end, and goes on', () => {
    const empty = new World();
    empty.limit = 100 * MiB;
    empty.clock.advance(1_000);
    expect(empty.told).toEqual([]);
    empty.add(10 * MiB);
    empty.clock.advance(limits.memoryWatchMs);
    expect(empty.killed).toEqual([1]);
  });

  test('ends none while it has no limit any more', () => {
    world.limit = undefined;
    world.at(2).held = 10 * LIMIT;
    world.clock.advance(60_000);
    expect(world.killed).toEqual([]);
  });

  test('that has stopped, or that does not have to watch, waits for nothing', () => {
    world.stop();
    expect(world.clock.waits).toEqual([]);
    const { clock } = world;
    watchMemory({ clock, readings: undefined, holders: () => [], onEnded: () => undefined })();
    expect(clock.waits).toEqual([]);
  });
});

describe('whatever executors hold and however they go', () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant('grow' as const), at: fc.nat(7), mebibytes: fc.integer({ min: 1, max: 60 }) }),
    fc.record({ type: fc.constant('start' as const), mebibytes: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ type: fc.constant('gone' as const) }),
  );

  test('each kill meets the largest, at a time of want, and no other is on its way out', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const run = new World(50 * MiB);
        for (const each of steps) {
          const living = run.processes.filter(({ isGone }) => !isGone);
          const process = living[each.type === 'grow' ? each.at % Math.max(1, living.length) : 0];
          if (each.type === 'grow' && process) process.held += each.mebibytes * MiB;
          if (each.type === 'start') run.add(each.mebibytes * MiB);
          if (each.type === 'gone') for (const dead of living.filter(({ isKilled }) => isKilled)) dead.isGone = true;
          const before = new Set(run.killed);
          const dying = run.processes.some(({ isKilled, isGone }) => isKilled && !isGone);
          const isShort = run.held > LIMIT - RESERVE;
          // Less than it takes to give up on one that does not go.
          run.clock.advance(limits.memoryWatchMs);
          if (each.type !== 'gone') for (const dead of run.processes) if (dead.isKilled) dead.isGone = true;
          const killed = run.processes.filter(({ pid, isKilled }) => isKilled && !before.has(pid));
          const eligible = run.processes.filter(({ pid, isGone }) => !isGone || killed.some((one) => one.pid === pid));
          const most = Math.max(0, ...eligible.map(({ held }) => held));
          expect(killed.length).toBe(isShort && !dying && eligible.length > 0 ? 1 : 0);
          for (const { held } of killed) expect(held).toBe(most);
        }
      }),
    );
  });
});
