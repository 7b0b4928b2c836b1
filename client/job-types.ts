/** Jobs as a client sees them: plain data, 64-bit counts as exact numbers. */
import type { Counts } from '../shared/counts.js';
import type { Failure } from '../shared/errors.js';
import type { JobId } from '../shared/ids.js';

export type JobState =
  | 'validating'
  | 'queued'
  | 'in_progress'
  | 'committing'
  | 'completed'
  | 'partial_success'
  | 'failed'
  | 'expired'
  | 'cancelled'
  | 'archived';

export interface SubmitRequest {
  /** Made by the client: the same id answers with the same job. */
  readonly requestId: string;
  readonly name: string;
  /** The bundle's sha256. */
  readonly codeVersion: string;
  readonly params?: Readonly<Record<string, unknown>>;
  /** Instead of the definition's, when not empty. */
  readonly inputs?: readonly string[];
  /** Instead of the definition's. */
  readonly output?: string | undefined;
  /** The client's directory as `file:` URI with a final slash. */
  readonly baseUri: string;
  readonly overwrite?: boolean;
  readonly limitRecords?: number | undefined;
  readonly dryRun?: boolean;
  /** Its share of slots among other jobs, 1 to 100; 1 when it is not given. */
  readonly weight?: number | undefined;
}

export interface SubmittedJob {
  readonly job: JobId;
  readonly existed: boolean;
}

export interface StageProgress {
  readonly stage: string;
  readonly tasks: number;
  readonly tasksDone: number;
  readonly tasksRunning: number;
  /** Of winning and running attempts. */
  readonly records: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface Job {
  readonly job: JobId;
  readonly name: string;
  readonly state: JobState;
  /** How it ended, also once it is archived; undefined while it has not. */
  readonly outcome: JobState | undefined;
  /** Why it waits or why it ended. */
  readonly reason: string;
  readonly submittedAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly output: string;
  readonly stages: readonly StageProgress[];
  readonly counts: Counts;
  readonly failure: Failure | undefined;
  readonly codeVersion: string;
  readonly partitions: number;
  readonly failedAttempts: number;
  /** URIs, once published. */
  readonly parts: readonly string[];
  /** The conservation laws with their figures, a line each. */
  readonly balance: string;
  /** What a person should know of a result that is right all the same. */
  readonly warnings: readonly string[];
}

interface EventHead {
  /** Grows with every event of a job; a watch resumes after it. */
  readonly cursor: number;
  readonly atMs: number;
}

export type JobEvent =
  | (EventHead & {
      readonly type: 'state';
      readonly from: JobState | undefined;
      readonly to: JobState;
      readonly reason: string;
    })
  | (EventHead & { readonly type: 'progress'; readonly progress: StageProgress })
  | (EventHead & {
      readonly type: 'attempt';
      readonly attempt: string;
      readonly worker: string;
      readonly won: boolean;
      readonly failure: Failure | undefined;
      /** Of its worker that it took; absent: one. */
      readonly slots?: number;
    })
  | (EventHead & { readonly type: 'notice'; readonly code: string; readonly message: string })
  /** The last event of every job. */
  | (EventHead & { readonly type: 'outcome'; readonly outcome: Job });

export interface LogChunk {
  readonly attempt: string;
  readonly text: string;
}

export interface LogOptions {
  /** Only of this attempt. */
  readonly attempt?: string | undefined;
  /** Only of this task's attempts. */
  readonly task?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}
