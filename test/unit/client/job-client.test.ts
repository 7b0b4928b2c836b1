import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { JobClient } from '../../../client/job-client.js';
import type { JobEvent } from '../../../client/job-types.js';
import type { JobId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';
import { JOB, TOKEN, jobServer, outcomeEvent, refusal, stateEvent, type Behaviour, type Fake } from './job-service.js';

const job = JOB as JobId;
const opened: { stop(): void }[] = [];

afterEach(() => {
  for (const open of opened.splice(0)) open.stop();
});

async function serve(behaviour: Behaviour = {}, port = 0): Promise<Fake> {
  const server = await jobServer(behaviour, port);
  opened.push(server);
  return server;
}

function connect(server: Fake): JobClient {
  const client = new JobClient({ address: `127.0.0.1:${server.port}`, token: TOKEN });
  opened.push({ stop: () => client.close() });
  return client;
}

async function collect(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('the client of JobService', () => {
  test('sends its token with every call', async () => {
    const server = await serve({ watch: (call) => call.write({ events: [outcomeEvent(1)] }) });
    const client = connect(server);
    await client.uploadBundle(new Uint8Array(3), 'hash');
    await client.submit({ requestId: 'r', name: 'n', codeVersion: 'hash', baseUri: 'file:///x/' });
    await client.get(job).catch(() => undefined);
    await client.list();
    await client.cancel(job, 'because');
    await collect(client.watch(job));
    for await (const _ of client.logs(job));
    expect(server.calls.map((call) => call.method)).toEqual([
      'upload',
      'submit',
      'get',
      'list',
      'cancel',
      'watch',
      'logs',
    ]);
    expect(new Set(server.calls.map((call) => call.token))).toEqual(new Set([`Bearer ${TOKEN}`]));
  });

  test('uploads a bundle in chunks that the limits allow, whole and in order', async () => {
    const server = await serve();
    const code = new Uint8Array(2 * limits.bundleChunkBytes + 7).map((_, i) => i % 251);
    await connect(server).uploadBundle(code, 'hash');
    const request = server.calls[0]?.request as { sha256: string; sizes: number[]; all: Buffer };
    expect(request.sha256).toBe('hash');
    expect(request.sizes).toEqual([limits.bundleChunkBytes, limits.bundleChunkBytes, 7]);
    expect(request.all.equals(code)).toBe(true);
  });

  test('an upload that is refused half-way is an error, not a crash', async () => {
    const server = await serve({
      overrides: {
        UploadBundle: (call, reply) => {
          call.on('error', () => undefined);
          call.once('data', () => reply(refusal(status.INVALID_ARGUMENT, 'bundle-corrupt', 'wrong hash')));
        },
      },
    });
    const upload = connect(server).uploadBundle(new Uint8Array(8 * limits.bundleChunkBytes), 'hash');
    await expect(upload).rejects.toMatchObject({ code: 'bundle-corrupt', message: 'wrong hash' });
  });

  test('submits parameters as JSON and everything else as asked', async () => {
    const server = await serve();
    const submitted = await connect(server).submit({
      requestId: 'r',
      name: 'n',
      codeVersion: 'hash',
      params: { min: 3, words: ['a'], text: 'x' },
      inputs: ['a*.txt'],
      output: 'out',
      baseUri: 'file:///x/',
      overwrite: true,
      limitRecords: 12,
      dryRun: true,
      weight: 7,
    });
    expect(submitted).toEqual({ job, existed: false });
    expect(server.calls[0]?.request).toMatchObject({
      requestId: 'r',
      params: { min: '3', words: '["a"]', text: '"x"' },
      inputs: ['a*.txt'],
      output: 'out',
      baseUri: 'file:///x/',
      overwrite: true,
      limitRecords: '12',
      dryRun: true,
      weight: 7,
    });
  });

  test('turns a refusal into an error with the code that the coordinator gave', async () => {
    const client = connect(await serve());
    await expect(client.get(job)).rejects.toMatchObject({ code: 'job-not-found', message: 'no such job' });
  });

  test('says unavailable where nobody listens', async () => {
    const server = await serve();
    server.stop();
    await expect(connect(server).list()).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('counts arrive as exact numbers, and above 2^53 not at all', async () => {
    const client = connect(await serve());
    expect((await client.list())[0]?.submittedAtMs).toBe(Number.MAX_SAFE_INTEGER);
    const liar = await serve({
      overrides: {
        ListJobs: (_, reply) =>
          reply(null, { jobs: [{ jobId: JOB, state: 'JOB_STATE_QUEUED', submittedAtMs: '9007199254740993' }] }),
      },
    });
    await expect(connect(liar).list()).rejects.toMatchObject({ code: 'invalid-request' });
  });

  test('a state that is not specified is refused', async () => {
    const server = await serve({ overrides: { ListJobs: (_, reply) => reply(null, { jobs: [{ jobId: JOB }] }) } });
    await expect(connect(server).list()).rejects.toMatchObject({ code: 'invalid-request' });
  });
});

describe('a watch', () => {
  test('brings every event once, in order, and ends after the outcome', async () => {
    const server = await serve({
      watch: (call) => {
        call.write({ events: [stateEvent(1), stateEvent(2)] });
        call.write({ events: [outcomeEvent(3)] });
      },
    });
    const events = await collect(connect(server).watch(job));
    expect(events.map((event) => [event.type, event.cursor])).toEqual([
      ['state', 1],
      ['state', 2],
      ['outcome', 3],
    ]);
  });

  test('resumes from its cursor when the stream breaks, and passes over what comes twice', async () => {
    const server = await serve({
      watch: (call, attempt) => {
        if (attempt === 1) {
          call.write({ events: [stateEvent(1), stateEvent(2)] });
          call.emit('error', { code: status.UNAVAILABLE, details: 'gone' });
        } else {
          call.write({ events: [stateEvent(2), stateEvent(3), outcomeEvent(4)] });
        }
      },
    });
    const events = await collect(connect(server).watch(job));
    expect(events.map((event) => event.cursor)).toEqual([1, 2, 3, 4]);
    expect(server.watchCursors).toEqual([0, 2]);
  });

  test('survives the end of the server and resumes on its successor', async () => {
    const first = await serve({ watch: (call) => call.write({ events: [stateEvent(1)] }) });
    const seen: number[] = [];
    let second: Fake | undefined;
    for await (const event of connect(first).watch(job)) {
      seen.push(event.cursor);
      if (event.cursor === 1) {
        first.stop();
        second = await serve({ watch: (call) => call.write({ events: [outcomeEvent(2)] }) }, first.port);
      }
    }
    expect(seen).toEqual([1, 2]);
    expect(second?.watchCursors).toEqual([1]);
  });

  test('a refusal is not tried again', async () => {
    const server = await serve({
      watch: (call) => call.emit('error', refusal(status.NOT_FOUND, 'job-not-found', 'no such job')),
    });
    await expect(collect(connect(server).watch(job))).rejects.toMatchObject({ code: 'job-not-found' });
    expect(server.watchCursors).toHaveLength(1);
  });

  test('ends at once when its signal fires, and lets go of the stream', async () => {
    const abort = new AbortController();
    const cancelled = new Promise<void>((resolve) => {
      void serve({
        watch: (call) => {
          call.on('cancelled', resolve);
          call.write({ events: [stateEvent(1)] });
        },
      }).then(async (server) => {
        const watching = (async () => {
          for await (const _ of connect(server).watch(job, { signal: abort.signal })) abort.abort();
        })();
        await expect(watching).rejects.toMatchObject({ code: 'aborted' });
      });
    });
    await cancelled;
  });

  test('a consumer that leaves cancels the stream', async () => {
    let note: () => void = () => undefined;
    const cancelled = new Promise<void>((resolve) => (note = resolve));
    const server = await serve({
      watch: (call) => {
        call.on('cancelled', note);
        call.write({ events: [stateEvent(1)] });
      },
    });
    for await (const _ of connect(server).watch(job)) break;
    await cancelled;
  });
});

describe('logs', () => {
  const chunk = (attempt: string, text: string, endBytes: number) => ({ attempt, text, endBytes });

  test('go on from where a page, or a stream that broke, ended', async () => {
    const asked: unknown[] = [];
    const pages = [
      [chunk('map-00000.1-1', 'a', 1), chunk('map-00000.1-1', 'b', 2), { more: true }],
      [chunk('map-00001.1-1', 'cd', 2), undefined],
      [chunk('map-00001.1-1', 'e', 3)],
    ];
    const server = await serve({
      overrides: {
        GetLogs: (call) => {
          asked.push([call.request.afterAttempt, call.request.afterBytes]);
          for (const message of pages[asked.length - 1] ?? []) {
            if (message) call.write(message);
            else call.emit('error', { code: status.UNAVAILABLE, details: 'gone' });
          }
          call.end();
        },
      },
    });
    let text = '';
    for await (const piece of connect(server).logs(job)) text += piece.text;
    expect(text).toBe('abcde');
    expect(asked).toEqual([
      ['', '0'],
      ['map-00000.1-1', '2'],
      ['map-00001.1-1', '2'],
    ]);
  });
});

test('a watch that breaks says so once, however long it takes to mend', async () => {
  let refused = 0;
  const server = await serve({
    watch: (call, attempt) => {
      if (attempt === 1) call.write({ events: [stateEvent(1)] });
      if (attempt <= 3) {
        refused++;
        call.emit('error', { code: status.UNAVAILABLE, details: 'gone' });
      } else {
        call.write({ events: [outcomeEvent(2)] });
      }
    },
  });
  const told: string[] = [];
  await collect(connect(server).watch(job, { onBroken: (error) => told.push(error.code) }));
  expect(refused).toBe(3);
  expect(told).toEqual(['unavailable']);
});
