/** `/metrics` and `/healthz` of a worker, over HTTP, with what its agent would tell. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { failureOf, GristmillError } from '../../../shared/errors.js';
import { zeroCounts } from '../../../shared/counts.js';
import type { RunningHttp } from '../../../shared/http/server.js';
import { parseAttemptId, parseJobId } from '../../../shared/ids.js';
import type { Assignment, TaskReport, TaskResult } from '../../../shared/protocol.js';
import { S3Counters } from '../../../shared/store/s3/counters.js';
import type { Agent } from '../../../worker/agent.js';
import type { WorkerFigures, WorkerHealth } from '../../../worker/health.js';
import { observedWorker, type ObservedWorker } from '../../../worker/http/observed.js';
import { Authority } from '../../harness/certificates.js';
import { answerOverTls, pageOf, samplesIn } from '../../harness/http-port.js';
import { TestServerTls } from '../coordinator/secure-coordinator.js';

const job = parseJobId('abcdefgh2345');
const coordinator = '127.0.0.1:7070';
const figures: WorkerFigures = { slots: { busy: 2, free: 1, starting: 1 }, unacknowledged: 3 };

let health: WorkerHealth;
let agent: Agent | undefined;
let worker: ObservedWorker;
let http: RunningHttp;

beforeEach(async () => {
  health = { status: 'ready', coordinator, sinceMs: 0 };
  const ready = Promise.resolve();
  const lost = new Promise<never>(() => undefined);
  agent = {
    ready,
    lost,
    figures,
    s3: undefined,
    stop: () => ready,
    get health() {
      return health;
    },
  };
  worker = observedWorker();
  http = await worker.serve('127.0.0.1:0', () => agent);
});
afterEach(() => http.close());

const page = (path: string) => pageOf(`http://${http.address}`, path);

/** Samples that are not 0, without those of the process. */
async function samples(): Promise<Record<string, number>> {
  const found = [...samplesIn((await page('/metrics')).text)];
  return Object.fromEntries(
    found.filter(([name, value]) => value !== 0 && /^gristmill_/.test(name) && !/_bucket|_sum/.test(name)),
  );
}

function assignment(attempt: string): Assignment {
  const kind = attempt.startsWith('map') ? 'map' : 'reduce';
  return { job, attempt: parseAttemptId(attempt), kind } as unknown as Assignment;
}

function report(attempt: string, result: TaskResult): TaskReport {
  return { job, attempt: parseAttemptId(attempt), elapsedMs: 40, result };
}

function failure(code: 'aborted' | 'handed-back' | 'executor-died'): TaskResult {
  return { kind: 'failure', failure: failureOf(new GristmillError(code, 'x')) };
}

describe('/healthz of a worker', () => {
  const since = { coordinator, sinceMs: Date.UTC(2026, 1, 2) };
  const told = { coordinator, since: '2026-02-02T00:00:00.000Z' };
  const error = new GristmillError('unauthenticated', 'the token is wrong');
  test.each([
    [{ status: 'ready', ...since }, 200, { status: 'ready', ...told }],
    [{ status: 'connecting', ...since }, 503, { status: 'connecting', ...told }],
    [{ status: 'cut-off', ...since }, 503, { status: 'cut-off', ...told }],
    [{ status: 'draining', running: 2 }, 503, { status: 'draining', running: 2 }],
    [{ status: 'refused', error }, 503, { status: 'refused', code: 'unauthenticated', reason: error.message }],
  ] satisfies [WorkerHealth, number, unknown][])('of %j answers %i', async (state, status, said) => {
    health = state;
    const found = await page('/healthz');
    expect({ status: found.status, said: JSON.parse(found.text) as unknown }).toEqual({ status, said });
    expect((await samples())['gristmill_worker_ready'] ?? 0).toBe(state.status === 'ready' ? 1 : 0);
  });

  test('answers before there is an agent', async () => {
    agent = undefined;
    expect(await page('/healthz')).toMatchObject({ status: 503, text: '{"status":"starting"}\n' });
    expect((await page('/metrics')).status).toBe(503);
  });
});

test('/metrics of a worker counts what happened there, and names no job', async () => {
  const { observer } = worker;
  const counts = { ...zeroCounts, recordsRead: 5, bytesRead: 50, bytesShuffled: 20 };
  observer.registered();
  observer.registered();
  for (let i = 0; i < 3; i++) observer.executorStarted();
  observer.executorDied();
  for (const attempt of ['map-00000.1-1', 'map-00001.1-1', 'reduce-00000.1-1', 'reduce-00001.1-1'])
    observer.attemptStarted(assignment(attempt));
  observer.attemptEnded(
    report('map-00000.1-1', { kind: 'map', key: 'k', digest: 1n, bytes: 20, counts, seal: undefined }),
  );
  observer.attemptEnded(report('map-00001.1-1', failure('executor-died')));
  observer.attemptEnded(report('reduce-00000.1-1', failure('aborted')));
  observer.attemptEnded(report('reduce-00001.1-1', failure('handed-back')));
  const { class: whose } = failureOf(new GristmillError('executor-died', 'x'));
  await samples();
  expect(await samples()).toEqual({
    gristmill_worker_ready: 1,
    gristmill_worker_registrations_total: 2,
    gristmill_worker_reports_unacknowledged: 3,
    'gristmill_worker_slots{state="busy"}': 2,
    'gristmill_worker_slots{state="free"}': 1,
    'gristmill_worker_slots{state="starting"}': 1,
    'gristmill_worker_attempts_started_total{kind="map"}': 2,
    'gristmill_worker_attempts_started_total{kind="reduce"}': 2,
    'gristmill_worker_attempts_total{kind="map",outcome="done"}': 1,
    'gristmill_worker_attempts_total{kind="map",outcome="failed"}': 1,
    'gristmill_worker_attempts_total{kind="reduce",outcome="cancelled"}': 1,
    'gristmill_worker_attempts_total{kind="reduce",outcome="handed-back"}': 1,
    'gristmill_worker_attempt_seconds_count{kind="map",outcome="done"}': 1,
    'gristmill_worker_attempt_seconds_count{kind="map",outcome="failed"}': 1,
    'gristmill_worker_attempt_seconds_count{kind="reduce",outcome="cancelled"}': 1,
    'gristmill_worker_attempt_seconds_count{kind="reduce",outcome="handed-back"}': 1,
    [`gristmill_worker_attempt_failures_total{class="${whose}",code="executor-died"}`]: 1,
    gristmill_worker_executors_started_total: 3,
    gristmill_worker_executors_died_total: 1,
    gristmill_worker_records_read_total: 5,
    gristmill_worker_bytes_read_total: 50,
    gristmill_worker_bytes_shuffled_total: 20,
  });
});

test('what a worker can count is there from its start, at 0: a rate would miss the first of others', async () => {
  const found = samplesIn((await page('/metrics')).text);
  for (const kind of ['inspect', 'map', 'reduce']) {
    expect(found.get(`gristmill_worker_attempts_started_total{kind="${kind}"}`)).toBe(0);
    for (const outcome of ['done', 'failed', 'cancelled', 'handed-back']) {
      expect(found.get(`gristmill_worker_attempts_total{kind="${kind}",outcome="${outcome}"}`)).toBe(0);
      expect(found.get(`gristmill_worker_attempt_seconds_count{kind="${kind}",outcome="${outcome}"}`)).toBe(0);
    }
  }
});

test('what executors asked of an S3 server is added to what their agent asked, once', async () => {
  const told = { operation: 'get', seconds: 0.5, bytesOut: 0, bytesIn: 7, isRetry: false, outcome: 'ok' } as const;
  const executor = new S3Counters();
  executor.add(told);
  worker.observer.asked(executor.take());
  worker.observer.asked(executor.take());
  executor.add({ ...told, outcome: 'silent' });
  worker.observer.asked(executor.take());
  const found = await samples();
  expect(found['gristmill_s3_requests_total{operation="get"}']).toBe(2);
  expect(found['gristmill_s3_requests_unanswered_total{operation="get"}']).toBe(1);
  expect(found['gristmill_s3_bytes_total{direction="read"}']).toBe(14);
  // The agent itself has asked nothing, and does not know.
  expect(Object.keys(found).filter((name) => name.startsWith('gristmill_s3_answering'))).toEqual([]);
});

test('where other machines can reach the port, it tells the health of the worker and keeps its metrics', async () => {
  const open = await worker.serve('0.0.0.0:0', () => agent);
  try {
    const base = `http://${open.address.replace('0.0.0.0', '127.0.0.1')}`;
    expect(await pageOf(base, '/healthz')).toMatchObject({ status: 200 });
    const refused = await pageOf(base, '/metrics');
    expect(refused.status).toBe(403);
    expect(refused.text).toMatch(/^a worker tells its metrics to its own machine alone/);
  } finally {
    await open.close();
  }
});

test('the port is encrypted where the worker has a certificate, with that of the day', async () => {
  const [old, next] = [new Authority('old'), new Authority('next')];
  const tls = new TestServerTls(old.server());
  const secure = await worker.serve('127.0.0.1:0', () => agent, tls);
  const get = (ca: string) => answerOverTls(`https://${secure.address}/metrics`, ca);
  try {
    expect([await get(old.cert), await get(next.cert)]).toEqual([200, expect.stringMatching(/CERT|SIGNATURE|ISSUER/)]);
    tls.replace(next.server());
    expect([await get(next.cert), await get(old.cert)]).toEqual([200, expect.stringMatching(/CERT|SIGNATURE|ISSUER/)]);
  } finally {
    await secure.close();
  }
});
