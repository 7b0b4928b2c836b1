/** What becomes of what is over, and what stays readable of it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { limits } from '../../../shared/limits.js';
import { GristmillError } from '../../../shared/errors.js';
import type { JobId } from '../../../shared/ids.js';
import { storeKeys } from '../../../shared/plan.js';
import { standingRetention } from '../../../coordinator/scheduler/retention.js';
import { MovedClock } from '../../harness/moved-clock.js';
import { miniature, MiniatureCluster, request, type Behaviour } from './miniature-cluster.js';

const HOUR_MS = 60 * 60_000;
const KEEP_MS = 5 * HOUR_MS;
const FORGET_MS = 20 * HOUR_MS;
const jobs = {
  endedKeepMs: KEEP_MS,
  lateWriteMs: HOUR_MS / 2,
  archivedKeepMs: FORGET_MS,
  archivedJobsMax: 2,
  uploadGraceMs: HOUR_MS,
  everyMs: HOUR_MS / 4,
};
const retention = { ...standingRetention(), jobs };
const bundle = storeKeys.bundle('0'.repeat(64));
let clock: MovedClock;
let cluster: MiniatureCluster;

beforeEach(async () => {
  clock = new MovedClock();
  cluster = await new MiniatureCluster().start(clock, { retention });
});
afterEach(() => cluster.core.close());

let workers = 0;

/** With a worker of its own, so that the clock may be moved by days afterwards. */
async function run(output: string, doomed = false, behaviour?: Behaviour): Promise<JobId> {
  const worker = `w${++workers}`;
  cluster.addWorker(worker, 4, behaviour);
  const { job } = await cluster.core.submit(request({ ...miniature, output: `memory:out/${output}`, doomed }));
  await clock.until(async () => (await cluster.core.get(job)).outcome !== undefined);
  cluster.leave(worker);
  await clock.move(limits.leaseDeadMs);
  return job;
}

async function keysOf(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of cluster.store.list(prefix)) keys.push(key);
  return keys;
}

describe('a job that has ended', () => {
  test('is archived after its time: its outcome stays, and what it was made from goes', async () => {
    await cluster.store.put(bundle, Buffer.from('code'));
    const job = await run('a');
    const ended = await cluster.core.get(job);
    expect((await keysOf(storeKeys.jobPrefix(job))).length).toBeGreaterThan(2);
    await clock.move(KEEP_MS - HOUR_MS);
    expect((await cluster.core.get(job)).state).toBe('completed');
    await clock.move(2 * HOUR_MS);
    const archived = await cluster.core.get(job);
    expect(archived).toEqual({ ...ended, state: 'archived', stages: [] });
    expect(archived.parts.length).toBe(3);
    expect(archived.balance).toContain('ok  read = mapped + filtered + bad');
    expect(await keysOf(storeKeys.jobPrefix(job))).toEqual([storeKeys.audit(job)]);
    expect(await keysOf(bundle)).toEqual([]);
    const events = await cluster.events(job);
    expect(events.at(-1)).toMatchObject({ type: 'outcome', outcome: { state: 'completed', counts: ended.counts } });
  });

  test('keeps its intermediate data until then when it has failed, and at once loses it when it has not', async () => {
    const failed = await run('a', false, async ({ attempt }, work) => {
      if (attempt.startsWith('reduce')) throw new GristmillError('reduce-failed', 'a defect');
      return work();
    });
    expect((await cluster.core.get(failed)).state).toBe('failed');
    expect((await keysOf(storeKeys.shufflePrefix(failed))).length).toBeGreaterThan(0);
    await clock.move(KEEP_MS + 2 * HOUR_MS);
    expect(await keysOf(storeKeys.shufflePrefix(failed))).toEqual([]);
    expect((await cluster.core.get(failed)).failure?.message).toContain('a defect');
  });

  test('is forgotten later, or when there are too many, and nothing is left of it', async () => {
    const ended: JobId[] = [];
    for (const output of ['a', 'b', 'c', 'd']) ended.push(await run(output));
    await clock.move(KEEP_MS + 2 * HOUR_MS);
    const left = async () => (await cluster.core.list(10)).map(({ job }) => job);
    expect(await left()).toEqual([ended[3], ended[2]]);
    expect(await keysOf(storeKeys.jobPrefix(ended[0]!))).toEqual([]);
    await expect(cluster.core.get(ended[0]!)).rejects.toMatchObject({ code: 'job-not-found' });
    await clock.move(FORGET_MS);
    expect(await left()).toEqual([]);
    expect(await keysOf('v1/jobs/')).toEqual([]);
  });

  test('leaves its code while another job, or an upload, wants it', async () => {
    await cluster.store.put(bundle, Buffer.from('code'));
    const first = await run('a');
    await clock.move(KEEP_MS - HOUR_MS);
    const second = await run('b');
    await clock.move(2 * HOUR_MS);
    expect((await cluster.core.get(first)).state).toBe('archived');
    expect(await keysOf(bundle)).toEqual([bundle]);
    await clock.move(KEEP_MS - 2 * HOUR_MS - HOUR_MS / 2);
    await cluster.core.uploading('0'.repeat(64));
    await clock.move(HOUR_MS);
    expect((await cluster.core.get(second)).state).toBe('archived');
    expect(await keysOf(bundle)).toEqual([bundle]);
  });

  test('of a private store is kept as it is, without its intermediate data', async () => {
    await cluster.core.close();
    await cluster.start(clock);
    const job = await run('a', true);
    await clock.move(30 * 24 * HOUR_MS);
    expect((await cluster.core.get(job)).state).toBe('failed');
    expect(await keysOf(storeKeys.shufflePrefix(job))).toEqual([]);
    expect((await keysOf(storeKeys.jobPrefix(job))).length).toBeGreaterThan(1);
  });
});

describe('the journal', () => {
  test('loses slots a day after a snapshot, but none in which a leader began, and a start reads the rest', async () => {
    const snapshotEvery = { slots: 5, bytes: Infinity };
    await cluster.core.close();
    await cluster.start(clock, { snapshotEvery });
    await run('a');
    await clock.move(limits.snapshotSpacingMs);
    await run('b');
    const slots = await keysOf(storeKeys.journalPrefix);
    expect(slots[0]).toBe(storeKeys.journal(1));
    await clock.move(limits.journalKeepMs - 2 * limits.snapshotSpacingMs);
    await run('c');
    expect((await keysOf(storeKeys.journalPrefix)).slice(0, slots.length)).toEqual(slots);
    await clock.move(2 * limits.snapshotSpacingMs);
    const last = await run('d');
    const kept = await keysOf(storeKeys.journalPrefix);
    expect(kept.slice(0, 2)).toEqual([storeKeys.journal(1), storeKeys.journal(2)]);
    expect(kept).not.toContain(storeKeys.journal(5));
    await cluster.core.close();
    await cluster.start(clock, { snapshotEvery });
    expect((await cluster.core.list(10)).length).toBe(4);
    expect((await cluster.core.get(last)).state).toBe('completed');
  });
});
