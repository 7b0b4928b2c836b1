/** Writes that land when their job has been swept: a standing coordinator sweeps it once more. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JobRetention } from '../../../coordinator/scheduler/retention.js';
import { standingRetention } from '../../../coordinator/scheduler/retention.js';
import { GristmillError, hasCode } from '../../../shared/errors.js';
import { claimantOf } from '../../../shared/formats/output-claim.js';
import type { JobId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';
import { outputNames, storeKeys } from '../../../shared/plan.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { DiscardOptions, PutOptions } from '../../../shared/store/object-store.js';
import { MovedClock } from '../../harness/moved-clock.js';
import { miniature, MiniatureCluster, request, type Behaviour } from './miniature-cluster.js';

/** Remembers what it was asked to discard. */
class WatchedStore extends MemoryStore {
  readonly discards: (DiscardOptions & { readonly prefix: string })[] = [];
  readonly puts: { readonly bytes: Uint8Array; readonly options: PutOptions }[] = [];
  override async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    this.puts.push({ bytes, options });
    return super.put(key, bytes, options);
  }
  override async discardStaged(prefix: string, options: DiscardOptions = {}): Promise<void> {
    this.discards.push({ prefix, ...options });
    await super.discardStaged(prefix, options);
  }
}

const LATE_MS = limits.lateWriteMs;
let clock: MovedClock;
let outputs: WatchedStore;
let cluster: MiniatureCluster;
const retention = standingRetention();
const start = (jobs: JobRetention = retention.jobs) => cluster.start(clock, { retention: { ...retention, jobs } });

beforeEach(async () => {
  clock = new MovedClock();
  outputs = new WatchedStore();
  cluster = new MiniatureCluster(new MemoryStore(), outputs);
  await start();
});
afterEach(() => cluster.core.close());

let workers = 0;

async function run(output: string, behaviour?: Behaviour): Promise<JobId> {
  const worker = `w${++workers}`;
  cluster.addWorker(worker, 4, behaviour);
  const { job } = await cluster.core.submit(request({ ...miniature, output: `memory:${output}` }));
  await clock.until(async () => (await cluster.core.get(job)).outcome !== undefined);
  cluster.leave(worker);
  await clock.move(limits.leaseDeadMs);
  return job;
}

/** An object of the shuffle, and a staged output; gives what says whether that one is still there. */
async function landLate(job: JobId, output: string): Promise<() => Promise<boolean>> {
  await cluster.store.put(`${storeKeys.shufflePrefix(job)}ab/map-00000.1-1`, Buffer.from('late'));
  const stage = await outputs.stage(`${output}/part-09999.jsonl`, 'reduce-09999.1-1');
  const seal = await stage.seal();
  return () =>
    outputs.publish(seal).then(
      () => true,
      (thrown: unknown) => !hasCode(thrown, 'staged-missing'),
    );
}

async function shuffleKeys(job: JobId): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of cluster.store.list(storeKeys.shufflePrefix(job))) keys.push(key);
  return keys;
}

test('what lands after a job was swept is there until its time is over, and then gone', async () => {
  const job = await run('out/a');
  const isStaged = await landLate(job, 'out/a');
  await clock.move(LATE_MS / 2);
  expect(await shuffleKeys(job)).toHaveLength(1);
  await clock.move(LATE_MS / 2 + limits.upkeepMs);
  expect(await shuffleKeys(job)).toEqual([]);
  expect(await isStaged()).toBe(false);
  expect((await cluster.core.get(job)).state).toBe('completed');
});

test('it is swept once more and not again, and what may still be doubtful stays until that', async () => {
  await run('out/a');
  const before = outputs.discards.length;
  expect(outputs.discards.every(({ willRepeat }) => willRepeat)).toBe(true);
  await clock.move(LATE_MS + limits.upkeepMs);
  expect(outputs.discards.slice(before)).toEqual([{ prefix: 'out/a/', willRepeat: false }]);
  await clock.move(10 * LATE_MS);
  expect(outputs.discards).toHaveLength(before + 1);
});

test('a leader that follows sweeps the jobs of its predecessor', async () => {
  const job = await run('out/a');
  await landLate(job, 'out/a');
  await cluster.core.close();
  await clock.move(LATE_MS);
  await start();
  await clock.move(limits.upkeepMs);
  expect(await shuffleKeys(job)).toEqual([]);
});

test('a job that failed keeps what it is kept for, and loses a claim that landed late', async () => {
  const job = await run('out/a', async ({ attempt }, work) => {
    if (attempt.startsWith('reduce')) throw new GristmillError('reduce-failed', 'a defect');
    return work();
  });
  const kept = await shuffleKeys(job);
  expect(kept.length).toBeGreaterThan(0);
  const owner = { host: 'h', pid: 1, startTime: '1', private: false };
  await cluster.outputs.claim({ output: 'memory:out/a', job, owner, overwrite: false });
  await clock.move(LATE_MS + limits.upkeepMs);
  expect(await claimantOf(outputs, 'out/a/')).toBeUndefined();
  expect(await shuffleKeys(job)).toEqual(kept);
  await clock.move(limits.endedKeepMs);
  expect((await cluster.core.get(job)).state).toBe('archived');
  expect(await shuffleKeys(job)).toEqual([]);
});

test('an output that the next job has taken is left to that job', async () => {
  await run('out/a');
  await outputs.delete(['out/a/_job.json', 'out/a/_SUCCESS']);
  const owner = { host: 'h', pid: 1, startTime: '1', private: false };
  await cluster.outputs.claim({ output: 'memory:out/a', job: 'another' as JobId, owner, overwrite: true });
  const isStaged = await landLate('another' as JobId, 'out/a');
  const before = outputs.discards.length;
  await clock.move(LATE_MS + limits.upkeepMs);
  expect(outputs.discards).toHaveLength(before);
  expect(await isStaged()).toBe(true);
});

test('what an earlier job wrote late is replaced, and cannot replace what this one writes', async () => {
  const late = Buffer.from('late');
  const names = [outputNames.audit, outputNames.manifest];
  const job = await run('out/a', async ({ attempt }, work) => {
    if (attempt.startsWith('reduce')) for (const name of names) await outputs.put(`out/a/${name}`, late);
    return work();
  });
  const manifest = Buffer.from(await outputs.get(`out/a/${outputNames.manifest}`)).toString();
  expect(manifest).toContain(job);
  expect(Buffer.from(await outputs.get(`out/a/${outputNames.audit}`)).toString()).toContain('in_progress');
  // Which is why none of them is put without the condition: a put that has it is refused whenever it lands.
  const whole = outputs.puts.filter(({ options }) => options.ifAbsent !== true);
  expect(whole.length).toBeGreaterThan(0);
  expect(whole.filter(({ bytes }) => bytes !== late)).toEqual([]);
});

test('it is longer than servers take signatures, and a request may last', () => {
  const signatureMs = 15 * 60_000;
  expect(limits.lateWriteMs).toBeGreaterThanOrEqual(signatureMs + limits.s3RequestMsMax);
});
