/** Who is told what a worker does. Nothing depends on it. */
import type { Assignment, TaskReport } from '../shared/protocol.js';
import type { S3Counts } from '../shared/store/s3/counters.js';

export interface WorkerObserver {
  /** The coordinator has registered the worker, at first or again. */
  registered(): void;
  attemptStarted(assignment: Assignment): void;
  /** As it is reported, whoever won. */
  attemptEnded(report: TaskReport): void;
  executorStarted(): void;
  /** It has ended and nobody told it to. */
  executorDied(): void;
  /** What an executor has asked of the S3 server since it said so last. */
  asked(counts: S3Counts): void;
}

/** For a worker of which nobody asks anything. */
export const unobserved: WorkerObserver = {
  registered: () => undefined,
  attemptStarted: () => undefined,
  attemptEnded: () => undefined,
  executorStarted: () => undefined,
  executorDied: () => undefined,
  asked: () => undefined,
};
