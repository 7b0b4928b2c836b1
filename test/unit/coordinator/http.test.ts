/** `/metrics` and `/healthz` as Prometheus and a supervisor meet them: over HTTP, of a coordinator that works. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JobClient } from '../../../client/job-client.js';
import type { Job } from '../../../client/job-types.js';
import { outputsIn, startCoordinator, type RunningCoordinator } from '../../../coordinator/coordinator.js';
import { METRICS } from '../../../coordinator/http/metric-list.js';
import { systemClock } from '../../../shared/clock.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { Stores } from '../../../shared/store/stores.js';
import type { TaskResult } from '../../../shared/protocol.js';
import { failureOf, GristmillError } from '../../../shared/errors.js';
import { heldStore } from '../../harness/held-store.js';
import { healthOf, pageOf, samplesOf } from '../../harness/http-port.js';
import { freePlace } from '../../harness/ports.js';
import { doTask, type MiniatureJob } from '../../simulation/task-work.js';
import { miniature, owner, random } from './miniature-cluster.js';
import { startFakeWorker, type FakeWorker } from './fake-worker.js';

const TOKEN = 'a-token';
const code = Buffer.from('export default {};');
const sha256 = createHash('sha256').update(code).digest('hex');

let folder: string;
let store: ObjectStore;
let stores: Stores;
let coordinator: RunningCoordinator;
let client: JobClient;
let worker: FakeWorker | undefined;
const others: RunningCoordinator[] = [];

function start(http: string | undefined, over = store): Promise<RunningCoordinator> {
  const log = pino({ level: 'silent' });
  const listen = '127.0.0.1:0';
  const options = { store: over, storeUri: store.uri, outputs: outputsIn(stores, systemClock), clock: systemClock };
  return startCoordinator({ ...options, random, owner, listen, token: TOKEN, log, http });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gristmill-http-'));
  stores = new Stores();
  store = stores.open(join(folder, 'store'));
  coordinator = await start('127.0.0.1:0');
  client = new JobClient({ address: coordinator.address, token: TOKEN });
});

afterEach(async () => {
  worker?.stop();
  worker = undefined;
  client.close();
  for (const one of [coordinator, ...others.splice(0)]) await one.close();
  await rm(folder, { recursive: true });
});

const base = () => `http://${coordinator.httpAddress ?? ''}`;
const page = (path: string, method?: string) => pageOf(base(), path, method);
const samples = () => samplesOf(base());

async function run(job: MiniatureJob, requestId: string): Promise<Job> {
  await client.uploadBundle(code, sha256);
  const request = { requestId, name: 'm', codeVersion: sha256, params: { ...job }, baseUri: 'file:///' };
  const submitted = await client.submit(request);
  for await (const event of client.watch(submitted.job)) if (event.type === 'outcome') return event.outcome;
  throw new Error('no outcome');
}

const places = () => ({ store, storeFor: (output: string) => outputsIn(stores, systemClock).storeFor(output) });

describe('/metrics', () => {
  test('counts what a job counted, and no more when it is asked for twice', async () => {
    const failed = new Set<string>();
    worker = startFakeWorker(coordinator.address, TOKEN, async (assignment): Promise<TaskResult> => {
      // The first attempt of each map task is lost to its machine.
      if (assignment.kind === 'map' && !failed.has(assignment.attempt.replace(/\..*/, ''))) {
        failed.add(assignment.attempt.replace(/\..*/, ''));
        return { kind: 'failure', failure: failureOf(new GristmillError('executor-died', 'killed')) };
      }
      return doTask(places(), assignment);
    });
    const job = await run({ ...miniature, output: `file://${folder}/out` }, 'r1');
    expect(job.state).toBe('completed');
    const stages = Object.fromEntries(job.stages.map(({ stage, tasks }) => [stage, tasks]));
    const maps = stages['map'] ?? 0;
    const reduces = stages['reduce'] ?? 0;
    expect(failed.size).toBe(maps);
    expect(maps).toBeGreaterThan(0);
    await samples();
    const found = await samples();
    const { counts } = job;
    const expected: Record<string, number> = {
      gristmill_jobs_submitted_total: 1,
      'gristmill_jobs_ended_total{outcome="completed"}': 1,
      'gristmill_tasks_total{kind="inspect",outcome="won"}': 1,
      'gristmill_tasks_total{kind="map",outcome="won"}': maps,
      'gristmill_tasks_total{kind="reduce",outcome="won"}': reduces,
      'gristmill_attempts_total{kind="map",outcome="won"}': maps,
      'gristmill_attempts_total{kind="map",outcome="failed"}': maps,
      'gristmill_attempts_started_total{kind="map"}': 2 * maps,
      'gristmill_attempts_started_total{kind="reduce"}': reduces,
      'gristmill_attempts_repeated_total{kind="map"}': maps,
      'gristmill_attempt_failures_total{class="machine",code="executor-died"}': maps,
      'gristmill_attempt_seconds_count{kind="map",outcome="won"}': maps,
      gristmill_records_read_total: counts.recordsRead,
      gristmill_rows_total: counts.rows,
      gristmill_bytes_read_total: counts.bytesRead,
      gristmill_bytes_shuffled_total: counts.bytesShuffled,
      gristmill_bytes_written_total: counts.bytesWritten,
      'gristmill_jobs{state="in_progress"}': 0,
      'gristmill_tasks_waiting{kind="map"}': 0,
      'gristmill_attempts_running{kind="map"}': 0,
      'gristmill_workers{state="attached"}': 1,
      'gristmill_slots{state="free"}': 2,
      'gristmill_slots{state="busy"}': 0,
      gristmill_epoch: coordinator.epoch,
      gristmill_leading: 1,
      // Parts, manifest and the rest are published once each, in a store that is counted too.
      'gristmill_store_requests_total{operation="publish"}': reduces,
    };
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, found.get(name)]))).toEqual(expected);
    expect(counts.recordsRead).toBeGreaterThan(0);
  });

  test('has what it can count from its start, at 0: a rate would miss the first of others', async () => {
    const found = await samples();
    for (const outcome of ['completed', 'partial_success', 'failed', 'expired', 'cancelled']) {
      expect(found.get(`gristmill_jobs_ended_total{outcome="${outcome}"}`)).toBe(0);
    }
    for (const kind of ['inspect', 'map', 'reduce']) {
      for (const name of ['attempts_started_total', 'attempts_repeated_total'])
        expect(found.get(`gristmill_${name}{kind="${kind}"}`)).toBe(0);
      for (const name of ['tasks_total', 'attempts_total', 'attempt_seconds_count']) {
        for (const outcome of ['won', 'failed'])
          expect(found.get(`gristmill_${name}{kind="${kind}",outcome="${outcome}"}`)).toBe(0);
      }
    }
  });

  test('shows what waits and what runs while it does', async () => {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    let mapping = 0;
    const held = new Promise<void>((resolve) => {
      worker = startFakeWorker(coordinator.address, TOKEN, async (assignment) => {
        if (assignment.kind === 'map') {
          if (++mapping === 2) resolve();
          await opened;
        }
        return doTask(places(), assignment);
      });
    });
    const running = run({ ...miniature, output: `file://${folder}/out` }, 'r1');
    await held;
    const found = await samples();
    open();
    const job = await running;
    expect(found.get('gristmill_jobs{state="in_progress"}')).toBe(1);
    expect(found.get('gristmill_attempts_running{kind="map"}')).toBe(2);
    expect(found.get('gristmill_slots{state="busy"}')).toBe(2);
    expect(found.get('gristmill_tasks_waiting{kind="map"}')).toBe((job.stages[0]?.tasks ?? 0) - 2);
  });

  test('a job that fails counts the task that failed it', async () => {
    const failure = failureOf(new GristmillError('map-failed', 'thrown'));
    worker = startFakeWorker(coordinator.address, TOKEN, async (assignment) =>
      assignment.kind === 'map' ? { kind: 'failure', failure } : doTask(places(), assignment),
    );
    expect((await run({ ...miniature, output: `file://${folder}/out` }, 'r1')).state).toBe('failed');
    const found = await samples();
    expect(found.get('gristmill_jobs_ended_total{outcome="failed"}')).toBe(1);
    expect(found.get('gristmill_tasks_total{kind="map",outcome="failed"}')).toBe(1);
  });

  test('has every metric of the list with its type and help, and no job or task in a label', async () => {
    worker = startFakeWorker(coordinator.address, TOKEN, (assignment) => doTask(places(), assignment));
    const job = await run({ ...miniature, output: `file://${folder}/out` }, 'r1');
    const { text, type } = await page('/metrics');
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const metric of Object.values(METRICS)) {
      expect(text).toContain(`# TYPE ${metric.name} ${metric.type}\n`);
      expect(text).toContain(`# HELP ${metric.name} `);
    }
    const told = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
    expect(told.sort()).toEqual(
      Object.values(METRICS)
        .map(({ name }) => name)
        .sort(),
    );
    expect(text).not.toContain(job.job);
    expect(text).not.toMatch(/(map|reduce)-\d{5}|w1/);
    const found = await samples();
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes']) {
      expect(found.get(name)).toBeGreaterThan(0);
    }
  });
});

describe('/healthz', () => {
  test('says 200 while the coordinator leads, and 503 with the reason when another one does', async () => {
    const health = await page('/healthz');
    expect(health).toMatchObject({ status: 200, type: 'application/json' });
    expect(JSON.parse(health.text)).toEqual({ status: 'leading', epoch: coordinator.epoch });
    others.push(await start(undefined));
    // The one that was fenced finds out when it writes.
    await client.submit({ requestId: 'r', name: 'm', codeVersion: sha256, baseUri: 'file:///' }).catch(() => undefined);
    const after = await page('/healthz');
    expect(after.status).toBe(503);
    expect(JSON.parse(after.text)).toMatchObject({ status: 'halted', code: 'fenced', epoch: coordinator.epoch });
    expect((await samples()).get('gristmill_leading')).toBe(0);
  });

  test('says 503 and that the journal is replayed from the start, and 200 once the coordinator leads', async () => {
    const { store: slow, reached, letGo } = heldStore(store);
    const http = await freePlace();
    const starting = start(http, slow);
    await reached;
    const ask = async (path: string) => (await pageOf(`http://${http}`, path)).status;
    expect(await healthOf(`http://${http}`)).toEqual({ answer: 503, status: 'replaying' });
    expect(await ask('/metrics')).toBe(503);
    letGo();
    others.push(await starting);
    expect([await ask('/healthz'), await ask('/metrics')]).toEqual([200, 200]);
  });

  test('other paths and methods are refused, and HEAD has no body', async () => {
    expect(await page('/')).toMatchObject({ status: 404, text: 'there is /metrics and /healthz\n' });
    expect((await page('/__proto__')).status).toBe(404);
    expect((await page('/metrics', 'POST')).status).toBe(405);
    expect(await page('/healthz?full', 'HEAD')).toMatchObject({ status: 200, text: '' });
  });
});

describe('the HTTP port', () => {
  test('that is occupied keeps the coordinator from leading at all, and says which option to change', async () => {
    const occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve));
    const taken = `127.0.0.1:${(occupant.address() as AddressInfo).port}`;
    await expect(start(taken)).rejects.toThrow(
      `cannot listen on ${taken}: another process listens there already\nhint: --http`,
    );
    await new Promise((resolve) => occupant.close(resolve));
    expect((await page('/healthz')).status).toBe(200);
  });

  test('is not there unless it was asked for', async () => {
    const quiet = await start(undefined);
    others.push(quiet);
    expect(quiet.httpAddress).toBeUndefined();
  });
});
