/** Three processes make a cluster: what is stopped, frozen or told to go costs time and nothing else. */
import { afterEach, describe, expect, test } from 'vitest';
import { end, type Cluster } from '../../harness/cluster.js';
import { eventually } from '../../harness/command.js';
import { samplesOf } from '../../harness/http-port.js';
import { freePlace } from '../../harness/ports.js';
import { attempts, expectOneWinnerEach, expectRight, expectWhole, startTalk } from '../../harness/talk.js';

let cluster: Cluster;
afterEach(() => cluster.remove());

describe('a cluster', () => {
  test('of a coordinator and two workers counts words, twice, and leaves nothing', async () => {
    cluster = await startTalk();
    const watched = await cluster.watch(await cluster.submit('talk.ts'));
    expectRight(cluster, watched);
    expectOneWinnerEach(watched);
    await expectWhole(cluster);
  });

  test('stops its coordinator in order in the middle of a job: workers stay and come back to its successor', async () => {
    cluster = await startTalk();
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    await cluster.place.reached('map');
    if (cluster.coordinator) expect((await end(cluster.coordinator, 'SIGTERM')).code).toBe(0);
    await cluster.startCoordinator();
    cluster.place.release('map');
    const watched = await watching;
    expectRight(cluster, watched);
    // What ran went on under the successor.
    expect(attempts(watched).map(({ attempt }) => attempt)).toContain('map-00000.1-1');
    await expectWhole(cluster);
  });

  test('takes a worker that was stopped past its lease back, and its late reports change nothing', async () => {
    cluster = await startTalk();
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    const frozen = cluster.workerOf(await cluster.place.reached('map'));
    frozen.child.kill('SIGSTOP');
    cluster.place.release('map');
    const watched = await watching;
    expectRight(cluster, watched);
    expectOneWinnerEach(watched);
    const before = cluster.place.parts('out');
    frozen.child.kill('SIGCONT');
    // It serves again: alone, it does the next job.
    for (const worker of cluster.workers) if (worker !== frozen) await end(worker, 'SIGTERM');
    await expectWhole(cluster);
    expect(cluster.place.parts('out')).toEqual(before);
  });
});

describe('what a frozen worker', () => {
  test('writes after the end of its job is removed when it comes back', async () => {
    cluster = await startTalk();
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
    expectRight(cluster, await watching);
    const shuffled = () => place.files(`store/v1/shuffle/${job}`).filter((file) => /\.1-1$/.test(file));
    await eventually(() => shuffled().length === 0);
    process.kill(executor, 'SIGCONT');
    await eventually(() => shuffled().length > 0);
    frozen.child.kill('SIGCONT');
    await eventually(() => shuffled().length === 0);
    await expectWhole(cluster);
  });
});

describe('a worker', () => {
  test('keeps a warm executor ready while its slot is bound to a job, and gives it to the next job', async () => {
    cluster = await startTalk({ workers: 1 });
    const { place } = cluster;
    await eventually(() => place.executors().length === 1);
    const [first] = place.executors();
    place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    expect(await place.reached('map')).toBe(first);
    await eventually(() => place.executors().length === 2);
    const spare = place.executors().find((pid) => pid !== first);
    place.release('map');
    expectRight(cluster, await watching);
    // The executor of the job that has ended goes; the spare is what is ready now.
    await eventually(() => place.executors().length === 1);
    expect(place.executors()).toEqual([spare]);
    await expectWhole(cluster);
  });
});

describe('a worker that is told to stop', () => {
  test('takes no more tasks, finishes the one it runs, and exits with 0', async () => {
    cluster = await startTalk();
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    const leaving = cluster.workerOf(await cluster.place.reached('map'));
    leaving.child.kill('SIGTERM');
    await eventually(() => leaving.stderr.includes('no more tasks'));
    cluster.place.release('map');
    expect((await leaving.ended).code).toBe(0);
    const watched = await watching;
    expectRight(cluster, watched);
    expect(attempts(watched).every(({ attempt, won }) => won && attempt.endsWith('.1-1'))).toBe(true);
    await expectWhole(cluster);
  });

  test('finishes what was on its way to it as well', async () => {
    const http = await freePlace();
    // A lease so long that nothing here outlives it.
    cluster = await startTalk({ workers: 0, coordinatorFlags: [] });
    const leaving = await cluster.startWorker('--http', http);
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    await cluster.place.reached('map');
    cluster.coordinator?.child.kill('SIGSTOP');
    cluster.place.release('map');
    // The coordinator hears of this report first, for which it gives the next task, and of the end of the worker then.
    const unacknowledged = async () =>
      (await samplesOf(`http://${http}`)).get('gristmill_worker_reports_unacknowledged');
    await eventually(async () => (await unacknowledged()) === 1);
    leaving.child.kill('SIGTERM');
    await eventually(() => leaving.stderr.includes('no more tasks'));
    cluster.coordinator?.child.kill('SIGCONT');
    expect((await leaving.ended).code).toBe(0);
    await cluster.startWorker();
    const watched = await watching;
    expectRight(cluster, watched);
    expect(attempts(watched).every(({ attempt, won }) => won && attempt.endsWith('.1-1'))).toBe(true);
    await expectWhole(cluster);
  });

  test('hands back what is not done in time, which is not the fault of the task', async () => {
    cluster = await startTalk({ workerFlags: ['--drain-ms', '100'] });
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    const leaving = cluster.workerOf(await cluster.place.reached('map'));
    expect((await end(leaving, 'SIGTERM')).code).toBe(0);
    cluster.place.release('map');
    const watched = await watching;
    expectRight(cluster, watched);
    expect(
      attempts(watched)
        .filter(({ won }) => !won)
        .map(({ code }) => code),
    ).toEqual(['handed-back']);
    await expectWhole(cluster);
  });

  test('twice ends at once', async () => {
    cluster = await startTalk();
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    const leaving = cluster.workerOf(await cluster.place.reached('map'));
    leaving.child.kill('SIGTERM');
    // The first signal has come when the worker says that it takes no more tasks.
    await eventually(() => leaving.stderr.includes('no more tasks'));
    expect((await end(leaving, 'SIGTERM')).code).toBe(143);
    cluster.place.release('map');
    expectRight(cluster, await watching);
    await expectWhole(cluster);
  });
});
