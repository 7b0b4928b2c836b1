/** What gRPC's own tools find at a coordinator that stands: health for everybody, reflection for those with the token. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  status,
  type ChannelCredentials,
  type Client,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JobClient } from '../../../client/job-client.js';
import { outputsIn, startCoordinator, type RunningCoordinator } from '../../../coordinator/coordinator.js';
import { systemClock } from '../../../shared/clock.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { Stores } from '../../../shared/store/stores.js';
import { repository } from '../../harness/command.js';
import { heldStore } from '../../harness/held-store.js';
import { owner, random } from './miniature-cluster.js';

const TOKEN = 'a-token';
const REFLECTION = 'node_modules/@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto';

type Stub = Client & Record<string, (...args: unknown[]) => unknown>;
type StubClass = new (address: string, how: ChannelCredentials) => Stub;

let folder: string;
let store: ObjectStore;
let stores: Stores;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gristmill-discovery-'));
  stores = new Stores();
  store = stores.open(join(folder, 'store'));
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(folder, { recursive: true });
});

async function start(isDiscoverable: boolean, over = store, listen = '127.0.0.1:0'): Promise<RunningCoordinator> {
  const options = { store: over, storeUri: store.uri, outputs: outputsIn(stores, systemClock), clock: systemClock };
  const log = pino({ level: 'silent' });
  const running = await startCoordinator({ ...options, random, owner, listen, token: TOKEN, log, isDiscoverable });
  cleanups.push(() => running.close());
  return running;
}

/** A client that is made from a proto file, as any client in any language would be. */
function stubOf(file: string, service: readonly string[], address: string): Stub {
  const definition = loadSync(file, { enums: String, defaults: true, oneofs: true });
  let found: unknown = loadPackageDefinition(definition);
  for (const name of service) found = (found as Record<string, unknown>)[name];
  const stub = new (found as StubClass)(address, credentials.createInsecure());
  cleanups.push(() => stub.close());
  return stub;
}

function health(address: string, service = ''): Promise<string> {
  const stub = stubOf(protoPath, ['grpc', 'health', 'v1', 'Health'], address);
  return new Promise((resolve, reject) => {
    stub['check']?.({ service }, (error: ServiceError | null, reply?: { readonly status: string }) => {
      if (error) reject(error);
      else resolve(reply?.status ?? '');
    });
  });
}

/** The services that reflection names. */
function services(address: string, token: string): Promise<readonly string[]> {
  const path = ['grpc', 'reflection', 'v1', 'ServerReflection'];
  const stub = stubOf(join(repository, REFLECTION), path, address);
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  interface Answer {
    readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] };
  }
  type Stream = NodeJS.EventEmitter & { write(message: unknown): void; end(): void };
  const stream = stub['serverReflectionInfo']?.(metadata) as Stream;
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', ({ listServicesResponse }: Answer) => {
      resolve(listServicesResponse.service.map(({ name }) => name));
      stream.end();
    });
    stream.write({ listServices: '' });
  });
}

describe('health', () => {
  test('is told to everybody, of the server and of each of its services', async () => {
    const { address } = await start(true);
    for (const service of ['', 'gristmill.v1.JobService', 'gristmill.v1.WorkerService'])
      expect(await health(address, service)).toBe('SERVING');
    await expect(health(address, 'another.Service')).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  test('is NOT_SERVING while the journal is read, when calls are refused as unavailable, and once another one leads', async () => {
    const { store: slow, reached, letGo } = heldStore(store);
    const first = await start(true);
    const { address } = first;
    await first.close();
    const starting = start(true, slow, address);
    await reached;
    expect(await health(address)).toBe('NOT_SERVING');
    const client = new JobClient({ address, token: TOKEN });
    cleanups.push(() => client.close());
    await expect(client.list()).rejects.toMatchObject({ code: 'unavailable' });
    const stranger = new JobClient({ address, token: 'wrong' });
    cleanups.push(() => stranger.close());
    await expect(stranger.list()).rejects.toMatchObject({ code: 'unauthenticated' });
    letGo();
    await starting;
    expect(await health(address)).toBe('SERVING');
    expect(await client.list()).toEqual([]);
    await start(false);
    // It finds out when it writes.
    const submitted = client.submit({ requestId: 'r', name: 'm', codeVersion: '0'.repeat(64), baseUri: 'file:///' });
    await submitted.catch(() => undefined);
    expect(await health(address)).toBe('NOT_SERVING');
  });
});

describe('reflection', () => {
  test('names the services to who has the token, and to nobody else', async () => {
    const { address } = await start(true);
    expect([...(await services(address, TOKEN))].sort()).toEqual([
      'gristmill.v1.JobService',
      'gristmill.v1.WorkerService',
    ]);
    await expect(services(address, 'wrong')).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

test('a run of its own serves neither: nobody looks for it', async () => {
  const { address } = await start(false);
  await expect(health(address)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  await expect(services(address, TOKEN)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
});
