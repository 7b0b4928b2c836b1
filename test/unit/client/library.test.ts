/** `gristmill/client` against a real gRPC server whose answers the test decides. */
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import {
  Aborted,
  Client,
  GristmillError,
  JobCancelled,
  JobEnded,
  JobExpired,
  JobFailed,
  JobNotCompleted,
  JobNotFound,
  Unauthenticated,
  Unavailable,
} from '../../../client/index.js';
import { JobClient } from '../../../client/job-client.js';
import { called } from '../../../client/library/calls.js';
import { systemClock, type Clock } from '../../../shared/clock.js';
import { limits } from '../../../shared/limits.js';
import type { Job } from '../../../proto/generated/gristmill/v1/Job.js';
import { JOB, jobServer, refusal, stateEvent, TOKEN, type Behaviour, type Fake } from './job-service.js';

const opened: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const open of opened.splice(0).reverse()) await open.stop();
});

async function serve(behaviour: Behaviour = {}, port = 0): Promise<Fake> {
  const server = await jobServer(behaviour, port);
  opened.push(server);
  return server;
}

function clientOf(port: number): Client {
  const client = new Client({ coordinator: `127.0.0.1:${port}`, token: TOKEN });
  opened.push({ stop: () => client.close() });
  return client;
}

function ending(outcome: Partial<Job>): Behaviour {
  return {
    watch: (call) => call.write({ events: [{ cursor: 1, atMs: 1, outcome: { jobId: JOB, name: 'n', ...outcome } }] }),
  };
}

async function waitFor(outcome: Partial<Job>): Promise<unknown> {
  const server = await serve(ending(outcome));
  return clientOf(server.port)
    .job(JOB)
    .wait()
    .catch((thrown: unknown) => thrown);
}

describe('waiting for a job', () => {
  test.each(['JOB_STATE_COMPLETED', 'JOB_STATE_PARTIAL_SUCCESS'] as const)(
    '%s resolves with the job',
    async (state) => {
      expect(await waitFor({ state, parts: ['file:///x/part-00000.jsonl'] })).toMatchObject({
        job: JOB,
        parts: ['file:///x/part-00000.jsonl'],
      });
    },
  );

  test('that fails throws JobFailed with the failure and whose fault it is', async () => {
    const failure = {
      class: 'FAILURE_CLASS_USER',
      code: 'map-failed',
      message: 'map threw',
      where: 'words.ts:7:13',
      stack: '    at map (words.ts:7:13)',
    } as const;
    const error = await waitFor({ state: 'JOB_STATE_FAILED', failure });
    expect(error).toBeInstanceOf(JobFailed);
    expect(error).toBeInstanceOf(JobNotCompleted);
    expect(error).toBeInstanceOf(GristmillError);
    expect(error).toMatchObject({
      name: 'JobFailed',
      code: 'map-failed',
      message: `job ${JOB} failed: map threw`,
      where: 'words.ts:7:13',
      userStack: '    at map (words.ts:7:13)',
      isOfUser: true,
      job: { job: JOB, state: 'failed' },
    });
    const ofMachine = { ...failure, class: 'FAILURE_CLASS_MACHINE', code: 'executor-died' } as const;
    expect(await waitFor({ state: 'JOB_STATE_FAILED', failure: ofMachine })).toMatchObject({ isOfUser: false });
  });

  test('that is cancelled or expires throws a class of its own', async () => {
    const cancelled = await waitFor({ state: 'JOB_STATE_CANCELLED', reason: 'too late' });
    expect(cancelled).toBeInstanceOf(JobCancelled);
    expect(cancelled).toMatchObject({ message: `job ${JOB} was cancelled: too late` });
    expect(await waitFor({ state: 'JOB_STATE_EXPIRED' })).toBeInstanceOf(JobExpired);
    // Put away, it ended as it did.
    expect(await waitFor({ state: 'JOB_STATE_ARCHIVED', outcome: 'JOB_STATE_EXPIRED' })).toBeInstanceOf(JobExpired);
  });

  test('tells of every event on the way', async () => {
    const server = await serve({
      watch: (call) =>
        call.write({
          events: [stateEvent(1), { cursor: 2, atMs: 1, outcome: { jobId: JOB, state: 'JOB_STATE_COMPLETED' } }],
        }),
    });
    const seen: string[] = [];
    await clientOf(server.port)
      .job(JOB)
      .wait({ onEvent: ({ type }) => seen.push(type) });
    expect(seen).toEqual(['state', 'outcome']);
  });

  test('ends with Aborted when its signal fires, and when the client is closed', async () => {
    const server = await serve({ watch: (call) => call.write({ events: [stateEvent(1)] }) });
    const client = clientOf(server.port);
    const abort = new AbortController();
    await expect(client.job(JOB).wait({ signal: abort.signal, onEvent: () => abort.abort() })).rejects.toThrow(Aborted);
    await expect(client.job(JOB).wait({ onEvent: () => void client.close() })).rejects.toThrow(Aborted);
  });
});

describe('a call', () => {
  test('that finds nobody is sent again until somebody answers', async () => {
    const first = await serve();
    first.stop();
    const listing = clientOf(first.port).list();
    await serve({}, first.port);
    expect((await listing).map(({ job }) => job)).toEqual([JOB]);
  });

  test('whose answer is lost is sent again, with the same request id', async () => {
    let answers = 0;
    const server = await serve({
      overrides: {
        SubmitJob: (call, reply) => {
          server.calls.push({ method: 'submit', token: '', request: call.request });
          if (++answers < 3) reply({ code: status.UNAVAILABLE, details: 'gone' });
          else reply(null, { jobId: JOB, existed: true });
        },
      },
    });
    const bundle = { code: new Uint8Array(3), sha256: 'hash', bytes: 3, entry: 'words.ts' };
    const job = await clientOf(server.port).submit(bundle, { limit: 5, output: 'out', directory: '/data' });
    expect([job.id, job.existed]).toEqual([JOB, true]);
    const requests = server.calls.filter(({ method }) => method === 'submit').map(({ request }) => request);
    expect(requests).toHaveLength(3);
    expect(requests[0]).toMatchObject({ name: 'words', limitRecords: '5', output: 'out', baseUri: 'file:///data/' });
    expect(requests).toEqual([requests[0], requests[0], requests[0]]);
  });

  test('that is refused is not sent again, and says so by its class', async () => {
    const server = await serve({
      overrides: { ListJobs: (_, reply) => reply(refusal(status.UNAUTHENTICATED, 'unauthenticated', 'wrong')) },
    });
    const client = clientOf(server.port);
    await expect(client.list()).rejects.toThrow(Unauthenticated);
    await expect(client.job(JOB).get()).rejects.toThrow(JobNotFound);
    expect(server.calls.map(({ method }) => method)).toEqual(['get']);
    expect(() => client.job('no id')).toThrow(GristmillError);
  });

  test('is not made to another machine without encryption, unless that is wanted', () => {
    expect(() => new Client({ coordinator: '192.0.2.1:7070', token: 'x' })).toThrow(/not encrypted/);
    expect(() => new Client({ coordinator: '127.0.0.1:7070' })).toThrow(/token of the coordinator is not known/);
  });
});

test('cancelling what has ended otherwise is an error of its own', async () => {
  const ended = refusal(status.FAILED_PRECONDITION, 'job-ended', 'it has ended');
  const server = await serve({ overrides: { CancelJob: (_, reply) => reply(ended) } });
  await expect(clientOf(server.port).job(JOB).cancel('enough')).rejects.toThrow(JobEnded);
});

test('where nobody ever answers, a call is sent again so often, and then gives up with Unavailable', async () => {
  const server = await serve();
  server.stop();
  let waits = 0;
  // A clock on which no wait takes long.
  const clock: Clock = {
    ...systemClock,
    after(_, action) {
      waits++;
      return systemClock.after(0, action);
    },
  };
  const persistence = new AbortController().signal;
  const jobs = new JobClient({ address: `127.0.0.1:${server.port}`, token: TOKEN, persistence, clock });
  opened.push({ stop: () => jobs.close() });
  await expect(called(() => jobs.list())).rejects.toThrow(Unavailable);
  expect(waits).toBe(limits.watchRetriesMax);
});
