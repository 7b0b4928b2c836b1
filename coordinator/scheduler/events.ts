/** What the scheduler is told, and what it orders. */
import type { ErrorCode, Failure, GristmillError } from '../../shared/errors.js';
import type { AttemptId, JobId } from '../../shared/ids.js';
import type { CoordinatorMessage, Registration, WorkerMessage } from '../../shared/protocol.js';
import type { Effect } from './effects.js';
import type { Claim, Inspected, JournalRecord, PlanFacts, SubmitRequest } from './records.js';

/** One stream of a worker, numbered by the runtime; a worker that re-attaches has a new one. */
export type SessionNumber = number;
/** A client's call that waits for its answer, numbered by the runtime. */
export type CallNumber = number;

export interface Now {
  /** For leases and waits; never goes back. */
  readonly monotonicMs: number;
  /** For people, for deadlines, and for how long things are kept. */
  readonly wallMs: number;
}

export type EffectResult =
  | { readonly kind: 'done' }
  | { readonly kind: 'inspected'; readonly inspected: Inspected }
  | { readonly kind: 'claimed'; readonly claim: Claim }
  | { readonly kind: 'planned'; readonly plan: PlanFacts; readonly notices: readonly string[] }
  /** The job went on otherwise before the effect was done. */
  | { readonly kind: 'dropped' }
  /** The staged bytes of this winner are gone. */
  | { readonly kind: 'staged-missing'; readonly attempt: AttemptId }
  /** Only cleaning up may end so: it was tried, it cannot be done, and the job goes on. */
  | { readonly kind: 'given-up'; readonly failure: Failure }
  | { readonly kind: 'failed'; readonly failure: Failure };

export type SchedulerEvent =
  | {
      readonly type: 'submit';
      readonly call: CallNumber;
      /** A fresh id, used when the request is new. */
      readonly job: JobId;
      readonly request: SubmitRequest;
    }
  | { readonly type: 'cancel'; readonly call: CallNumber; readonly job: JobId; readonly reason: string }
  | { readonly type: 'session-opened'; readonly session: SessionNumber; readonly registration: Registration }
  | {
      readonly type: 'worker-message';
      readonly session: SessionNumber;
      readonly message: WorkerMessage;
      /** In [0, 1): spreads retries. */
      readonly random: number;
    }
  | { readonly type: 'session-closed'; readonly session: SessionNumber }
  | { readonly type: 'effect-ended'; readonly job: JobId; readonly effect: Effect; readonly result: EffectResult }
  /** A snapshot of the state up to the slot is in the store. */
  | { readonly type: 'snapshot-taken'; readonly slot: number }
  | { readonly type: 'tick' }
  /** Whatever follows from the state as it is now: transitions, then assignments. */
  | { readonly type: 'advance' };

export type Command =
  | { readonly type: 'send'; readonly session: SessionNumber; readonly message: CoordinatorMessage }
  /** `refusal`: the worker is told that it is of no use, and why. */
  | { readonly type: 'close-session'; readonly session: SessionNumber; readonly refusal?: GristmillError }
  | { readonly type: 'answer'; readonly call: CallNumber; readonly job: JobId; readonly existed: boolean }
  | { readonly type: 'refuse'; readonly call: CallNumber; readonly code: ErrorCode; readonly message: string }
  /** Deletes slots up to one, but fences, and snapshots that are neither listed nor among the newest two. */
  | {
      readonly type: 'collect-journal';
      readonly upTo: number;
      readonly fences: readonly number[];
      readonly snapshots: readonly number[];
    }
  /** The job's durable events before `end` may be shown. */
  | { readonly type: 'show-events'; readonly job: JobId; readonly end: number };

export interface Decision {
  readonly records: readonly JournalRecord[];
  /** Carried out once every record before them is durable. */
  readonly commands: readonly Command[];
}
