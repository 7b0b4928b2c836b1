/** What a new leader waits for: the workers that its predecessor listed, and no longer than it must. */
import { describe, expect, test } from 'vitest';
import { epochsAt } from '../../../coordinator/epochs.js';
import { step } from '../../../coordinator/scheduler/decide.js';
import type { SchedulerEvent } from '../../../coordinator/scheduler/events.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import { emptyState } from '../../../coordinator/scheduler/state.js';
import { nextWakeMs, startState, type SchedulerState } from '../../../coordinator/scheduler/volatile.js';
import { listedSessions, SessionList } from '../../../coordinator/session-list.js';
import { GristmillError } from '../../../shared/errors.js';
import { parseAttemptId, parseWorkerId, type JobId, type WorkerId } from '../../../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../../../shared/limits.js';
import { storeKeys } from '../../../shared/plan.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { MovedClock } from '../../harness/moved-clock.js';
import { MiniatureCluster, miniature, request } from './miniature-cluster.js';

const job = 'job000000001' as JobId;
const ids = (names: readonly string[]) => names.map(parseWorkerId);

/** A leader that inherits a job which is being inspected. */
class Successor {
  nowMs = 1000;
  readonly state: SchedulerState;
  #sessions = 0;

  constructor(awaited: readonly string[] | undefined) {
    const durable = emptyState();
    evolve(durable, { type: 'job-submitted', job, atMs: 1, request: request(miniature) });
    evolve(durable, { type: 'leader-elected', epoch: 4, atMs: 1, host: 'h' });
    this.state = startState(durable, 'memory:', this.nowMs, { awaited: awaited && ids(awaited) });
  }

  tell(event: SchedulerEvent): string[] {
    const { commands } = step(this.state, event, { monotonicMs: this.nowMs, wallMs: this.nowMs });
    const sent = commands.flatMap((command) => (command.type === 'send' ? (command.message.assign ?? []) : []));
    return sent.map(({ attempt }) => attempt as string);
  }

  /** Attempts that are given out when the worker registers. */
  open(name: string, running: readonly string[] = [], incarnation = name): string[] {
    const identity = { worker: parseWorkerId(name), incarnation, slots: 1, host: 'h', nodeVersion: 'v' };
    const held = running.map((attempt) => ({ job, attempt: parseAttemptId(attempt) }));
    const registration = { protocolVersion: PROTOCOL_VERSION, ...identity, running: held };
    return this.tell({ type: 'session-opened', session: ++this.#sessions, registration });
  }
}

describe('a new leader', () => {
  test('gives out work at once where its predecessor listed nobody', () => {
    expect(new Successor([]).open('new')).toEqual(['inspect.4-1']);
  });

  test('waits until the last of the listed workers is back, and not a moment longer', () => {
    const leader = new Successor(['a', 'b']);
    expect(leader.open('new')).toEqual([]);
    leader.nowMs += 10;
    expect(leader.open('a')).toEqual([]);
    leader.nowMs += 10;
    expect(leader.open('b')).toEqual(['inspect.4-1']);
  });

  test('takes over what the last one brings with it, before anything is given out', () => {
    const leader = new Successor(['a', 'b']);
    leader.open('a');
    expect(leader.open('b', ['inspect.3-1'])).toEqual([]);
    expect([...(leader.state.volatile.boards.get(job)?.running.keys() ?? [])]).toEqual(['inspect.3-1']);
  });

  test('counts a worker that has started anew as one that is back', () => {
    expect(new Successor(['a']).open('a', [], 'another incarnation')).toEqual(['inspect.4-1']);
  });

  test('is not hurried by workers that were not listed, nor by one that comes twice', () => {
    const leader = new Successor(['a', 'b']);
    for (const name of ['a', 'c', 'a', 'd', 'c']) expect(leader.open(name)).toEqual([]);
  });

  test.each([
    ['a listed worker stays away', ['a', 'b']],
    ['nobody knows who was there', undefined],
  ])('waits for as long as the limit and no longer where %s', (_what, awaited) => {
    const leader = new Successor(awaited);
    expect(leader.open('a')).toEqual([]);
    expect(nextWakeMs(leader.state, leader.nowMs)).toBe(1000 + limits.recoveryMs);
    leader.nowMs += limits.recoveryMs - 1;
    // It is heard of now and then, or it would be given nothing.
    expect(leader.tell({ type: 'worker-message', session: 1, message: { renewLease: true }, random: 0 })).toEqual([]);
    leader.nowMs += 1;
    expect(leader.tell({ type: 'tick' })).toEqual(['inspect.4-1']);
  });
});

const opened = { type: 'session-opened' } as const;

function crew(...names: readonly string[]) {
  return new Map(ids(names).map((name) => [name, {} as never]));
}

describe('the list of a leader', () => {
  test('is written once for workers that come together, and again when one is gone', async () => {
    const store = new MemoryStore();
    const puts: string[] = [];
    const counted = store.handle((operation, key) => {
      if (operation === 'put') puts.push(key);
    });
    const clock = new MovedClock();
    const list = new SessionList({ store: counted, clock, epoch: 3 });
    for (const names of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      list.after(opened, { workers: crew(...names), awaited: undefined });
    }
    await clock.move(limits.sessionListMs);
    expect(puts).toEqual([storeKeys.sessions(3)]);
    expect(await listedSessions(store, 4)).toEqual(ids(['a', 'b', 'c']));
    list.after({ type: 'tick' }, { workers: crew('c', 'b', 'a'), awaited: undefined });
    await clock.move(10 * limits.sessionListMs);
    expect(puts.length).toBe(1);
    list.after({ type: 'session-closed' }, { workers: crew('a', 'c'), awaited: undefined });
    await clock.move(limits.sessionListMs);
    expect(await listedSessions(store, 4)).toEqual(ids(['a', 'c']));
    await list.close(false);
  });

  test('has those for which the leader itself still waits', async () => {
    const store = new MemoryStore();
    const list = new SessionList({ store, clock: new MovedClock(), epoch: 3 });
    list.after(opened, { workers: crew('b', 'c'), awaited: new Set(ids(['a', 'c'])) });
    await list.close(false);
    expect(await listedSessions(store, 4)).toEqual(ids(['a', 'b', 'c']));
  });

  test('is not written any more by one that has a successor', async () => {
    const store = new MemoryStore();
    const list = new SessionList({ store, clock: new MovedClock(), epoch: 3 });
    list.after(opened, { workers: crew('b', 'c'), awaited: undefined });
    await list.close(true);
    expect(await epochsAt(store, storeKeys.sessionsPrefix)).toEqual([]);
  });

  test('is tried again when the store was away', async () => {
    const store = new MemoryStore();
    let isAway = true;
    const failing = store.handle((operation) => {
      if (operation === 'put' && isAway) throw new GristmillError('store-unavailable', 'away');
    });
    const clock = new MovedClock();
    const list = new SessionList({ store: failing, clock, epoch: 3 });
    list.after(opened, { workers: crew('a'), awaited: undefined });
    await clock.move(limits.sessionListMs);
    isAway = false;
    expect(await listedSessions(store, 4)).toBeUndefined();
    await clock.move(limits.sessionListRetryMs);
    expect(await listedSessions(store, 4)).toEqual(ids(['a']));
    await list.close(false);
  });

  test('replaces leases and lists of earlier epochs, and no others', async () => {
    const store = new MemoryStore();
    for (const epoch of [1, 2, 3, 4, 10]) {
      await store.put(storeKeys.lease(epoch), Buffer.from('x'));
      await store.put(storeKeys.sessions(epoch), Buffer.from('x'));
    }
    const list = new SessionList({ store, clock: new MovedClock(), epoch: 4 });
    list.after(opened, { workers: crew(), awaited: undefined });
    await list.close(false);
    expect(await epochsAt(store, storeKeys.leasePrefix)).toEqual([4, 10]);
    expect(await epochsAt(store, storeKeys.sessionsPrefix)).toEqual([4, 10]);
  });

  test.each([
    ['no list', undefined],
    ['a damaged list', '{"version":1,"workers":["a"'],
    ['a list of a later release', '{"version":2,"workers":["a"]}'],
    ['a list with something else in it', '{"version":1,"workers":["../token"]}'],
  ])('%s tells nothing: the successor waits for as long as the limit', async (_what, text) => {
    const store = new MemoryStore();
    if (text !== undefined) await store.put(storeKeys.sessions(3), Buffer.from(text));
    expect(await listedSessions(store, 4)).toBeUndefined();
  });

  test('that is written under a later epoch is not a predecessor’s', async () => {
    const store = new MemoryStore();
    const write = (epoch: number, workers: readonly WorkerId[]) =>
      store.put(storeKeys.sessions(epoch), Buffer.from(JSON.stringify({ version: 1, epoch, workers })));
    await write(2, ids(['a']));
    await write(9, ids(['b']));
    expect(await listedSessions(store, 3)).toEqual(ids(['a']));
  });
});

test('a coordinator that is started again goes on as soon as its only worker is back', async () => {
  const clock = new MovedClock();
  const cluster = await new MiniatureCluster().start(clock);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  cluster.addWorker('a', 1, (_assignment, work) => held.then(work));
  const { job: id } = await cluster.core.submit(request(miniature));
  await clock.until(() => cluster.assigned.length === 1);
  await clock.move(limits.sessionListMs);
  const startedMs = clock.monotonic();
  // The predecessor is gone with its worker's attempt: nobody closes it, and its worker comes back without one.
  const successor = await new MiniatureCluster(cluster.store, cluster.outputStore).start(clock);
  successor.addWorker('a', 1);
  await clock.until(() => successor.assigned.length > 0, 1);
  expect(clock.monotonic() - startedMs).toBeLessThan(limits.recoveryMs);
  release();
  await clock.until(async () => (await successor.core.get(id)).state === 'completed');
  await successor.core.close();
  await cluster.core.close();
});
