/** A cluster whose store, inputs and outputs are in a bucket of a real server. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseJobId } from '../../../shared/ids.js';
import { Bucket } from '../../harness/bucket.js';
import { end, type Cluster, type Watched } from '../../harness/cluster.js';
import { repository } from '../../harness/command.js';
import { describeWithMinio } from '../../harness/minio-suite.js';
import { expectOneWinnerEach, expectRight, expectWhole, startTalk } from '../../harness/talk.js';

let bucket: Bucket;
let cluster: Cluster;
beforeEach(async () => {
  bucket = await Bucket.make();
});
afterEach(() => cluster.remove());

/** What a process was started with, as anyone on its machine may see it. */
function startOf(pid: number): string {
  return ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1')).join('\n');
}

/** Everything that a job and its processes have said and left: where a secret could have gone. */
async function allThatWasSaid(jobs: readonly Watched[]): Promise<ReadonlyMap<string, string>> {
  const said = new Map<string, string>();
  for (const [i, watched] of jobs.entries()) {
    said.set(
      `events of job ${i}`,
      JSON.stringify(watched, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    );
  }
  for (const running of [...cluster.workers, ...(cluster.coordinator ? [cluster.coordinator] : [])]) {
    said.set(`what process ${running.pid} printed`, running.stdout + running.stderr);
  }
  for (const [key, bytes] of await bucket.objects()) said.set(`object ${key}`, bytes.toString('latin1'));
  for (const file of cluster.place.files('.')) {
    const path = cluster.place.path(file);
    if (/^(access|secret)$/.test(file) || file.includes('node_modules')) continue;
    if (existsSync(path)) said.set(`file ${file}`, textOf(path));
  }
  return said;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // a folder
  }
}

describeWithMinio('a cluster over a bucket', () => {
  test('counts words as a run in folders does, byte for byte, and leaves nothing', async () => {
    cluster = await startTalk({ bucket });
    const watched = await cluster.watch(await cluster.submit('talk.ts'));
    expectRight(cluster, watched);
    expectOneWinnerEach(watched);
    expect((await cluster.place.run('run', 'talk.ts', '--output', 'out-here', '--quiet')).code).toBe(0);
    expect(cluster.place.parts('out')).toEqual(cluster.place.parts('out-here'));
    expect(watched.outcome.parts?.[0]).toBe(`${bucket.uri('out')}/part-00000.jsonl`);
    await expectWhole(cluster, bucket);
  });

  test('refuses an output that holds anything, and replaces its own result where it is told to', async () => {
    cluster = await startTalk({ bucket });
    expectRight(cluster, await cluster.watch(await cluster.submit('talk.ts')));
    const again = await cluster.watch(await cluster.submit('talk.ts'));
    expect(again.outcome.failure).toMatchObject({ code: 'output-occupied' });
    expect(again.outcome.failure?.message).toContain(bucket.uri('out'));
    expectRight(cluster, await cluster.watch(await cluster.submit('talk.ts', { overwrite: true })));
    await expectWhole(cluster, bucket);
  });

  test.each(['files', 'variables'] as const)('that has its keys from %s shows them to nobody', async (keys) => {
    cluster = await startTalk({ bucket, keys, coordinatorFlags: ['--log-level', 'debug'] });
    copyFileSync(join(repository, 'test/fixtures/faults/nosy.ts'), cluster.place.path('nosy.ts'));
    cluster.place.hold('map');
    const watching = cluster.watch(await cluster.submit('nosy.ts'));
    await cluster.place.reached('map');
    const starts = cluster.place.executors().map(startOf);
    cluster.place.release('map');
    const watched = await watching;
    expect(watched.outcome.state).toBe('completed');
    const failed = await cluster.watch(await cluster.submit('nosy.ts', { output: 'out' }));
    expect(failed.outcome.state).toBe('failed');
    await cluster.stop();
    const said = await allThatWasSaid([watched, failed]);
    const { accessKey, secretKey } = bucket.access;
    // Whatever user code printed is among it, so what it might have found would be.
    expect([...said.values()].some((text) => text.includes('nosy: {'))).toBe(true);
    expect(starts.length).toBeGreaterThan(0);
    for (const start of starts) expect(start).toContain('gristmill-executor');
    const found = [...said, ...starts.map((start, i) => [`start of executor ${i}`, start] as const)].filter(
      ([, text]) => text.includes(secretKey) || text.includes(accessKey),
    );
    expect(found.map(([where]) => where)).toEqual([]);
  });

  test('takes a job from somebody who has no keys: what is in the bucket is its own to judge', async () => {
    cluster = await startTalk({ bucket });
    const connection = ['--coordinator', cluster.address, '--token-file', 'token'];
    const data = ['--input', bucket.uri('input/*.txt'), '--output', bucket.uri('out')];
    const { code, stdout, stderr } = await cluster.place.run('submit', 'talk.ts', ...data, ...connection);
    expect(code, stderr).toBe(0);
    const { outcome } = await cluster.watch(parseJobId(stdout.trim()));
    expect(outcome).toMatchObject({ state: 'completed', counts: { recordsRead: 500 } });
    await expectWhole(cluster, bucket);
  });

  test('has no use for a worker without keys, which says so and ends', async () => {
    cluster = await startTalk({ bucket, workers: 0 });
    const given = ['--coordinator', cluster.address, '--token-file', 'token'];
    const { code, stderr } = await cluster.place.run('worker', ...given);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /error: cannot use s3:\/\/.*\/store: there are no S3 credentials on .*\nhint: give --s3-access/,
    );
  });

  test('fails a job whose input or output is in a bucket that is not there, by name', async () => {
    cluster = await startTalk({ bucket, workers: 1 });
    const missing = `s3://${bucket.name}-missing`;
    const input = await cluster.watch(await cluster.submitTo({ inputs: [`${missing}/in/*`], output: bucket.uri('x') }));
    expect(input.outcome.failure).toMatchObject({ code: 'input-unreadable' });
    expect(input.outcome.failure?.message).toMatch(new RegExp(`^input ${missing}/in/\\*: there is no bucket`));
    const output = await cluster.watch(
      await cluster.submitTo({ inputs: [bucket.uri('input/*')], output: `${missing}/out` }),
    );
    expect(output.outcome.failure).toMatchObject({ code: 'output-unwritable', where: `${missing}/out` });
    expect(output.outcome.failure?.message).toContain('there is no bucket');
    const own = await cluster.watch(
      await cluster.submitTo({ inputs: [`${bucket.storeUri}/v1/journal/*`], output: bucket.uri('y') }),
    );
    expect(own.outcome.failure).toMatchObject({ code: 'outside-data-roots' });
    await end(cluster.workers[0] ?? never(), 'SIGTERM');
  });
});

function never(): never {
  throw new Error('there is no worker');
}
