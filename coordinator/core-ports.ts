/** What a coordinator is started with, and the ways between it and those who call it. */
import type { Logger } from 'pino';
import type { Clock } from '../shared/clock.js';
import type { GristmillError } from '../shared/errors.js';
import type { JobId } from '../shared/ids.js';
import type { CoordinatorMessage, S3Server, WorkerMessage } from '../shared/protocol.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import type { Owner } from '../shared/store/owner.js';
import type { DataRoots } from './data-roots.js';
import type { Observer } from './observer.js';
import type { Outputs } from './outputs.js';
import type { SinceSnapshot } from './replay.js';
import type { Retention } from './scheduler/retention.js';

export interface CoreOptions {
  readonly store: ObjectStore;
  /** What workers open. */
  readonly storeUri: string;
  /** Told to workers that name no S3 server of their own. */
  readonly s3?: S3Server | undefined;
  readonly outputs: Outputs;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly owner: Owner;
  /** A worker that has not renewed for so long is dead. */
  readonly leaseMs?: number;
  /** Which files jobs may use; absent: every one. */
  readonly dataRoots?: DataRoots;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** How long what is over is kept; by default as suits a store that serves one job. */
  readonly retention?: Retention;
  /** A snapshot is taken after so many slots, or bytes of slots; by default as the limits say. */
  readonly snapshotEvery?: SinceSnapshot;
  /** Is told what happens. */
  readonly observer?: Observer;
  /** It no longer leads, or its journal is broken: nothing works any more. */
  readonly onHalt?: (error: GristmillError) => void;
}

/** The way to a worker. */
export interface SessionPort {
  send(message: CoordinatorMessage): void;
  close(error?: GristmillError): void;
}

/** The way from a worker. */
export interface Session {
  receive(message: WorkerMessage): void;
  closed(): void;
}

export interface Submitted {
  readonly job: JobId;
  readonly existed: boolean;
}
