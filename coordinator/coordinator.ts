/** A coordinator as a service: the core behind gRPC, on a store and an address. A composition root calls `startCoordinator`. */
import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.js';
import type { ServerTls } from '../shared/config/tls.js';
import type { GristmillError } from '../shared/errors.js';
import { claimOutput, releaseClaim } from '../shared/formats/output-claim.js';
import type { RunningHttp } from '../shared/http/server.js';
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
import type { Observed } from './http/observed.js';
import { Leading } from './leading.js';
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
  /** gRPC health and reflection are served too, as for a coordinator that others find and watch. */
  readonly isDiscoverable?: boolean;
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
  // gRPC would say it in words of its own, on standard error.
  await refuseOccupied(listen);
  const watched = http === undefined ? undefined : await observe(plain.store, plain.outputs, clock);
  const { store, outputs } = watched ?? plain;
  const observing = watched && { observer: watched.observer };
  const leading = new Leading();
  const { isDiscoverable = false, onHalt } = options;
  // Both ports from the start: a leader that could not be reached would only have fenced the one that can, and one that
  // waits, or replays for long, is not a coordinator that hangs.
  const server = await serve({ leading, store, clock, log, listen, guard, tls, isDiscoverable });
  let port: RunningHttp | undefined;
  let core: Coordinator;
  try {
    port = http === undefined ? undefined : await watched?.serve(http, () => leading.phase, { guard, tls });
    core = await lead();
  } catch (thrown) {
    await port?.close();
    await server.close();
    throw thrown;
  }
  leading.is(core);
  server.serving(true);
  log.info({ address: server.address, http: port?.address, epoch: core.epoch }, 'the coordinator leads');
  return {
    address: server.address,
    httpAddress: port?.address,
    epoch: core.epoch,
    async close() {
      server.serving(false);
      await core.close(limits.closeMsMax);
      await server.close();
      await port?.close();
    },
  };

  async function lead(): Promise<Coordinator> {
    if (options.contact) {
      const onWaiting = (reason: string) => leading.is({ waitsFor: reason });
      await contactStore(plain.store, { ...options.contact, clock, random: options.random, log, onWaiting });
      leading.is('replaying');
    }
    const halting = (error: GristmillError) => {
      server.serving(false);
      onHalt?.(error);
    };
    const given = { ...rest, store, outputs, ...observing, ...(dataRoots && { dataRoots }), onHalt: halting };
    return Coordinator.start(given);
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
