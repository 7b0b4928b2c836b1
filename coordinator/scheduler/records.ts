/**
 * What the journal is made of. A record says what is so from now on; `evolve` applies it, in the leader as in replay.
 * Plain data: strings, numbers, booleans, bigints and nothing else inside.
 */
import type { Failure } from '../../shared/errors.js';
import type { AttemptId, JobId } from '../../shared/ids.js';
import type { SinkFormat } from '../../shared/plan.js';
import type { TaskResult } from '../../shared/protocol.js';
import type { JobState } from './transition.js';

/** A submission as it is kept: what the client asked for, nothing resolved. */
export interface SubmitRequest {
  readonly requestId: string;
  readonly name: string;
  /** The bundle's sha256. */
  readonly codeVersion: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
  readonly output: string | undefined;
  readonly baseUri: string;
  readonly overwrite: boolean;
  readonly limitRecords: number | undefined;
  /** Plan only: claims and runs nothing. */
  readonly dryRun: boolean;
  /** Its share of slots among other jobs; absent in older journals: 1. */
  readonly weight?: number;
}

/** What the inspection says that the scheduler needs; the rest stays in the store. */
export interface Inspected {
  readonly name: string;
  readonly kind: 'reduce' | 'map-only';
  readonly format: SinkFormat;
  /** Absolute URI of the output prefix. */
  readonly output: string;
  /** Slow attempts may get a backup; absent in older journals: they may not. */
  readonly speculate?: boolean;
}

export interface Claim {
  readonly replaces: readonly string[];
  /** Whose dead claim was taken over, in a sentence. */
  readonly tookOver: string | undefined;
}

/** The sizes of the frozen plan; the plan itself is an object in the store. */
export interface PlanFacts {
  readonly mapTasks: number;
  readonly partitions: number;
  readonly inputs: number;
  readonly inputBytes: number;
}

export type WonResult = Exclude<TaskResult, { readonly kind: 'failure' }>;

/** Effects that are done once per job. Their order is in `effects.ts`. */
export type Step =
  | 'stage-manifest'
  | 'replaced-removed'
  | 'audit-published'
  | 'manifest-written'
  | 'success-written'
  | 'published-removed'
  | 'staged-discarded'
  | 'claim-released'
  | 'audit-kept'
  | 'shuffle-swept';

interface AboutJob {
  readonly job: JobId;
  /** Wall clock, for people. */
  readonly atMs: number;
}

interface AboutAttempt extends AboutJob {
  readonly attempt: AttemptId;
  readonly worker: string;
  readonly elapsedMs: number;
}

export type JournalRecord =
  | { readonly type: 'leader-elected'; readonly epoch: number; readonly atMs: number; readonly host: string }
  | (AboutJob & { readonly type: 'job-submitted'; readonly request: SubmitRequest })
  | (AboutJob & { readonly type: 'job-inspected'; readonly inspected: Inspected })
  | (AboutJob & { readonly type: 'output-claimed'; readonly claim: Claim })
  | (AboutJob & { readonly type: 'job-planned'; readonly plan: PlanFacts })
  | (AboutAttempt & { readonly type: 'task-won'; readonly result: WonResult })
  | (AboutAttempt & { readonly type: 'attempt-failed'; readonly failure: Failure })
  /** The staged output of a winner is gone before it was published: its task runs again. */
  | (AboutJob & { readonly type: 'winner-lost'; readonly attempt: AttemptId })
  | (AboutJob & { readonly type: 'part-published'; readonly part: number })
  | (AboutJob & { readonly type: 'step-done'; readonly step: Step })
  | (AboutJob & {
      readonly type: 'job-moved';
      readonly to: JobState;
      readonly reason: string;
      readonly failure: Failure | undefined;
    })
  | (AboutJob & { readonly type: 'noticed'; readonly code: string; readonly message: string });
