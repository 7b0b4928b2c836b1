/** The life of a job: every edge that is not in the table is refused, by the table and by the state it would be applied to. */
import { describe, expect, test } from 'vitest';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import type { JournalRecord } from '../../../coordinator/scheduler/records.js';
import { emptyState, type DurableState } from '../../../coordinator/scheduler/state.js';
import { checkMove, JOB_STATES, mayMove, type JobState } from '../../../coordinator/scheduler/transition.js';
import type { JobId } from '../../../shared/ids.js';
import { miniature, request } from './miniature-cluster.js';

const LEGAL: readonly (readonly [JobState, readonly JobState[]])[] = [
  ['validating', ['queued', 'completed', 'failed', 'expired', 'cancelled']],
  ['queued', ['in_progress', 'failed', 'expired', 'cancelled']],
  ['in_progress', ['committing', 'failed', 'expired', 'cancelled']],
  ['committing', ['completed', 'partial_success', 'failed', 'expired']],
  ['completed', ['archived']],
  ['partial_success', ['archived']],
  ['failed', ['archived']],
  ['expired', ['archived']],
  ['cancelled', ['archived']],
  ['archived', []],
];

/** The shortest way to a state. */
const WAYS: Readonly<Record<JobState, readonly JobState[]>> = {
  validating: [],
  queued: ['queued'],
  in_progress: ['queued', 'in_progress'],
  committing: ['queued', 'in_progress', 'committing'],
  completed: ['queued', 'in_progress', 'committing', 'completed'],
  partial_success: ['queued', 'in_progress', 'committing', 'partial_success'],
  failed: ['failed'],
  expired: ['expired'],
  cancelled: ['cancelled'],
  archived: ['cancelled', 'archived'],
};

const job = 'job000000001' as JobId;
const atMs = 1;
const move = (to: JobState): JournalRecord => ({
  type: 'job-moved',
  job,
  atMs,
  to,
  reason: 'test',
  failure: undefined,
});

function jobIn(state: JobState): DurableState {
  const durable = emptyState();
  const inspected = { name: 'm', kind: 'reduce', format: 'jsonl', output: 'memory:out' } as const;
  const records: JournalRecord[] = [
    { type: 'job-submitted', job, atMs, request: request(miniature) },
    { type: 'job-inspected', job, atMs, inspected },
    { type: 'output-claimed', job, atMs, claim: { replaces: [], tookOver: undefined } },
    { type: 'job-planned', job, atMs, plan: { mapTasks: 1, partitions: 1, inputs: 1, inputBytes: 1 } },
    ...WAYS[state].map(move),
  ];
  for (const record of records) evolve(durable, record);
  return durable;
}

describe('the transition table', () => {
  test('every edge is legal or refused, as listed', () => {
    expect(LEGAL.map(([from]) => from)).toEqual(JOB_STATES);
    for (const [from, targets] of LEGAL) {
      for (const to of JOB_STATES) {
        expect([from, to, mayMove(from, to)]).toEqual([from, to, targets.includes(to)]);
        if (!targets.includes(to)) expect(() => checkMove(from, to)).toThrow(`from ${from} to ${to}`);
      }
    }
  });

  test('evolve takes every legal edge and refuses every other, leaving the job as it was', () => {
    for (const [from, targets] of LEGAL) {
      for (const to of JOB_STATES) {
        const durable = jobIn(from);
        const before = durable.jobs.get(job);
        expect(before?.state).toBe(from);
        if (targets.includes(to)) {
          evolve(durable, move(to));
          expect(durable.jobs.get(job)?.state).toBe(to);
        } else {
          expect(() => evolve(durable, move(to))).toThrow(from);
          expect(durable.jobs.get(job)).toBe(before);
        }
      }
    }
  });
});
