/** The services as a client and a worker meet them: over loopback, with a directory as store. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { Client, credentials, Metadata, status, type MethodDefinition, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JobClient } from '../../../client/job-client.js';
import type { LogOptions } from '../../../client/job-types.js';
import { outputsIn, startCoordinator, type RunningCoordinator } from '../../../coordinator/coordinator.js';
import { systemClock } from '../../../shared/clock.js';
import { parseWorkerId } from '../../../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../../../shared/limits.js';
import type { Assignment, CoordinatorMessage } from '../../../shared/protocol.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { Stores } from '../../../shared/store/stores.js';
import { coordinatorMessageFromWire, workerMessageToWire } from '../../../shared/wire/convert.js';
import { JobService, WorkerService } from '../../../shared/wire/load.js';
import { doTask, type MiniatureJob } from '../../simulation/task-work.js';
import { miniature, owner, random } from './miniature-cluster.js';

const TOKEN = 'a-token';
const code = Buffer.from('export default {};');
const sha256 = createHash('sha256').update(code).digest('hex');

let folder: string;
let store: ObjectStore;
let stores: Stores;
let coordinator: RunningCoordinator;
let client: JobClient;
const cleanups: (() => void)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gristmill-grpc-'));
  stores = new Stores();
  store = stores.open(join(folder, 'store'));
  const log = pino({ level: 'silent' });
  const listen = '127.0.0.1:0';
  coordinator = await startCoordinator({
    store,
    storeUri: store.uri,
    outputs: outputsIn(stores, systemClock),
    clock: systemClock,
    random,
    owner,
    listen,
    token: TOKEN,
    log,
  });
  client = new JobClient({ address: coordinator.address, token: TOKEN });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  client.close();
  await coordinator.close();
  await rm(folder, { recursive: true });
});

function openStream(token: string, protocolVersion = PROTOCOL_VERSION) {
  const stub = new WorkerService(coordinator.address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  const stream = stub.session(metadata);
  cleanups.push(() => {
    stream.cancel();
    stub.close();
  });
  const failed = new Promise<ServiceError>((resolve) => stream.on('error', resolve));
  const register = {
    protocolVersion,
    worker: parseWorkerId('w1'),
    incarnation: 'i',
    slots: 2,
    host: 'h',
    nodeVersion: 'v',
    running: [],
  };
  stream.write(workerMessageToWire({ register }));
  return { stream, failed };
}

/** How a call with nothing in it ends, whatever its kind. */
function refusalOf(method: MethodDefinition<object, object>, metadata: Metadata): Promise<ServiceError> {
  const { path, requestSerialize: to, responseDeserialize: from, requestStream, responseStream } = method;
  const raw = new Client(coordinator.address, credentials.createInsecure());
  cleanups.push(() => raw.close());
  return new Promise((resolve, reject) => {
    const replied = (error: ServiceError | null) => {
      if (error) resolve(error);
      else reject(new Error(`${path} answered`));
    };
    const streamed = (call: Readable) => {
      call.on('error', (error) => resolve(error as ServiceError));
      call.resume();
    };
    if (requestStream && responseStream) streamed(raw.makeBidiStreamRequest(path, to, from, metadata));
    else if (responseStream) streamed(raw.makeServerStreamRequest(path, to, from, {}, metadata));
    else if (requestStream) raw.makeClientStreamRequest(path, to, from, metadata, replied);
    else raw.makeUnaryRequest(path, to, from, {}, metadata, replied);
  });
}

function startWorker(): void {
  const { stream } = openStream(TOKEN);
  const places = { store, storeFor: (output: string) => outputsIn(stores, systemClock).storeFor(output) };
  const run = async (assignment: Assignment) => {
    const result = await doTask(places, assignment);
    const { job, attempt } = assignment;
    stream.write(workerMessageToWire({ reports: [{ job, attempt, elapsedMs: 1, result }] }));
  };
  stream.on('data', (wire: Parameters<typeof coordinatorMessageFromWire>[0]) => {
    const message: CoordinatorMessage = coordinatorMessageFromWire(wire);
    for (const assignment of message.assign ?? []) void run(assignment);
  });
}

function submission(job: MiniatureJob) {
  return { requestId: `${job.kind}-1`, name: 'm', codeVersion: sha256, params: { ...job }, baseUri: 'file:///' };
}

describe('the services', () => {
  test.each(['reduce', 'map-only'] as const)('a %s job runs from upload to outcome', async (kind) => {
    startWorker();
    expect(await client.uploadBundle(code, sha256)).toEqual({ existed: false });
    expect(await client.uploadBundle(code, sha256)).toEqual({ existed: true });
    const output = `file://${folder}/out`;
    const { job } = await client.submit(submission({ ...miniature, kind, output }));
    const types: string[] = [];
    for await (const event of client.watch(job)) types.push(event.type === 'state' ? event.to : event.type);
    expect(types.filter((type) => type !== 'attempt' && type !== 'progress')).toEqual([
      'validating',
      'queued',
      'in_progress',
      'committing',
      'completed',
      'outcome',
    ]);
    const view = await client.get(job);
    expect(view.counts.recordsRead).toBe(108);
    expect(view.parts[0]).toBe(`${output}/part-00000.jsonl`);
    expect(view.balance).toContain('read = mapped + filtered + bad: 108 = 108');
    expect((await client.list()).map((one) => one.job)).toEqual([job]);
    expect(await readdir(join(folder, 'out'))).toContain('_SUCCESS');
    await expect(client.cancel(job, '')).rejects.toMatchObject({ code: 'job-ended' });
  });

  const services: readonly Readonly<Record<string, MethodDefinition<object, object>>>[] = [
    JobService.service,
    WorkerService.service,
  ];
  const methods = services.flatMap((service) => Object.values(service));

  test.each(methods.map((method) => [method.path.replace(/.*\//, ''), method] as const))(
    'a call of %s without the token, or with another one, is refused',
    async (_name, method) => {
      for (const token of [undefined, 'Bearer other', TOKEN, `Bearer ${TOKEN} `]) {
        const metadata = new Metadata();
        if (token !== undefined) metadata.set('authorization', token);
        const error = await refusalOf(method, metadata);
        expect([error.code, error.metadata.get('gristmill-code')]).toEqual([
          status.UNAUTHENTICATED,
          ['unauthenticated'],
        ]);
      }
    },
  );

  test('a client and a worker are told what is wrong with their token', async () => {
    const stranger = new JobClient({ address: coordinator.address, token: 'other' });
    await expect(stranger.list()).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(stranger.uploadBundle(code, sha256)).rejects.toMatchObject({ code: 'unauthenticated' });
    stranger.close();
    const { failed } = openStream('other');
    expect((await failed).metadata.get('gristmill-code')).toEqual(['unauthenticated']);
  });

  test('a session that does not begin by registering is refused', async () => {
    const stub = new WorkerService(coordinator.address, credentials.createInsecure());
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${TOKEN}`);
    const stream = stub.session(metadata);
    cleanups.push(() => stub.close());
    const failed = new Promise<ServiceError>((resolve) => stream.on('error', resolve));
    stream.write(workerMessageToWire({ renewLease: true }));
    expect((await failed).code).toBe(status.INVALID_ARGUMENT);
  });

  test('a worker of another protocol version is refused', async () => {
    const { failed } = openStream(TOKEN, PROTOCOL_VERSION + 1);
    expect((await failed).metadata.get('gristmill-code')).toEqual(['protocol-mismatch']);
  });

  test('a weight beyond the limit is refused', async () => {
    await client.submit({ ...submission(miniature), weight: limits.jobWeightMax });
    await expect(client.submit({ ...submission(miniature), weight: limits.jobWeightMax + 1 })).rejects.toMatchObject({
      code: 'invalid-request',
      message: 'the weight of a job is from 1 to 100, not 101',
    });
  });

  test('a bundle that is not what was announced is refused', async () => {
    await expect(client.uploadBundle(Buffer.from('other'), sha256)).rejects.toMatchObject({ code: 'bundle-corrupt' });
    await expect(client.uploadBundle(Buffer.alloc(limits.bundleBytesMax + 1), sha256)).rejects.toMatchObject({
      code: 'request-too-large',
    });
  });

  test('logs come with the attempts that printed them, of all, of a task or of one attempt', async () => {
    const { job } = await client.submit(submission(miniature));
    const printed = { 'map-00000.1-1': 'grüße\n', 'map-00000.1-2': 'again\n', 'map-00001.1-1': 'other\n' };
    for (const [attempt, text] of Object.entries(printed)) {
      await store.put(`v1/jobs/${job}/logs/${attempt}`, Buffer.from(text));
    }
    const logs = async (options: LogOptions) => {
      const chunks: Record<string, string> = {};
      for await (const { attempt, text } of client.logs(job, options)) chunks[attempt] = (chunks[attempt] ?? '') + text;
      return chunks;
    };
    expect(await logs({})).toEqual(printed);
    expect(Object.keys(await logs({ task: 'map-00000' }))).toEqual(['map-00000.1-1', 'map-00000.1-2']);
    expect(await logs({ attempt: 'map-00001.1-1' })).toEqual({ 'map-00001.1-1': 'other\n' });
    expect(await logs({ task: 'reduce-00000' })).toEqual({});
    await expect(logs({ task: 'everything' })).rejects.toMatchObject({ code: 'invalid-id' });
  });

  test('a job that is not there has no logs, and says so', async () => {
    const logs = client.logs('0123456789ab' as never);
    await expect(logs.next()).rejects.toMatchObject({ code: 'job-not-found' });
  });

  test('closing ends, though a worker and a watcher are connected', async () => {
    startWorker();
    const { job } = await client.submit(submission({ ...miniature, output: `file://${folder}/out` }));
    const watching = (async () => {
      for await (const event of client.watch(job)) if (event.type === 'outcome') return;
    })();
    await watching;
    await coordinator.close();
    expect(await readdir(join(folder, 'out'))).not.toContain('_staging');
  });
});
