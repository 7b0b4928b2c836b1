/**
 * The engine of one run: coordinator and agent in this process, executors as child processes, the store in a directory.
 * The same parts as of a fleet; only the store and the addresses differ.
 */
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Logger } from 'pino';
import type { RunningCoordinator } from '../../coordinator/coordinator.js';
import type { Clock } from '../../shared/clock.js';
import { parseWorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { currentOwner, type Owner } from '../../shared/store/owner.js';
import { isS3Uri } from '../../shared/store/s3-uri.js';
import { Stores, type StoreAccess } from '../../shared/store/stores.js';
import type { JobClient } from '../job-client.js';
import { executorEnvironment } from './executor-environment.js';
import { createPrivateStore, type PrivateStore } from './private-store.js';
import type { Started } from './started.js';

export interface EngineOptions {
  /** The current directory. */
  readonly directory: string;
  /** Of `--store`. */
  readonly folderUri: string | undefined;
  /** Executors; undefined: one for each core. */
  readonly workers: number | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** To stores that are no folders. */
  readonly access: StoreAccess;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Engine {
  readonly client: JobClient;
  readonly store: { readonly private: PrivateStore; submitted: boolean };
  readonly stores: Stores;
  /** Rejects when the coordinator or the worker cannot serve any more. */
  readonly lost: Promise<never>;
}

/** A part of the engine that ends by itself, told to whoever waits for the job. */
class Loss {
  readonly promise: Promise<never>;
  report: (error: unknown) => void = () => undefined;

  constructor() {
    this.promise = new Promise((_, reject) => (this.report = reject));
    this.promise.catch(() => undefined); // nobody may be waiting yet
  }
}

/** Executors come up longest, so they are started first; meanwhile gRPC is loaded and the coordinator takes its lease. */
export async function startEngine(options: EngineOptions, started: Started): Promise<Engine> {
  const { clock, log, directory, folderUri } = options;
  const owner = currentOwner();
  const stores = new Stores(options.access);
  started.add(() => stores.close());
  const place = createPrivateStore({ folderUri, directory, owner, clock, stores, random });
  const state = { private: place, submitted: false };
  started.add(() => place.end(state.submitted));
  const { startAgent, heapMegabytesFor, memoryHere } = await import('../../worker/agent.js');
  const token = randomBytes(32).toString('base64url');
  const lost = new Loss();
  const coordinating = startCoordinatorOn({ place, token, owner, stores }, options, lost.report);
  const slots = options.workers ?? Math.min(limits.slotsMax, availableParallelism());
  const agent = startAgent({
    coordinator: coordinating.then(({ address }) => address),
    token,
    worker: parseWorkerId('local'),
    slots,
    keepsSpares: false, // there will be no other job
    scratchDir: place.scratchDir,
    heapMegabytes: heapMegabytesFor(slots, memoryHere()),
    environment: executorEnvironment(options.environment),
    stores: () => stores,
    clock,
    random,
    log,
  });
  // Stopped in the opposite order: the coordinator hears how every attempt ended, and cleans up after it.
  started.add(() => coordinating.then((coordinator) => coordinator.close()));
  started.add(() => agent.stop());
  agent.lost.catch(lost.report);
  const { JobClient } = await import('../job-client.js');
  const { address } = await coordinating;
  const client = new JobClient({ address, token, clock });
  started.add(() => client.close());
  return { client, store: state, stores, lost: lost.promise };
}

interface Parts {
  readonly place: PrivateStore;
  readonly stores: Stores;
  readonly token: string;
  readonly owner: Owner;
}

async function startCoordinatorOn(
  { place, stores, token, owner }: Parts,
  { clock, log }: EngineOptions,
  onHalt: (error: unknown) => void,
): Promise<RunningCoordinator> {
  const { outputsIn, startCoordinator } = await import('../../coordinator/coordinator.js');
  const store = stores.open(place.uri);
  return startCoordinator({
    store,
    // Whoever looks is told at once. A folder that was made for this run alone has nothing to prove.
    ...(isS3Uri(place.uri) && { contact: { forMs: 0 } }),
    storeUri: place.uri,
    outputs: outputsIn(stores, clock),
    clock,
    random,
    owner,
    listen: '127.0.0.1:0',
    token,
    log,
    onHalt,
  });
}

function random(bytes: number): Uint8Array {
  return randomBytes(bytes);
}
