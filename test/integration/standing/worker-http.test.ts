/** `gristmill worker --http`: its health follows its coordinator, and its metrics are those of what it ran. */
import { afterEach, describe, expect, test } from 'vitest';
import { end, ready, type Cluster } from '../../harness/cluster.js';
import type { Running } from '../../harness/command.js';
import { healthOf, pageOf, samplesIn, untilHealth } from '../../harness/http-port.js';
import { freePlace } from '../../harness/ports.js';
import { expectRight, startTalk } from '../../harness/talk.js';

let cluster: Cluster;
afterEach(() => cluster.remove());

/** One that waits for its coordinator for as long as it takes. */
function startWorker(http: string, ...more: readonly string[]): Running {
  const flags = ['--store', 'store', '--coordinator', cluster.address, '--slots', '1', '--connect-ms', '600000'];
  const worker = cluster.place.start(['worker', ...flags, '--http', http, ...more]);
  cluster.workers.push(worker);
  return worker;
}

describe('the health of a worker', () => {
  test('follows its coordinator, from before the first contact to its own end', async () => {
    cluster = await startTalk({ workers: 0 });
    if (cluster.coordinator) await end(cluster.coordinator, 'SIGTERM');
    const http = await freePlace();
    const worker = startWorker(http);
    await untilHealth(`http://${http}`, 503, 'connecting');
    const first = await cluster.startCoordinator();
    await untilHealth(`http://${http}`, 200, 'ready');
    expect(await ready(worker)).toContain(`metrics at http://${http}/metrics`);
    await end(first, 'SIGKILL');
    await untilHealth(`http://${http}`, 503, 'cut-off');
    await cluster.startCoordinator();
    await untilHealth(`http://${http}`, 200, 'ready');
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('talk.ts'));
    await cluster.place.reached('map');
    worker.child.kill('SIGTERM');
    await untilHealth(`http://${http}`, 503, 'draining');
    cluster.place.release('map');
    expect((await worker.ended).code).toBe(0);
    expect(await healthOf(`http://${http}`)).toBeUndefined();
    await cluster.startWorker();
    expectRight(cluster, await watching);
  });

  test('says that it is cut off from a coordinator that stands still', async () => {
    cluster = await startTalk({ workers: 0 });
    const http = await freePlace();
    startWorker(http);
    await untilHealth(`http://${http}`, 200, 'ready');
    cluster.coordinator?.child.kill('SIGSTOP');
    await untilHealth(`http://${http}`, 503, 'cut-off');
    cluster.coordinator?.child.kill('SIGCONT');
    await untilHealth(`http://${http}`, 200, 'ready');
  }, 60_000);
});

test('the metrics of a worker are those of the job that it ran, executors that died too', async () => {
  cluster = await startTalk({ workers: 0 });
  const http = await freePlace();
  const worker = startWorker(http);
  await ready(worker);
  cluster.place.hold('map');
  const watching = cluster.watch(await cluster.submit('talk.ts'));
  process.kill(await cluster.place.reached('map'), 'SIGKILL');
  cluster.place.release('map');
  const watched = await watching;
  expectRight(cluster, watched);
  const { text } = await pageOf(`http://${http}`, '/metrics');
  const found = samplesIn(text);
  const value = (name: string) => found.get(name);
  const { counts, stages } = watched.outcome;
  for (const { stage, tasks } of stages) {
    expect(value(`gristmill_worker_attempts_total{kind="${stage}",outcome="done"}`)).toBe(tasks);
  }
  expect(value('gristmill_worker_attempts_total{kind="map",outcome="failed"}')).toBe(1);
  expect(value('gristmill_worker_executors_died_total')).toBe(1);
  expect(value('gristmill_worker_bytes_read_total')).toBe(counts.bytesRead);
  expect(value('gristmill_worker_records_read_total')).toBe(500);
  expect(value('gristmill_worker_registrations_total')).toBe(1);
  expect(value('gristmill_worker_slots{state="busy"}')).toBe(0);
  expect(text).not.toContain(watched.outcome.job);
});

describe('a worker is not started', () => {
  test('at an HTTP port that is taken, and says which option to change', async () => {
    cluster = await startTalk({ workers: 0 });
    const http = await freePlace();
    await ready(startWorker(http));
    const second = await startWorker(http).ended;
    expect(second.stderr).toContain(`cannot listen on ${http}: another process listens there already\nhint: --http`);
    expect(second.code).toBe(1);
    // Its scratch folder is gone; the other's is there.
    expect(cluster.place.files('tmp').filter((name) => /^gristmill-worker-[^/]+$/.test(name))).toHaveLength(1);
  });

  test('at an HTTP port that other machines can reach, unless it is told to', async () => {
    cluster = await startTalk({ workers: 0 });
    const refused = await startWorker('0.0.0.0:0').ended;
    expect(refused.stderr).toContain('0.0.0.0:0 (--http) can be reached from other machines');
    expect(refused.stderr).toContain('--tls-cert FILE and --tls-key FILE encrypt it');
    expect(refused.code).toBe(2);
    const [, port] = /, health at http:\/\/0\.0\.0\.0:(\d+)\/healthz\)$/.exec(
      await ready(startWorker('0.0.0.0:0', '--insecure')),
    ) ?? [''];
    const base = `http://127.0.0.1:${port ?? ''}`;
    expect([(await pageOf(base, '/healthz')).status, (await pageOf(base, '/metrics')).status]).toEqual([200, 403]);
  });
});
