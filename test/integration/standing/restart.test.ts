/** A coordinator that is killed or stands still: its successor has what it promised, and its workers go on. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { JobId } from '../../../shared/ids.js';
import { end, type Cluster } from '../../harness/cluster.js';
import { eventually } from '../../harness/command.js';
import { attempts, expectOneWinnerEach, expectRight, expectWhole, startTalk } from '../../harness/talk.js';

let cluster: Cluster;
afterEach(() => cluster.remove());

async function killCoordinator(): Promise<void> {
  if (cluster.coordinator) expect((await end(cluster.coordinator, 'SIGKILL')).signal).toBe('SIGKILL');
}

/** Resolves when the leader knows of an attempt that is running. */
async function adopted(job: JobId): Promise<void> {
  for (;;) {
    // It may not be up yet.
    const found = await cluster.client.get(job).catch(() => undefined);
    if (found?.stages.some((stage) => stage.tasksRunning > 0)) return;
  }
}

describe('a coordinator that is killed', () => {
  test.each(['map', 'log'])('at gate %s has a successor under which what ran goes on', async (gate) => {
    cluster = await startTalk({ workers: 1 });
    const { place } = cluster;
    place.hold(gate);
    const job = await cluster.submit('talk.ts', { requestId: 'once' });
    const watching = cluster.watch(job);
    await place.reached(gate);
    await killCoordinator();
    await cluster.startCoordinator();
    // A worker that keeps the log of an attempt that has ended still has that attempt.
    await adopted(job);
    place.release(gate);
    const watched = await watching;
    expectRight(cluster, watched);
    expectOneWinnerEach(watched);
    const winners = attempts(watched).flatMap(({ attempt, won }) => (won ? [attempt] : []));
    expect(winners).toContain('map-00000.1-1');
    // What they printed is there, whoever led when they did.
    const printed: string[] = [];
    for await (const { attempt } of cluster.client.logs(job)) printed.push(attempt);
    expect(printed).toEqual(winners.filter((attempt) => attempt.startsWith('map-')).sort());
    // The same submission is the same job, for whoever leads.
    expect(await cluster.submit('talk.ts', { requestId: 'once' })).toBe(job);
    await expectWhole(cluster);
  });

  test('after it answered a cancellation leaves it to its successor, and nothing is left of the job', async () => {
    cluster = await startTalk({ workers: 1 });
    const { place } = cluster;
    place.hold('map');
    const job = await cluster.submit('talk.ts');
    const watching = cluster.watch(job);
    await place.reached('map');
    await cluster.client.cancel(job, 'by its user');
    await killCoordinator();
    await cluster.startCoordinator();
    const { outcome } = await watching;
    expect(outcome).toMatchObject({ state: 'cancelled', reason: 'by its user' });
    place.release('map');
    await eventually(() => place.files('out').length === 0);
    await expectWhole(cluster);
  });

  test('before a deadline that passes meanwhile leaves it to its successor', async () => {
    cluster = await startTalk({ workers: 1 });
    const { place } = cluster;
    const text = readFileSync(place.path('talk.ts'), 'utf8');
    place.write('late.ts', text.replace('partitions: 3,', "partitions: 3,\n  deadline: '6s',"));
    place.hold('map');
    const job = await cluster.submit('late.ts');
    await place.reached('map');
    await killCoordinator();
    const dueMs = Date.now() + 6000;
    await eventually(() => Date.now() > dueMs);
    await cluster.startCoordinator();
    const watched = await cluster.watch(job);
    expect(watched.outcome).toMatchObject({ state: 'expired', failure: { code: 'deadline-passed' }, parts: [] });
    // Nothing was given out any more: whoever ran under the first leader is told to end.
    expect(attempts(watched).filter(({ attempt }) => attempt.includes('.2-'))).toEqual([]);
    place.release('map');
    await expectWhole(cluster);
  });
});

describe('two coordinators on one store', () => {
  test('the one that stood still halts when it goes on, no record is lost, and the job ends right', async () => {
    cluster = await startTalk({ workers: 1 });
    const { place, coordinator: first, workers } = cluster;
    place.hold('map');
    const job = await cluster.submit('talk.ts', { requestId: 'once' });
    await place.reached('map');
    first?.child.kill('SIGSTOP');
    await cluster.startAnotherCoordinator();
    await cluster.startWorker();
    const watching = cluster.watch(job);
    first?.child.kill('SIGCONT');
    place.release('map');
    const halted = await first?.ended;
    expect(halted?.code).toBe(1);
    expect(halted?.stderr).toContain('another coordinator leads this store: epoch 2 follows 1');
    const watched = await watching;
    expectRight(cluster, watched);
    expectOneWinnerEach(watched);
    // The submission that the first one acknowledged is the second one's.
    expect(await cluster.submit('talk.ts', { requestId: 'once' })).toBe(job);
    // The worker of the first one looks for it until it is told to go.
    if (workers[0]) expect((await end(workers[0], 'SIGTERM')).code).toBe(0);
    await expectWhole(cluster);
  });
});
