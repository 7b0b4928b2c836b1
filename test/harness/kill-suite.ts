/**
 * SIGKILL of each kind of process at each gate of a job: the result is that of a plain program, the cluster serves the next
 * job, and nothing is left over. One suite for store and data in folders and in a bucket.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bucket } from './bucket.js';
import { end, type Cluster } from './cluster.js';
import { eventually } from './command.js';
import { attempts, expectOneWinnerEach, expectRight, expectWhole, startTalk } from './talk.js';

/** Who comes to it: an executor in its task, or the coordinator on its way to the result. */
const gates = {
  map: 'executor',
  shuffle: 'executor',
  reduce: 'executor',
  committing: 'coordinator',
  publish: 'coordinator',
  manifest: 'coordinator',
} as const;
type Gate = keyof typeof gates;

let cluster: Cluster;
let bucket: Bucket | undefined;

/** Runs the job up to the gate, kills there, and lets it go on. Returns what was watched. */
async function killedAt(gate: Gate, kill: (atGate: number) => Promise<void>) {
  cluster = await startTalk(bucket && { bucket });
  cluster.place.hold(gate);
  const watching = cluster.watch(await cluster.submit('talk.ts'));
  await kill(await cluster.place.reached(gate));
  cluster.place.release(gate);
  return watching;
}

async function expectGone(pid: number): Promise<void> {
  await eventually(() => !cluster.place.processes().includes(pid));
}

export function testKills(where: 'folders' | 'bucket'): void {
  beforeEach(async () => {
    bucket = where === 'bucket' ? await Bucket.make() : undefined;
  });
  afterEach(() => cluster.remove());

  describe.each(Object.keys(gates) as Gate[])('SIGKILL at gate %s', testGate);
}

function testGate(gate: Gate): void {
  const isExecutors = gates[gate] === 'executor';

  test('of the coordinator: its successor goes on with the workers that stayed', async () => {
    const watched = await killedAt(gate, async (atGate) => {
      const { coordinator } = cluster;
      if (!coordinator) throw new Error('there is no coordinator');
      if (!isExecutors) expect(atGate).toBe(coordinator.pid);
      expect((await end(coordinator, 'SIGKILL')).signal).toBe('SIGKILL');
      await cluster.startCoordinator();
    });
    expectRight(cluster, watched);
    expectOneWinnerEach(watched);
    // What ran goes on under the successor: no attempt of it was lost.
    if (gate === 'map') expect(attempts(watched).map(({ attempt }) => attempt)).toContain('map-00000.1-1');
    await expectWhole(cluster, bucket);
  });

  test('of a worker: what it ran goes to the other, and its task is not blamed', async () => {
    const watched = await killedAt(gate, async (atGate) => {
      const [first] = cluster.workers;
      const victim = isExecutors ? cluster.workerOf(atGate) : first;
      if (!victim) throw new Error('there is no worker');
      expect((await end(victim, 'SIGKILL')).signal).toBe('SIGKILL');
      // Its executors end with it.
      if (isExecutors) await expectGone(atGate);
    });
    expectRight(cluster, watched);
    expectOneWinnerEach(watched);
    if (isExecutors) expect(attempts(watched).some(({ attempt, won }) => won && attempt.endsWith('.1-2'))).toBe(true);
    await expectWhole(cluster, bucket);
  });

  test('of an executor: its attempt is lost, and the worker has another', async () => {
    const watched = await killedAt(gate, async (atGate) => {
      const victim = isExecutors ? atGate : cluster.place.executors()[0];
      if (victim === undefined) throw new Error('there is no executor');
      process.kill(victim, 'SIGKILL');
      await expectGone(victim);
    });
    expectRight(cluster, watched);
    expectOneWinnerEach(watched);
    const died = attempts(watched).filter(({ code }) => code === 'executor-died');
    expect(died).toHaveLength(isExecutors ? 1 : 0);
    await expectWhole(cluster, bucket);
  });
}
