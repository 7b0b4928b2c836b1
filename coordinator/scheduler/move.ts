/** The one function that moves a job along the table of `transition.ts`, carrying over what the next state keeps. */
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import type { JournalRecord } from './records.js';
import { lawsOf } from './end-of-work.js';
import { isEnded, workOf, type ArchivedJob, type EndedJob, type Job } from './state.js';
import { checkMove } from './transition.js';
import { emptyWork, totalCounts } from './work.js';

type Move = Extract<JournalRecord, { readonly type: 'job-moved' }>;

export function moveJob(job: Job, move: Move): Job {
  checkMove(job.state, move.to);
  const { to } = move;
  switch (to) {
    case 'validating':
      throw incomplete(job, move);
    case 'queued': {
      if (job.state !== 'validating') throw incomplete(job, move);
      const { inspected, claim, plan } = job;
      if (!inspected || !claim || !plan) throw incomplete(job, move);
      return { ...base(job), state: to, inspected, claim, plan };
    }
    case 'in_progress': {
      if (job.state !== 'queued') throw incomplete(job, move);
      const { inspected, claim, plan } = job;
      return { ...base(job), state: to, inspected, claim, plan, work: emptyWork(inspected.kind, plan) };
    }
    case 'committing': {
      if (job.state !== 'in_progress') throw incomplete(job, move);
      const { inspected, claim, plan, work } = job;
      return {
        ...base(job),
        state: to,
        inspected,
        claim,
        plan,
        work,
        published: new Set(),
        publishedTo: 0,
        hasLostWinner: false,
        isPartial: move.isPartial === true,
      };
    }
    case 'completed':
    case 'partial_success':
      return { ...base(job), ...ended(job, move), state: to };
    case 'failed':
    case 'expired':
    case 'cancelled':
      return { ...base(job), ...ended(job, move), state: to };
    case 'archived': {
      if (!isEnded(job) || job.state === 'archived') throw incomplete(job, move);
      return archived(job);
    }
  }
}

/** Of its tasks only the sums stay; a watcher that comes late still finds how it ended. */
function archived(job: Exclude<EndedJob, ArchivedJob>): ArchivedJob {
  const { work, inspected, events } = job;
  const outcomeAt = events.findLastIndex(({ type }) => type === 'outcome');
  const kept = {
    counts: work && totalCounts(work),
    laws: work && inspected && work.sealedWon > 0 ? lawsOf(inspected, work, job.state === 'expired') : [],
    failedAttempts: job.failedAttempts.size,
  };
  const { outgrown: _done, ...rest } = job;
  return {
    ...rest,
    state: 'archived',
    outcome: job.state,
    work: undefined,
    failures: new Map(),
    machineFaults: new Map(),
    failedAttempts: new Set(),
    events: events.slice(Math.max(0, outcomeAt - limits.archivedEventsMax)),
    kept,
  };
}

function base(job: Job) {
  const { id, request, submittedAtMs, events, eventsEnd, failures, machineFaults, failedAttempts, steps } = job;
  const { outgrown } = job;
  const kept = { id, request, submittedAtMs, events, eventsEnd, failures, machineFaults, failedAttempts, steps };
  return { ...kept, ...(outgrown && { outgrown }) };
}

function ended(job: Job, move: Move): Omit<EndedJob, keyof ReturnType<typeof base> | 'state' | 'outcome' | 'kept'> {
  return {
    endedAtMs: move.atMs,
    reason: move.reason,
    failure: move.failure,
    inspected: job.inspected,
    plan: job.plan,
    work: workOf(job),
    published: job.state === 'committing' ? job.published : undefined,
  };
}

function incomplete(job: Job, move: Move): GristmillError {
  return new GristmillError('journal-corrupt', `a job cannot go from ${job.state} to ${move.to} as it is`, {
    context: { job: job.id },
  });
}
