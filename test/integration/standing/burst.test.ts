/** Ten thousand submissions at once: the coordinator takes what it may, keeps that over a restart, and its memory stays small. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { JobClient } from '../../../client/job-client.js';
import { bundleJob } from '../../../client/bundle/bundle.js';
import { hasCode } from '../../../shared/errors.js';
import { limits } from '../../../shared/limits.js';
import { Cluster, end } from '../../harness/cluster.js';
import type { Running } from '../../harness/command.js';

const SUBMISSIONS = 10_000;
/** At a time, as from a few hundred programs that submit their jobs together. */
const IN_FLIGHT = 200;
const MiB = 2 ** 20;
/** Ten thousand requests of this size would be 600 MB by themselves. */
const PADDING = 'x'.repeat(60 * 1024);
const GROWTH_BYTES_MAX = 450 * MiB;

let cluster: Cluster;
afterEach(() => cluster.remove());

function residentBytes({ pid }: Running): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

test('a burst of submissions is answered to the last one, and leaves the jobs that were acknowledged', async () => {
  cluster = await Cluster.start({ workers: 0 });
  cluster.prepare({}, 'faults/talk.ts');
  const coordinator = cluster.coordinator;
  if (!coordinator) throw new Error('no coordinator');
  const { code, sha256 } = await bundleJob(cluster.place.path('talk.ts'));
  await cluster.client.uploadBundle(code, sha256);
  const token = readFileSync(cluster.place.path('store/token'), 'utf8').trim();
  const client = new JobClient({ address: cluster.address, token });
  const submission = (id: string) => {
    return { requestId: id, name: 'talk', codeVersion: sha256, baseUri: 'file:///', params: { padding: PADDING } };
  };
  const before = residentBytes(coordinator);
  const taken = new Map<string, string>();
  let refused = 0;
  let next = 0;
  const submitOne = async (id: string): Promise<void> => {
    try {
      taken.set(id, (await client.submit(submission(id))).job);
    } catch (thrown) {
      // On a slow machine a call may be too late for its deadline: the same id is the same job.
      if (hasCode(thrown, 'unavailable')) return submitOne(id);
      if (!hasCode(thrown, 'over-capacity')) throw thrown;
      refused++;
    }
  };
  const submitSome = async () => {
    while (next < SUBMISSIONS) await submitOne(`r${next++}`);
  };
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, submitSome));
  } finally {
    client.close();
  }
  const after = residentBytes(coordinator);
  console.log(`resident: ${Math.round(before / MiB)} MiB before the burst, ${Math.round(after / MiB)} MiB after it`);
  expect([taken.size, refused]).toEqual([limits.jobsOpenMax, SUBMISSIONS - limits.jobsOpenMax]);
  expect(after - before).toBeLessThan(GROWTH_BYTES_MAX);
  const acknowledged = [...taken.values()].sort();
  const listed = async () => (await cluster.client.list(limits.jobsListedMax)).map(({ job }) => job).sort();
  expect(await listed()).toEqual(acknowledged);
  await end(coordinator, 'SIGKILL');
  await cluster.startCoordinator();
  expect(await listed()).toEqual(acknowledged);
  const [[known = '', job = ''] = []] = taken;
  expect(await cluster.client.submit(submission(known))).toEqual({ job, existed: true });
}, 240_000);
