/** What coordinator and workers say to each other, as the code sees it. `shared/wire` converts to and from protobuf. */
import type { Counts } from './counts.js';
import type { Failure } from './errors.js';
import type { AttemptId, JobId, TaskKind, WorkerId } from './ids.js';
import type { Seal } from './store/object-store.js';

export interface InspectSpec {
  /** Values parsed from JSON. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Instead of the definition's, when not empty. */
  readonly inputs: readonly string[];
  /** Instead of the definition's. */
  readonly output: string | undefined;
  /** The client's directory as `file:` URI with a final slash: relative URIs resolve against it. */
  readonly baseUri: string;
  readonly limitRecords: number | undefined;
}

export interface Assignment {
  readonly job: JobId;
  readonly attempt: AttemptId;
  readonly kind: TaskKind;
  readonly index: number;
  /** Of the map stage's manifest; reduce only, else 0. */
  readonly generation: number;
  /** Of that manifest within its generation; reduce only, else 0. */
  readonly revision: number;
  /** The bundle's sha256. */
  readonly codeVersion: string;
  /** Inspect only. */
  readonly inspect: InspectSpec | undefined;
  /** Reduce only: partitions that the worker is given one after the other, this one among them; it may read them together. */
  readonly together: PartitionRange | undefined;
  /** Slots of the worker that the attempt takes, and with them their share of its memory; absent: 1. */
  readonly slots?: number;
  /** Map only: an attempt of the task has failed, so this one says at which record it is. Absent: it need not. */
  readonly isCareful?: boolean;
}

/** Partitions `[first, end)`. */
export interface PartitionRange {
  readonly first: number;
  readonly end: number;
}

export type TaskResult =
  | { readonly kind: 'inspect'; readonly key: string; readonly xxh64: bigint }
  | {
      readonly kind: 'map';
      /** The shuffle object; empty for a map-only job, which has a seal instead. */
      readonly key: string;
      /** xxh64 of the object's index. */
      readonly digest: bigint;
      readonly bytes: number;
      readonly counts: Counts;
      readonly seal: Seal | undefined;
    }
  | {
      readonly kind: 'reduce';
      /** Of the manifest that it read; absent in what was stored before there were others: 0. */
      readonly generation?: number | undefined;
      readonly counts: Counts;
      readonly seal: Seal;
      /** What the footers promised for this partition. */
      readonly declaredSum: bigint;
      readonly declaredRecords: number;
      readonly declaredWeight: number;
    }
  | { readonly kind: 'failure'; readonly failure: Failure };

export interface TaskReport {
  readonly job: JobId;
  readonly attempt: AttemptId;
  readonly elapsedMs: number;
  readonly result: TaskResult;
}

export interface TaskProgress {
  readonly job: JobId;
  readonly attempt: AttemptId;
  readonly records: number;
  readonly bytes: number;
  /** Of its work, in [0, 1]; absent or 0 while it is not known. */
  readonly share?: number;
}

export interface Registration {
  readonly protocolVersion: number;
  readonly worker: WorkerId;
  readonly incarnation: string;
  readonly slots: number;
  /** Of those, how many are free and have an executor that is not up yet; absent: none. */
  readonly startingSlots?: number;
  readonly host: string;
  readonly nodeVersion: string;
  /** Attempts still running, after a broken stream. */
  readonly running: readonly RunningRef[];
}

/** Empty lists and absent fields say nothing. */
export interface WorkerMessage {
  readonly register?: Registration;
  readonly renewLease?: boolean;
  readonly reports?: readonly TaskReport[];
  readonly progress?: readonly TaskProgress[];
  readonly draining?: boolean;
  /** As in the registration; told when it changes. */
  readonly startingSlots?: number;
}

/** Where objects of `s3:` URIs are: an address, and no keys. */
export interface S3Server {
  /** `http(s)://host:port`. */
  readonly endpoint: string;
  readonly region: string;
}

export interface Registered {
  readonly protocolVersion: number;
  readonly epoch: number;
  readonly storeUri: string;
  readonly leaseRenewMs: number;
  readonly leaseDeadMs: number;
  /** Absent: the coordinator names none. */
  readonly s3?: S3Server | undefined;
}

export interface AttemptRef {
  readonly job: JobId;
  readonly attempt: AttemptId;
}

export interface RunningRef extends AttemptRef {
  /** Slots that it takes; absent: 1. */
  readonly slots?: number;
}

export interface CoordinatorMessage {
  readonly registered?: Registered;
  readonly assign?: readonly Assignment[];
  readonly cancel?: readonly AttemptRef[];
  readonly acknowledge?: readonly AttemptRef[];
  /** The answer to `draining`: assignments before it were on their way, and none comes after it. */
  readonly drain?: boolean;
  readonly endedJobs?: readonly JobId[];
}
