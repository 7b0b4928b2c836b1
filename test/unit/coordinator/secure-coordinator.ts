/** A coordinator over TLS with further tokens, and those who call it: with a certificate or without. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { pino } from 'pino';
import { JobClient } from '../../../client/job-client.js';
import { outputsIn, startCoordinator, type RunningCoordinator } from '../../../coordinator/coordinator.js';
import type { Grants } from '../../../coordinator/access/guard.js';
import { tokenDigest, type Grant, type Role } from '../../../shared/access.js';
import { systemClock } from '../../../shared/clock.js';
import { authorityOf, type KeyPair } from '../../../shared/config/certificates.js';
import type { ClientTls, ServerContext, ServerTls } from '../../../shared/config/tls.js';
import { parseWorkerId } from '../../../shared/ids.js';
import { PROTOCOL_VERSION } from '../../../shared/limits.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { Stores } from '../../../shared/store/stores.js';
import { coordinatorMessageFromWire, workerMessageToWire } from '../../../shared/wire/convert.js';
import { channelTo } from '../../../shared/wire/credentials.js';
import { WorkerService } from '../../../shared/wire/load.js';
import type { Certificate } from '../../harness/certificates.js';
import { owner, random } from './miniature-cluster.js';

export const OWN_TOKEN = 'the-coordinators-own';

function pairOf({ cert, key }: Certificate): KeyPair {
  return { cert: Buffer.from(cert), key: Buffer.from(key), validToMs: 0, commonName: undefined };
}

/** What a client is made with that trusts the authority; it shows a certificate if it has one. */
export function trusting(ca: string, shown?: Certificate): ClientTls {
  const context = { ca: authorityOf(Buffer.from(ca), 'ca'), pair: shown && pairOf(shown) };
  return { current: () => context };
}

/** Of a server whose certificate a test replaces. */
export class TestServerTls implements ServerTls {
  context: ServerContext;
  readonly isMutual: boolean;
  readonly #listeners: ((context: ServerContext) => void)[] = [];

  constructor(certificate: Certificate, clientCa?: string) {
    this.context = { ...pairOf(certificate), ca: clientCa === undefined ? undefined : Buffer.from(clientCa) };
    this.isMutual = clientCa !== undefined;
  }

  replace(certificate: Certificate, clientCa?: string): void {
    this.context = { ...pairOf(certificate), ca: clientCa === undefined ? this.context.ca : Buffer.from(clientCa) };
    for (const listener of this.#listeners) listener(this.context);
  }

  onChange(listener: (context: ServerContext) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#listeners.length = 0;
  }
}

/** How a worker's session begins: with the name it is registered by, or the refusal. */
export interface Session {
  readonly begun: Promise<'registered' | ServiceError>;
  readonly broken: Promise<ServiceError>;
  /** Another one over the same connection. */
  again(): Session;
  close(): void;
}

export class SecureCoordinator {
  readonly folder = mkdtempSync(join(tmpdir(), 'gristmill-secure-'));
  readonly stores = new Stores();
  readonly store: ObjectStore = this.stores.open(join(this.folder, 'store'));
  grants: readonly Grant[] = [];
  /** So much later it is for the coordinator. */
  aheadMs = 0;
  readonly #listeners: (() => void)[] = [];
  readonly granting: Grants;
  readonly #closers: (() => void)[] = [];
  #running: RunningCoordinator | undefined;

  private constructor() {
    const current = () => this.grants;
    this.granting = {
      get current() {
        return current();
      },
      onChange: (listener) => void this.#listeners.push(listener),
    };
  }

  static async start(tls?: ServerTls): Promise<SecureCoordinator> {
    const made = new SecureCoordinator();
    made.#running = await startCoordinator({
      store: made.store,
      storeUri: made.store.uri,
      outputs: outputsIn(made.stores, systemClock),
      clock: { ...systemClock, now: () => systemClock.now() + made.aheadMs },
      random,
      owner,
      listen: '127.0.0.1:0',
      token: OWN_TOKEN,
      grants: made.granting,
      tls,
      log: pino({ level: 'silent' }),
    });
    return made;
  }

  get address(): string {
    return this.#running?.address ?? '';
  }

  /** A new token of that role; its name is its text. */
  grant(role: Role, name: string): string {
    this.grants = [...this.grants, { role, name, sha256: tokenDigest(name) }];
    return name;
  }

  client(token: string, tls?: ClientTls, address = this.address): JobClient {
    const client = new JobClient({ address, token, tls });
    this.#closers.push(() => client.close());
    return client;
  }

  /** Takes the token of that name back. */
  revoke(name: string): void {
    this.grants = this.grants.filter((grant) => grant.name !== name);
    for (const listener of this.#listeners) listener();
  }

  /** A worker that says it is `worker`. */
  session(worker: string, token: string, tls?: ClientTls): Session {
    const { credentials, options } = channelTo(this.address, tls?.current());
    return this.#sessionOver(new WorkerService(this.address, credentials, options), worker, token);
  }

  #sessionOver(stub: InstanceType<typeof WorkerService>, worker: string, token: string): Session {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    const stream = stub.session(metadata);
    const broken = new Promise<ServiceError>((resolve) => stream.on('error', resolve));
    const registered = new Promise<'registered'>((resolve) => {
      stream.on('data', (wire: Parameters<typeof coordinatorMessageFromWire>[0]) => {
        if (coordinatorMessageFromWire(wire).registered) resolve('registered');
      });
    });
    const names = { worker: parseWorkerId(worker), incarnation: `${worker}-1`, host: 'h', nodeVersion: 'v' };
    stream.write(
      workerMessageToWire({ register: { ...names, protocolVersion: PROTOCOL_VERSION, slots: 1, running: [] } }),
    );
    const close = () => {
      stream.cancel();
      stub.close();
    };
    this.#closers.push(close);
    const again = () => this.#sessionOver(stub, worker, token);
    return { begun: Promise.race([registered, broken]), broken, again, close };
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) close();
    await this.#running?.close();
    await this.stores.close();
    rmSync(this.folder, { recursive: true });
  }
}
