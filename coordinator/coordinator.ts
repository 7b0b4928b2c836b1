/** A coordinator as a service: the core behind gRPC, on a store and an address. A composition root calls `startCoordinator`. */
import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.js';
import type { GristmillError } from '../shared/errors.js';
import { claimOutput, releaseClaim } from '../shared/formats/output-claim.js';
import { limits } from '../shared/limits.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { locate } from '../shared/store/open.js';
import type { Owner } from '../shared/store/owner.js';
import { Coordinator } from './core.js';
import { openDataRoots } from './data-roots.js';
import { refuseOccupied } from './grpc/port.js';
import { serve } from './grpc/server.js';
import type { Outputs } from './outputs.js';
import type { Retention } from './scheduler/retention.js';

export interface CoordinatorOptions {
  readonly store: ObjectStore;
  /** What workers open: the URI of `store`. */
  readonly storeUri: string;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  /** Where results go; by default the file system, by `file:` URI. */
  readonly outputs?: Outputs;
  readonly owner: Owner;
  /** How long what is over is kept; by default as suits a store that serves one job. */
  readonly retention?: Retention;
  /** A worker that has not renewed for so long is dead. */
  readonly leaseMs?: number;
  /** Folders below which jobs may read and write; absent: everywhere. */
  readonly dataRoots?: readonly string[];
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  readonly token: string;
  readonly log: Logger;
  /** It no longer leads: nothing works any more. */
  readonly onHalt?: (error: GristmillError) => void;
}

export interface RunningCoordinator {
  /** `host:port` as bound. */
  readonly address: string;
  readonly epoch: number;
  /** Lets the cleaning up of ended jobs end, then stops; resolves when nothing is open any more. */
  close(): Promise<void>;
}

export async function startCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { clock, store, log, listen, token } = options;
  const outputs = options.outputs ?? fileOutputs(clock);
  const { dataRoots: roots, ...rest } = options;
  const dataRoots = roots && openDataRoots(roots, options.storeUri);
  // A leader that could not be reached would only have fenced the one that can.
  await refuseOccupied(listen);
  const core = await Coordinator.start({ ...rest, outputs, ...(dataRoots && { dataRoots }) });
  const server = await serve({ core, store, clock, log, listen, token }).catch(async (thrown: unknown) => {
    await core.close();
    throw thrown;
  });
  log.info({ address: server.address, epoch: core.epoch }, 'the coordinator leads');
  return {
    address: server.address,
    epoch: core.epoch,
    async close() {
      await core.close(limits.closeMsMax);
      await server.close();
    },
  };
}

/** Outputs by absolute `file:` URI. */
export function fileOutputs(clock: Clock): Outputs {
  return {
    async claim(request) {
      const { replaces, tookOver } = await claimOutput({ ...request, clock });
      return { replaces, tookOver };
    },
    release: (request) => releaseClaim(request),
    storeFor(output) {
      const { store, key } = locate(output);
      return { store, prefix: `${key}/` };
    },
  };
}
