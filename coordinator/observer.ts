/** Who is told what a coordinator does, beside those who asked for it. Nothing depends on it. */
import type { AttemptId } from '../shared/ids.js';
import type { JournalRecord } from './scheduler/records.js';

export interface Observer {
  /** Records that have become durable, in order; what a new leader replays is not told. */
  recorded(records: readonly JournalRecord[]): void;
  /** Attempts that were sent to a worker. */
  assigned(attempts: readonly AttemptId[]): void;
}
