/** Jobs and events for tests of what is shown. */
import type { Job, JobEvent, StageProgress } from '../../../client/job-types.js';
import { zeroCounts } from '../../../shared/counts.js';
import type { JobId } from '../../../shared/ids.js';

export function stage(over: Partial<StageProgress> = {}): StageProgress {
  return {
    stage: 'map',
    tasks: 4,
    tasksDone: 0,
    tasksRunning: 2,
    records: 0,
    bytesDone: 0,
    bytesTotal: 4_000_000,
    ...over,
  };
}

export function progress(over: Partial<StageProgress> = {}): JobEvent {
  return { type: 'progress', cursor: 1, atMs: 0, progress: stage(over) };
}

export function someJob(over: Partial<Job> = {}): Job {
  return {
    job: 'abcdefghijkl' as JobId,
    name: 'word-count',
    state: 'completed',
    outcome: undefined,
    reason: '',
    submittedAtMs: 1,
    endedAtMs: 2,
    output: 'file:///home/me/out/words',
    stages: [],
    counts: {
      ...zeroCounts,
      recordsRead: 12_345,
      recordsMapped: 12_345,
      emitted: 99_999,
      rows: 29,
      bytesRead: 10_300_000,
      bytesShuffled: 2_000,
      bytesWritten: 512,
      user: { short: 3 },
    },
    failure: undefined,
    codeVersion: 'c0ffee',
    partitions: 1,
    failedAttempts: 0,
    parts: ['file:///home/me/out/words/part-00000.jsonl'],
    warnings: [],
    balance: 'read = mapped + filtered + bad: 12345 = 12345\nemitted = combined in: 99999 = 99999\n',
    ...over,
  };
}

export const places = {
  display: (uri: string) => uri.replace('file:///home/me/', ''),
  storeUri: 'file:///home/me/.gristmill/run',
};
