/** Three processes make a cluster: what is killed, stopped or told to go costs time and nothing else. */
import { afterEach, describe, expect, test } from 'vitest';
import { Cluster, end, type Watched } from '../../harness/cluster.js';
import { eventually } from '../../harness/command.js';

const lines = Array.from({ length: 500 }, (_, i) => `word${i % 37} word${i % 11} the end`);
const inputs = { 'a.txt': `${lines.slice(0, 300).join('\n')}\n`, 'b.txt': `${lines.slice(300).join('\n')}\n` };

let cluster: Cluster;
afterEach(() => cluster.remove());

/** Counted here, by the plainest program there is. */
function expected(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of lines.flatMap((line) => line.split(' '))) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function found(output = 'out'): Map<string, number> {
  const parts = Object.values(cluster.place.parts(output));
  const rows = parts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
  return new Map(rows.map((row) => Object.values(JSON.parse(row) as object) as [string, number]));
}

function expectRight({ outcome }: Watched, output = 'out'): void {
  expect(outcome.failure).toBeUndefined();
  expect(outcome).toMatchObject({ state: 'completed', counts: { recordsRead: 500, user: { lines: 500 } } });
  expect(found(output)).toEqual(expected());
  expect(cluster.place.files(output)).toContain('_SUCCESS');
}

/** The cluster serves the next job, ends in order, and leaves nothing. */
async function expectWhole(): Promise<void> {
  expectRight(await cluster.watch(await cluster.submit('talk.ts', { output: 'out-next' })), 'out-next');
  const all = [...cluster.workers, ...(cluster.coordinator ? [cluster.coordinator] : [])];
  const alive = all.filter(({ child }) => child.exitCode === null && child.signalCode === null);
  await cluster.stop();
  for (const running of alive) expect((await running.ended).code, running.stderr).toBe(0);
  expect(cluster.leftovers()).toEqual([]);
}

function attempts({ events }: Watched): readonly { attempt: string; won: boolean; code: string | undefined }[] {
  return events.flatMap((event) =>
    event.type === 'attempt' ? [{ attempt: event.attempt, won: event.won, code: event.failure?.code }] : [],
  );
}

function expectOneWinnerEach(watched: Watched): void {
  const winners = attempts(watched).filter(({ won }) => won);
  const tasks = winners.map(({ attempt }) => attempt.replace(/\..*/, ''));
  expect(new Set(tasks).size).toBe(tasks.length);
}

async function startTalk(options: Parameters<typeof Cluster.start>[0] = {}) {
  cluster = await Cluster.start({ coordinatorFlags: ['--lease-ms', '1500'], ...options });
  cluster.prepare(inputs, 'faults/talk.ts');
}

describe('a cluster', () => {
  test('of a coordinator and two workers counts words, twice, and leaves nothing', async () => {
    await startTalk();
    const watched = await cluster.watch(await cluster.submit('talk.ts'));
    expectRight(watched);
    expectOneWinnerEach(watched);
    await expectWhole();
  });

  test('loses a worker to SIGKILL in the middle of a map: its running task goes elsewhere and is not blamed', async () => {
    await startTalk();
    cluster.place.hold('map');
    const job = await cluster.submit('talk.ts');
    const watching = cluster.watch(job);
    const victim = cluster.workerOf(await cluster.place.reached('map'));
    await end(victim, 'SIGKILL');
    cluster.place.release('map');
    const watched = await watching;
    expectRight(watched);
    expectOneWinnerEach(watched);
    expect(attempts(watched).filter(({ won }) => !won)).toEqual([]);
    // A second attempt won: the first one was really lost.
    expect(attempts(watched).some(({ attempt }) => attempt.endsWith('.1-2'))).toBe(true);
    await expectWhole();
  });

  test.each(['map', 'reduce', 'committing', 'publish', 'manifest'])(
    'loses its coordinator to SIGKILL at gate %s: its successor goes on, with the workers that stayed',
    async (gate) => {
      await startTalk();
      cluster.place.hold(gate);
      const job = await cluster.submit('talk.ts');
      const watching = cluster.watch(job);
      await cluster.place.reached(gate);
      if (cluster.coordinator) await end(cluster.coordinator, 'SIGKILL');
      await cluster.startCoordinator();
      cluster.place.release(gate);
      const watched = await watching;
      expectRight(watched);
      expectOneWinnerEach(watched);
      if (gate === 'map') {
        expect(attempts(watched).map(({ attempt }) => attempt)).toContain('map-00000.1-1');
      }
      await expectWhole();
    },
  );

  test('stops its coordinator in order in the middle of a job: workers stay and come back to its successor', async () => {
    await startTalk();
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    await cluster.place.reached('map');
    if (cluster.coordinator) expect((await end(cluster.coordinator, 'SIGTERM')).code).toBe(0);
    await cluster.startCoordinator();
    cluster.place.release('map');
    const watched = await watching;
    expectRight(watched);
    // What ran went on under the successor.
    expect(attempts(watched).map(({ attempt }) => attempt)).toContain('map-00000.1-1');
    await expectWhole();
  });

  test('takes a worker that was stopped past its lease back, and its late reports change nothing', async () => {
    await startTalk();
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    const frozen = cluster.workerOf(await cluster.place.reached('map'));
    frozen.child.kill('SIGSTOP');
    cluster.place.release('map');
    const watched = await watching;
    expectRight(watched);
    expectOneWinnerEach(watched);
    const before = cluster.place.parts('out');
    frozen.child.kill('SIGCONT');
    // It serves again: alone, it does the next job.
    for (const worker of cluster.workers) if (worker !== frozen) await end(worker, 'SIGTERM');
    await expectWhole();
    expect(cluster.place.parts('out')).toEqual(before);
  });
});

describe('what a frozen worker', () => {
  test('writes after the end of its job is removed when it comes back', async () => {
    await startTalk();
    const { place } = cluster;
    place.hold('map');
    const job = await cluster.submit('talk.ts');
    const watching = cluster.watch(job);
    const executor = await place.reached('map');
    const frozen = cluster.workerOf(executor);
    // Both stop, so that the job ends without them and the executor goes on first.
    frozen.child.kill('SIGSTOP');
    process.kill(executor, 'SIGSTOP');
    place.release('map');
    expectRight(await watching);
    const shuffled = () => place.files(`store/v1/shuffle/${job}`).filter((file) => /\.1-1$/.test(file));
    await eventually(() => shuffled().length === 0);
    process.kill(executor, 'SIGCONT');
    await eventually(() => shuffled().length > 0);
    frozen.child.kill('SIGCONT');
    await eventually(() => shuffled().length === 0);
    await expectWhole();
  });
});

describe('a worker', () => {
  test('keeps a warm executor ready while its slot is bound to a job, and gives it to the next job', async () => {
    await startTalk({ workers: 1 });
    const { place } = cluster;
    await eventually(() => place.executors().length === 1);
    const [first] = place.executors();
    place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    expect(await place.reached('map')).toBe(first);
    await eventually(() => place.executors().length === 2);
    const spare = place.executors().find((pid) => pid !== first);
    place.release('map');
    expectRight(await watching);
    // The executor of the job that has ended goes; the spare is what is ready now.
    await eventually(() => place.executors().length === 1);
    expect(place.executors()).toEqual([spare]);
    await expectWhole();
  });
});

describe('a worker that is told to stop', () => {
  test('takes no more tasks, finishes the one it runs, and exits with 0', async () => {
    await startTalk();
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    const leaving = cluster.workerOf(await cluster.place.reached('map'));
    leaving.child.kill('SIGTERM');
    await eventually(() => leaving.stderr.includes('no more tasks'));
    cluster.place.release('map');
    expect((await leaving.ended).code).toBe(0);
    const watched = await watching;
    expectRight(watched);
    expect(attempts(watched).every(({ attempt, won }) => won && attempt.endsWith('.1-1'))).toBe(true);
    await expectWhole();
  });

  test('hands back what is not done in time, which is not the fault of the task', async () => {
    await startTalk({ workerFlags: ['--drain-ms', '100'] });
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    const leaving = cluster.workerOf(await cluster.place.reached('map'));
    expect((await end(leaving, 'SIGTERM')).code).toBe(0);
    cluster.place.release('map');
    const watched = await watching;
    expectRight(watched);
    expect(
      attempts(watched)
        .filter(({ won }) => !won)
        .map(({ code }) => code),
    ).toEqual(['handed-back']);
    await expectWhole();
  });

  test('twice ends at once', async () => {
    await startTalk();
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    const leaving = cluster.workerOf(await cluster.place.reached('map'));
    leaving.child.kill('SIGTERM');
    // The first signal has come when the worker says that it takes no more tasks.
    await eventually(() => leaving.stderr.includes('no more tasks'));
    expect((await end(leaving, 'SIGTERM')).code).toBe(143);
    cluster.place.release('map');
    expectRight(await watching);
    await expectWhole();
  });
});
