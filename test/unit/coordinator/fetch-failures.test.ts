/** Shuffle objects that are lost while they are wanted: who runs again, over what, and who is blamed. */
import { describe, expect, test } from 'vitest';
import type { JobEventView } from '../../../coordinator/job-view.js';
import { mapWinner } from '../../../coordinator/scheduler/work.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import { emptyState, workOf } from '../../../coordinator/scheduler/state.js';
import { decodeSlot } from '../../../coordinator/journal-format.js';
import { failureOf, GristmillError } from '../../../shared/errors.js';
import { limits } from '../../../shared/limits.js';
import type { Plan } from '../../../shared/plan.js';
import type { MemoryStore } from '../../../shared/store/memory-store.js';
import { expectedParts, madeIn } from '../../simulation/task-work.js';
import { miniature, MiniatureCluster, request, type Behaviour } from './miniature-cluster.js';

async function keysOf(store: MemoryStore, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function loseObjects(store: MemoryStore, task: string): Promise<void> {
  await store.delete((await keysOf(store, 'v1/shuffle/')).filter((key) => key.includes(`/${task}.`)));
}

/** The durable state as a new leader would replay it. */
async function replayed(store: MemoryStore) {
  const state = emptyState();
  for (const key of await keysOf(store, 'v1/journal/')) {
    const slot = Number(key.slice('v1/journal/'.length));
    for (const record of decodeSlot(slot, await store.get(key)).records) evolve(state, record);
  }
  return state;
}

async function run(job: typeof miniature, behaviour: (cluster: MiniatureCluster) => Behaviour) {
  const cluster = await new MiniatureCluster().start();
  cluster.addWorker('w1', 1, behaviour(cluster));
  const { job: id } = await cluster.core.submit(request(job));
  const events = await cluster.events(id);
  const state = await replayed(cluster.store);
  await cluster.core.close(1000);
  const plan = JSON.parse(Buffer.from(await cluster.store.get(`v1/jobs/${id}/plan`)).toString('utf8')) as Plan;
  const parts = await Promise.all(
    (await keysOf(cluster.outputStore))
      .filter((key) => key.includes('part-'))
      .map(async (key) => Buffer.from(await cluster.outputStore.get(key)).toString('utf8')),
  );
  return { cluster, id, events, plan, parts, durable: state.jobs.get(id), outcome: events.at(-1) };
}

/** Loses the object of map task 1 before the first `times` attempts of reduce task 1. */
function losing(times: number, cluster: MiniatureCluster): Behaviour {
  let left = times;
  return async ({ kind, index }, work) => {
    if (kind === 'reduce' && index === 1 && left-- > 0) await loseObjects(cluster.store, 'map-00001');
    return work();
  };
}

function noticed(events: readonly JobEventView[]): string[] {
  return events.flatMap((event) => (event.type === 'notice' ? [event.code] : []));
}

function assignedOf({ assigned }: MiniatureCluster, kind: 'map' | 'reduce'): string[] {
  return assigned.flatMap((one) => (one.kind === kind ? [`${one.attempt} ${one.generation}-${one.revision}`] : []));
}

describe('a shuffle object that is lost', () => {
  test('makes its map task run again, and the same generation goes on over the new object', async () => {
    const { cluster, events, plan, parts, durable, outcome } = await run(miniature, (one) => losing(1, one));
    expect(outcome).toMatchObject({ outcome: { state: 'completed', failedAttempts: 1, warnings: [] } });
    expect(parts).toEqual(expectedParts(miniature, plan));
    expect(noticed(events)).toEqual(['map-lost']);
    expect(assignedOf(cluster, 'map').filter((one) => one.startsWith('map-00001'))).toEqual([
      'map-00001.1-1 0-0',
      'map-00001.1-2 0-0',
    ]);
    // The first won before the loss, and is not reduced again.
    expect(assignedOf(cluster, 'reduce')).toEqual([
      'reduce-00000.1-1 0-0',
      'reduce-00001.1-1 0-0',
      'reduce-00001.1-2 0-1',
      'reduce-00002.1-1 0-1',
    ]);
    expect([...(durable?.failures ?? [])]).toEqual([]);
    expect(await keysOf(cluster.store, 'v1/shuffle/')).toEqual([]);
  });

  test('more often than its task may run again fails the job by name, and nothing is published', async () => {
    const times = limits.mapRerunsMax + 1;
    const { cluster, events, outcome } = await run(miniature, (one) => losing(times, one));
    expect(outcome).toMatchObject({
      outcome: { state: 'failed', failure: { code: 'shuffle-missing', class: 'fetch' } },
    });
    expect(outcome).toMatchObject({
      outcome: { reason: expect.stringMatching(/map-00001 .*any of 3 runs/) as string },
    });
    expect(noticed(events)).toEqual(['map-lost', 'map-lost']);
    expect(await keysOf(cluster.outputStore)).toEqual([]);
    expect(await keysOf(cluster.store, 'v1/shuffle/')).toEqual([]);
  });

  test('of a map that is not repeatable begins a generation, in which everything is reduced anew', async () => {
    const job = { ...miniature, unrepeatable: true };
    const { cluster, events, plan, parts, durable, outcome } = await run(job, (one) => losing(1, one));
    expect(outcome).toMatchObject({ outcome: { state: 'completed' } });
    expect(outcome).toMatchObject({
      outcome: { warnings: [expect.stringMatching(/map-00001 gave different/) as string] },
    });
    expect(noticed(events)).toEqual(['map-lost', 'map-not-repeatable']);
    expect(assignedOf(cluster, 'reduce')).toEqual([
      'reduce-00000.1-1 0-0',
      'reduce-00001.1-1 0-0',
      'reduce-00000.1-2 1-0',
      'reduce-00001.1-2 1-0',
      'reduce-00002.1-1 1-0',
    ]);
    expect(parts).toEqual(expectedParts(job, plan, madeIn(parts[0] ?? '')));
    const work = durable && workOf(durable);
    expect(work && mapWinner(work, 1)).toBe('map-00001.1-2');
    const staged = await keysOf(cluster.outputStore);
    expect(staged.filter((key) => key.includes('_staging'))).toEqual([]);
  });

  test('while parts are published is made again when it can be, and else ends the job, which takes back what it published', async () => {
    const behaviour = (cluster: MiniatureCluster): Behaviour => {
      let isDone = false;
      return async ({ kind, index }, work) => {
        const result = await work();
        // The last to win: its staged output vanishes, and what it would be made of again.
        if (kind === 'reduce' && index === 2 && !isDone && result.kind === 'reduce') {
          isDone = true;
          await cluster.outputStore.discard(result.seal);
          await loseObjects(cluster.store, 'map-00001');
        }
        return result;
      };
    };
    const right = await run(miniature, behaviour);
    expect(right.outcome).toMatchObject({ outcome: { state: 'completed' } });
    expect(right.parts).toEqual(expectedParts(miniature, right.plan));
    expect(noticed(right.events)).toEqual(['staged-missing', 'map-lost']);
    const other = await run({ ...miniature, unrepeatable: true }, behaviour);
    expect(other.outcome).toMatchObject({ outcome: { state: 'failed', failure: { code: 'map-not-repeatable' } } });
    expect(await keysOf(other.cluster.outputStore)).toEqual([]);
  });
});

describe('a fetch failure', () => {
  test('that names what is no winner costs a wait, and loses nothing', async () => {
    const named = ['map-00001.1-9', 'reduce-00000.1-1', 'map-99999.1-1'];
    let reports = 0;
    const { cluster, events, outcome } = await run(miniature, () => async ({ kind }, work) => {
      if (kind === 'reduce' && reports++ === 0) throw new GristmillError('shuffle-corrupt', 'x', { producers: named });
      return work();
    });
    expect(outcome).toMatchObject({ outcome: { state: 'completed', failedAttempts: 1 } });
    expect(noticed(events)).toEqual([]);
    expect(assignedOf(cluster, 'map')).toEqual([...new Set(assignedOf(cluster, 'map'))]);
  });

  test('that names something that is no attempt is a report that cannot be', async () => {
    let reports = 0;
    const { outcome, events } = await run(miniature, () => async ({ kind }, work) => {
      if (kind === 'reduce' && reports++ === 0)
        throw new GristmillError('shuffle-corrupt', 'x', { producers: ['../x'] });
      return work();
    });
    expect(outcome).toMatchObject({ outcome: { state: 'completed', failedAttempts: 1 } });
    const failed = events.find((event) => event.type === 'attempt' && !event.won);
    expect(failed).toMatchObject({ failure: { code: 'internal', countsTowardLimit: true } });
  });

  test('does not count against who reads, and any other failure of the same code does', () => {
    const blamed = failureOf(new GristmillError('shuffle-corrupt', 'x', { producers: ['map-00000.1-1'] }));
    expect(blamed).toMatchObject({ retryable: true, countsTowardLimit: false });
    expect(failureOf(new GristmillError('shuffle-corrupt', 'x'))).toMatchObject({ countsTowardLimit: true });
  });
});

describe('a journal from before there were generations', () => {
  test('is replayed as one of the first', async () => {
    const cluster = await new MiniatureCluster().start();
    cluster.addWorker('w1', 2);
    const { job } = await cluster.core.submit(request(miniature));
    await cluster.events(job);
    await cluster.core.close();
    const state = emptyState();
    for (const key of await keysOf(cluster.store, 'v1/journal/')) {
      const { records } = decodeSlot(Number(key.slice('v1/journal/'.length)), await cluster.store.get(key));
      for (const record of records) {
        if (record.type !== 'task-won' || record.result.kind !== 'reduce') evolve(state, record);
        else evolve(state, { ...record, result: { ...record.result, generation: undefined } });
      }
    }
    expect(state.jobs.get(job)?.state).toBe('completed');
  });
});
