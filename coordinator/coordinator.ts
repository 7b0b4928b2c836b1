/** A coordinator as a service: the core behind gRPC, on a store and an address. A composition root calls `startCoordinator`. */
import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.js';
import type { ServerTls } from '../shared/config/tls.js';
import type { GristmillError } from '../shared/errors.js';
import { claimOutput, releaseClaim } from '../shared/formats/output-claim.js';
import { limits } from '../shared/limits.js';
import { refuseOccupied } from '../shared/listening.js';
import type { S3Server } from '../shared/protocol.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import type { Owner } from '../shared/store/owner.js';
import type { Locator } from '../shared/store/stores.js';
import { AccessGuard, type Grants } from './access/guard.js';
import { Coordinator } from './core.js';
import { openDataRoots } from './data-roots.js';
import { contactStore, type FirstContact } from './first-contact.js';
import { serve } from './grpc/server.js';
import type { Observed, Phase } from './http/observed.js';
import type { Outputs } from './outputs.js';
import type { Retention } from './scheduler/retention.js';

export interface CoordinatorOptions {
  readonly store: ObjectStore;
  /** The store is waited for, prepared and probed first; absent: it was made for this coordinator and has nothing to prove. */
  readonly contact?: FirstContact;
  /** What workers open: the URI of `store`. */
  readonly storeUri: string;
  /** Told to workers that name no S3 server of their own. */
  readonly s3?: S3Server | undefined;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** Where results go: see `outputsIn`. */
  readonly outputs: Outputs;
  readonly owner: Owner;
  /** How long what is over is kept; by default as suits a store that serves one job. */
  readonly retention?: Retention;
  /** A worker that has not renewed for so long is dead. */
  readonly leaseMs?: number;
  /** Folders below which jobs may read and write; absent: everywhere. */
  readonly dataRoots?: readonly string[];
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  /** `host:port` of `/metrics` and `/healthz`; absent: nothing is counted and nothing listens. */
  readonly http?: string | undefined;
  readonly token: string;
  /** Further tokens, as they are now. */
  readonly grants?: Grants | undefined;
  /** Of both ports; absent: nothing is encrypted. */
  readonly tls?: ServerTls | undefined;
  readonly log: Logger;
  /** It no longer leads: nothing works any more. */
  readonly onHalt?: (error: GristmillError) => void;
}

export interface RunningCoordinator {
  /** `host:port` as bound. */
  readonly address: string;
  /** Of `/metrics` and `/healthz`, as bound. */
  readonly httpAddress: string | undefined;
  readonly epoch: number;
  /** Lets the cleaning up of ended jobs end, then stops; resolves when nothing is open any more. */
  close(): Promise<void>;
}

export async function startCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { clock, log, listen, token, grants, tls, http } = options;
  const guard = new AccessGuard(token, grants);
  const plain = { store: options.store, outputs: options.outputs };
  const { dataRoots: roots, ...rest } = options;
  const dataRoots = roots && openDataRoots(roots, options.storeUri);
  // A leader that could not be reached would only have fenced the one that can.
  await refuseOccupied(listen);
  const watched = http === undefined ? undefined : await observe(plain.store, plain.outputs, clock);
  const { store, outputs } = watched ?? plain;
  const observing = watched && { observer: watched.observer };
  const phase: { now: Phase } = { now: 'replaying' };
  // From the start: one that waits, or replays for long, is not a coordinator that hangs.
  const port = http === undefined ? undefined : await watched?.serve(http, () => phase.now, { guard, tls });
  const core = await lead().catch(async (thrown: unknown) => {
    await port?.close();
    throw thrown;
  });
  phase.now = core;
  const server = await serve({ core, store, clock, log, listen, guard, tls }).catch(async (thrown: unknown) => {
    await port?.close();
    await core.close();
    throw thrown;
  });
  log.info({ address: server.address, http: port?.address, epoch: core.epoch }, 'the coordinator leads');
  return {
    address: server.address,
    httpAddress: port?.address,
    epoch: core.epoch,
    async close() {
      await core.close(limits.closeMsMax);
      await server.close();
      await port?.close();
    },
  };

  async function lead(): Promise<Coordinator> {
    if (options.contact) {
      const onWaiting = (reason: string) => (phase.now = { waitsFor: reason });
      await contactStore(plain.store, { ...options.contact, clock, random: options.random, log, onWaiting });
      phase.now = 'replaying';
    }
    return Coordinator.start({ ...rest, store, outputs, ...observing, ...(dataRoots && { dataRoots }) });
  }
}

/** What counts is loaded only where somebody asks for it: a run of one job starts without. */
async function observe(store: ObjectStore, outputs: Outputs, clock: Clock): Promise<Observed> {
  const { observed } = await import('./http/observed.js');
  return observed(store, outputs, clock);
}

/** Outputs by absolute URI. */
export function outputsIn(stores: Locator, clock: Clock): Outputs {
  return {
    async claim(request) {
      const { replaces, tookOver } = await claimOutput({ ...request, place: stores.locate(request.output), clock });
      return { replaces, tookOver };
    },
    release: ({ output, job }) => releaseClaim({ job, place: stores.locate(output) }),
    storeFor(output) {
      const { store, key } = stores.locate(output);
      return { store, prefix: `${key}/` };
    },
  };
}
