/** `gristmill results` of a standing coordinator's jobs. */
import { afterEach, expect, test } from 'vitest';
import type { Cluster } from '../../harness/cluster.js';
import { expectRight, expectWhole, startTalk } from '../../harness/talk.js';

let cluster: Cluster;
afterEach(() => cluster.remove());

test('the result of a job is where the coordinator says; while it runs there is none', async () => {
  cluster = await startTalk();
  const { place } = cluster;
  const there = ['--coordinator', cluster.address, '--store', 'store'];
  place.hold('map');
  const job = await cluster.submit('talk.ts');
  const watching = cluster.watch(job);
  await place.reached('map');
  const early = await place.run('results', job, ...there);
  expect(early).toMatchObject({ code: 1, stdout: '' });
  expect(early.stderr).toContain(
    `error: job ${job} is in_progress: it has no result yet\nhint: 'gristmill watch ${job}'`,
  );
  place.release('map');
  expectRight(cluster, await watching);
  const parts = place.parts('out');
  const rows = Object.values(parts).join('');
  expect(await place.run('results', job, ...there)).toMatchObject({ code: 0, stdout: rows, stderr: '' });
  expect((await place.run('results', job, '--to', 'got', ...there)).code).toBe(0);
  expect(place.parts('got')).toEqual(parts);
  const unknown = await place.run('results', job.slice(0, -1), ...there);
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toContain(`did you mean ${job}?`);
  await expectWhole(cluster);
});
