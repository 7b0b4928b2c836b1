/** A cluster whose processes have hosts of their own, over a directory that all of them see: what the network does costs time. */
import { afterEach, expect, test } from 'vitest';
import { end, type Cluster, type Watched } from '../../harness/cluster.js';
import { Network, type Condition, type Host } from '../../harness/namespaces.js';
import { attempts, expectOneWinnerEach, expectRight, expectWhole, startTalk } from '../../harness/talk.js';
import { describeHosts } from './describe-hosts.js';

let network: Network;
let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.remove();
  cluster = undefined;
  network.remove();
});

async function startApart(): Promise<Cluster> {
  network = Network.start('coordinator', 'one', 'two');
  const [coordinator, one, two] = ['coordinator', 'one', 'two'].map((name) => network.host(name)) as [Host, Host, Host];
  return (cluster = await startTalk({ hosts: { coordinator, workers: [one, two] } }));
}

/** A job that is held in the first map of a worker: that worker, its host, and the job's end. */
async function heldInMap(apart: Cluster) {
  apart.place.hold('map');
  const watching = apart.watch(await apart.submit('talk.ts'));
  const held = apart.workerOf(await apart.place.reached('map'));
  return { watching, held, host: network.host(held === apart.workers[0] ? 'one' : 'two') };
}

/** The proof that the worker was cut off: its task ran again, and that attempt won. */
function expectGivenElsewhere(watched: Watched): void {
  expect(attempts(watched).some(({ attempt, won }) => won && attempt.endsWith('.1-2'))).toBe(true);
}

/** Alone, the worker that was cut off does the next job. */
async function expectServesAgain(apart: Cluster, held: Awaited<ReturnType<typeof heldInMap>>['held']): Promise<void> {
  const before = apart.place.parts('out');
  for (const worker of apart.workers) if (worker !== held) await end(worker, 'SIGTERM');
  await expectWhole(apart);
  expect(apart.place.parts('out')).toEqual(before);
}

describeHosts('a worker on a host of its own', () => {
  test('whose cable is out for longer than its lease comes back, and what it reports then changes nothing', async () => {
    const apart = await startApart();
    const { watching, held, host } = await heldInMap(apart);
    network.unplug(host);
    apart.place.release('map');
    const watched = await watching;
    expectRight(apart, watched);
    expectOneWinnerEach(watched);
    expectGivenElsewhere(watched);
    network.plug(host);
    await expectServesAgain(apart, held);
  });

  test('that is cut off from the coordinator alone, and not from the store, is as good as dead until it is back', async () => {
    const apart = await startApart();
    const { watching, held, host } = await heldInMap(apart);
    const separation: Condition = network.separate(host, network.host('coordinator'));
    apart.place.release('map');
    const watched = await watching;
    expectRight(apart, watched);
    expectOneWinnerEach(watched);
    expectGivenElsewhere(watched);
    expect(separation.packets()).toBeGreaterThan(0);
    separation.remove();
    await expectServesAgain(apart, held);
  });
});

describeHosts('a cluster over a network', () => {
  test('that loses packets and is slow does its job all the same', async () => {
    const apart = await startApart();
    const loss = network.lose(20);
    const limits = ['coordinator', 'one', 'two'].map((name) => network.limitRate(network.host(name), '2mbit'));
    const watched = await apart.watch(await apart.submit('talk.ts'));
    expectRight(apart, watched);
    expectOneWinnerEach(watched);
    expect(loss.packets()).toBeGreaterThan(0);
    for (const condition of [loss, ...limits]) condition.remove();
    await expectWhole(apart);
  });
});
