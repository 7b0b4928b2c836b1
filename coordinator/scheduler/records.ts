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
  /** The name of the token that it came with; absent: the coordinator's own, or an older journal. */
  readonly by?: string;
}

/** What the inspection says that the scheduler needs; the rest stays in the store. */
export interface Inspected {
  readonly name: string;
  readonly kind: 'reduce' | 'map-only';
  readonly format: SinkFormat;
  /** Absolute URI of the output prefix. */
  readonly output: string;
  /** From its submission on; absent: the job has none. */
  readonly deadlineMs?: number;
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
  | 'shuffle-swept'
  /** Whatever was written for the job has landed by now: it is swept once more. */
  | 'late-sweep-due'
  | 'late-swept'
  // of an archived job
  | 'job-swept'
  | 'bundle-swept'
  /** Its evidence is to go next. */
  | 'forgotten'
  /** The last of a job: after it there is no such job. */
  | 'evidence-swept';

interface AboutJob {
  readonly job: JobId;
  /** Wall clock: for people, for deadlines, and for how long things are kept. */
  readonly atMs: number;
}

interface AboutAttempt extends AboutJob {
  readonly attempt: AttemptId;
  readonly worker: string;
  readonly elapsedMs: number;
  /** Of the worker that it took; absent: one. */
  readonly slots?: number;
}

export type JournalRecord =
  | {
      readonly type: 'leader-elected';
      readonly epoch: number;
      readonly atMs: number;
      readonly host: string;
      /** The slot it is in; what earlier releases wrote does not say. */
      readonly slot?: number;
    }
  /** A snapshot of the state up to `slot` is in the store. */
  | {
      readonly type: 'snapshot-taken';
      readonly slot: number;
      readonly atMs: number;
      /** An earlier one that need not be remembered any more. */
      readonly replaces: number | undefined;
    }
  /** Slots up to it may be deleted from now on: nobody reads them again. */
  | { readonly type: 'journal-collected'; readonly slot: number; readonly atMs: number }
  | (AboutJob & { readonly type: 'job-submitted'; readonly request: SubmitRequest })
  | (AboutJob & { readonly type: 'job-inspected'; readonly inspected: Inspected })
  | (AboutJob & { readonly type: 'output-claimed'; readonly claim: Claim })
  | (AboutJob & { readonly type: 'job-planned'; readonly plan: PlanFacts })
  | (AboutAttempt & { readonly type: 'task-won'; readonly result: WonResult })
  | (AboutAttempt & { readonly type: 'attempt-failed'; readonly failure: Failure })
  /** The staged output of a winner is gone before it was published: its task runs again. */
  | (AboutJob & { readonly type: 'winner-lost'; readonly attempt: AttemptId })
  /** The shuffle object of a winner cannot be read, says `reader`: the map task runs again. */
  | (AboutJob & {
      readonly type: 'map-lost';
      readonly attempt: AttemptId;
      readonly reader: AttemptId;
      readonly reason: string;
    })
  | (AboutJob & { readonly type: 'part-published'; readonly part: number })
  | (AboutJob & { readonly type: 'step-done'; readonly step: Step })
  /** An attempt that was given up came back after its job had been cleaned up: what it wrote is to be cleaned up too. */
  | (AboutJob & { readonly type: 'sweep-reopened'; readonly attempt: AttemptId })
  | (AboutJob & {
      readonly type: 'job-moved';
      readonly to: JobState;
      readonly reason: string;
      readonly failure: Failure | undefined;
      /** To `committing` only: what is finished is published, and the job ends as expired. */
      readonly isPartial?: boolean;
    })
  | (AboutJob & { readonly type: 'noticed'; readonly code: string; readonly message: string });
