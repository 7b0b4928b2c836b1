/**
 * Durable state: what the journal says, and nothing else. One type per state of a job, each with only its own fields.
 * Only `evolve` writes it. Winners of map tasks are columns, a few bytes each; what has a seal is an object, because a
 * seal is.
 */
import type { Counts, Law } from '../../shared/counts.js';
import type { Failure } from '../../shared/errors.js';
import type { AttemptId, JobId, TaskId } from '../../shared/ids.js';
import type { Seal } from '../../shared/store/object-store.js';
import type { Claim, Inspected, PlanFacts, Step, SubmitRequest } from './records.js';
import type { CountColumns } from './count-columns.js';
import type { JobState } from './transition.js';

/** A durable event of a job's log: for watchers and the audit log. Its cursor is its place. */
export type LoggedEvent = { readonly index: number; readonly atMs: number } & (
  | { readonly type: 'state'; readonly from: JobState | undefined; readonly to: JobState; readonly reason: string }
  | {
      readonly type: 'attempt';
      readonly attempt: AttemptId;
      readonly worker: string;
      readonly won: boolean;
      readonly failure: Failure | undefined;
      readonly elapsedMs: number;
      readonly records: number;
      readonly bytes: number;
      /** Of its worker that it took; absent: one. */
      readonly slots?: number;
    }
  | { readonly type: 'notice'; readonly code: string; readonly message: string }
  | { readonly type: 'outcome' }
);

/** Where the inspect task left its result. */
export interface InspectionRef {
  readonly attempt: AttemptId;
  readonly key: string;
  readonly xxh64: bigint;
}

/** The winner of a task whose output is staged: a reduce task, or a map task of a map-only job. */
export interface SealedWinner {
  readonly attempt: AttemptId;
  readonly seal: Seal;
  readonly counts: Counts;
  /** What the footers of its sources promised; a map-only task has none. */
  readonly declared: { readonly sum: bigint; readonly records: number; readonly weight: number } | undefined;
}

/** Winners of map tasks that left shuffle objects, by task index. `n` 0: none yet. */
export interface MapWinners {
  readonly epoch: Float64Array;
  readonly n: Uint32Array;
  readonly digest: BigUint64Array;
  readonly bytes: Float64Array;
  /** The two hex digits in the key of its shuffle object. */
  readonly spread: Uint8Array;
  readonly counts: CountColumns;
  /** Times that its shuffle object was found unreadable. */
  readonly losses: Uint8Array;
}

/** What the tasks of a job have achieved. */
export interface Work {
  /** Undefined for a map-only job, whose map tasks are in `sealed`. */
  readonly maps: MapWinners | undefined;
  readonly mapsWon: number;
  /** Losses of map objects since the generation began: see `lost-maps.ts`. */
  readonly revision: number;
  /** Map tasks whose output was another when they ran again: each began a generation. */
  readonly differing: readonly number[];
  /** By part: reduce tasks, or the map tasks of a map-only job. */
  readonly sealed: readonly (SealedWinner | undefined)[];
  readonly sealedWon: number;
  /** Sums over winners. */
  readonly mapCounts: Counts;
  readonly sealedCounts: Counts;
}

interface JobBase {
  readonly id: JobId;
  readonly request: SubmitRequest;
  readonly submittedAtMs: number;
  readonly events: readonly LoggedEvent[];
  /** Index of the next event; older ones may have been dropped. */
  readonly eventsEnd: number;
  /** Failures that count, by task; tasks without one are absent. */
  readonly failures: ReadonlyMap<TaskId, number>;
  /** Faults of machines since the task's last failure of another kind, by task; tasks without one are absent. */
  readonly machineFaults: ReadonlyMap<TaskId, number>;
  /** Tasks whose executor has run out of memory: their next attempts take two slots. Absent: none. */
  readonly outgrown?: ReadonlySet<TaskId>;
  /** Attempts whose failure is journalled: a report that comes again changes nothing. */
  readonly failedAttempts: ReadonlySet<AttemptId>;
  readonly steps: ReadonlySet<Step>;
  /** When an attempt was last heard of after the job had been swept; absent: never. */
  readonly reopenedAtMs?: number;
}

export interface ValidatingJob extends JobBase {
  readonly state: 'validating';
  readonly inspection: InspectionRef | undefined;
  readonly inspected: Inspected | undefined;
  readonly claim: Claim | undefined;
  readonly plan: PlanFacts | undefined;
}

interface Planned {
  readonly inspected: Inspected;
  readonly claim: Claim;
  readonly plan: PlanFacts;
}

export interface QueuedJob extends JobBase, Planned {
  readonly state: 'queued';
}

export interface InProgressJob extends JobBase, Planned {
  readonly state: 'in_progress';
  readonly work: Work;
}

export interface CommittingJob extends JobBase, Planned {
  readonly state: 'committing';
  readonly work: Work;
  /** Parts that are visible. */
  readonly published: ReadonlySet<number>;
  /** Every part before it is published, or is left out; undefined in what an earlier release wrote: 0. */
  readonly publishedTo: number | undefined;
  /** A winner's staged output was gone: whatever its task's next winner counts is to be checked again. */
  readonly hasLostWinner: boolean;
  /** Its deadline has passed: parts without a winner are left out, and it ends as expired. */
  readonly isPartial: boolean;
}

/** What a job had come to when it ended. */
interface Ended {
  readonly endedAtMs: number;
  readonly reason: string;
  readonly failure: Failure | undefined;
  readonly inspected: Inspected | undefined;
  readonly plan: PlanFacts | undefined;
  readonly work: Work | undefined;
  /** Undefined when it never came to commit: then nothing of it was ever visible. */
  readonly published: ReadonlySet<number> | undefined;
}

/** Ended with its output published. A dry run has none. */
export interface CompletedJob extends JobBase, Ended {
  readonly state: 'completed' | 'partial_success';
}

/**
 * Ended without: whatever it had published or claimed is to be removed. Only a job that expired may have published the
 * parts that were finished, and these stay.
 */
export interface UnpublishedJob extends JobBase, Ended {
  readonly state: 'failed' | 'cancelled' | 'expired';
}

export interface ArchivedJob extends JobBase, Ended {
  readonly state: 'archived';
  readonly outcome: CompletedJob['state'] | UnpublishedJob['state'];
  /** What is still to be told of its tasks; of the tasks themselves nothing is left. */
  readonly kept: {
    readonly counts: Counts | undefined;
    readonly laws: readonly Law[];
    readonly failedAttempts: number;
  };
}

export type EndedJob = CompletedJob | UnpublishedJob | ArchivedJob;
export type Job = ValidatingJob | QueuedJob | InProgressJob | CommittingJob | EndedJob;

export interface DurableState {
  /** Of the last leader. */
  readonly epoch: number;
  readonly jobs: ReadonlyMap<JobId, Job>;
  readonly byRequest: ReadonlyMap<string, JobId>;
  /** Slots in which leaders began, ascending: a predecessor that comes back must find its next slot taken. */
  readonly fences: readonly number[];
  /** Remembered snapshots, ascending by slot, with when they were taken: slots grow old behind them. */
  readonly snapshots: readonly TakenSnapshot[];
  /** Slots up to it may have been deleted. */
  readonly collected: number;
}

export interface TakenSnapshot {
  readonly slot: number;
  readonly atMs: number;
}

export function emptyState(): DurableState {
  return { epoch: 0, jobs: new Map(), byRequest: new Map(), fences: [], snapshots: [], collected: 0 };
}

export function isEnded(job: Job): job is EndedJob {
  return 'endedAtMs' in job;
}

/** Whatever is running of it has come too late. */
export function needsNoAttempt(job: Job): boolean {
  return isEnded(job) || (job.state === 'committing' && job.isPartial);
}

/** True when readers find a result of it, whole or in part. */
export function hasResult(job: EndedJob): boolean {
  const outcome = outcomeOf(job);
  if (outcome === 'expired') return job.published !== undefined;
  return outcome === 'completed' || outcome === 'partial_success';
}

/** How it ended, also when it is archived. */
export function outcomeOf(job: EndedJob): ArchivedJob['outcome'] {
  return job.state === 'archived' ? job.outcome : job.state;
}

/** What is known of the result's place, in any state. */
export function inspectedOf(job: Job): Inspected | undefined {
  return job.inspected;
}

/** The tasks' achievements, in any state. */
export function workOf(job: Job): Work | undefined {
  return 'work' in job ? job.work : undefined;
}
