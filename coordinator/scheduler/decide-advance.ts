/** What follows from the state as it is: a job's next transition, then tasks for free slots. */
import { attemptParts } from '../../shared/ids.js';
import type { Assignment, AttemptRef } from '../../shared/protocol.js';
import { decideDeadline, expired } from './deadline.js';
import { openKind, stageOf, type JobBoard, type RunningAttempt } from './board.js';
import { endOfWork, outOfBalance } from './end-of-work.js';
import type { Command, Decision, Now } from './events.js';
import { endVoidAttempts } from './fetch-failures.js';
import { stageVersion } from './lost-maps.js';
import type { JournalRecord } from './records.js';
import { isEnded, needsNoAttempt, workOf, type Job } from './state.js';
import type { JobState } from './transition.js';
import { isRecovering, isSuspect, runningKey, type SchedulerState, type WorkerSession } from './volatile.js';
import { isMapMissing, isWorkDone } from './work.js';

export function decideAdvance(state: SchedulerState, now: Now): Decision {
  const records: JournalRecord[] = [];
  for (const id of state.volatile.boards.keys()) {
    const job = state.durable.jobs.get(id);
    if (job) records.push(...nextMove(job, now));
  }
  // Assignments follow from what the transitions made of the state, so they wait for the next round.
  if (records.length > 0) return { records, commands: [] };
  return { records, commands: [...endVoidAttempts(state, now), ...endAttempts(state, now), ...assign(state, now)] };
}

function nextMove(job: Job, now: Now): readonly JournalRecord[] {
  const move = (to: JobState, reason: string): readonly JournalRecord[] => [
    { type: 'job-moved', job: job.id, atMs: now.wallMs, to, reason, failure: undefined },
  ];
  const isDone = job.state === 'in_progress' && isWorkDone(job.work);
  const late = isDone ? undefined : decideDeadline(job, now);
  if (late) return [late];
  switch (job.state) {
    case 'validating':
      if (!job.plan) return [];
      if (job.request.dryRun) return move('completed', 'a dry run: the plan was made, nothing ran');
      return job.claim ? move('queued', 'the plan is made; waiting for capacity') : [];
    case 'queued':
      return move('in_progress', 'its turn has come');
    case 'in_progress':
      return isWorkDone(job.work) && !isMapMissing(job.work) ? [endOfWork(job, job.work, now)] : [];
    case 'committing': {
      if (job.isPartial) return job.steps.has('manifest-written') ? [expired(job, now)] : [];
      const unbalanced = job.hasLostWinner && isWorkDone(job.work) ? outOfBalance(job, now) : undefined;
      if (unbalanced) return [unbalanced];
      return job.steps.has('success-written') ? move('completed', 'the output is complete') : [];
    }
    case 'completed':
    case 'partial_success':
    case 'failed':
    case 'expired':
    case 'cancelled':
    case 'archived':
      return [];
  }
}

/** Attempts of jobs that have ended are ended too, as are those past a deadline; when the last one is gone, workers forget the job. */
function endAttempts(state: SchedulerState, now: Now): readonly Command[] {
  const { volatile, durable } = state;
  const commands: Command[] = [];
  for (const board of [...volatile.boards.values()]) {
    const job = durable.jobs.get(board.job);
    if (!job || !needsNoAttempt(job)) continue;
    for (const attempt of board.running.values()) {
      if (attempt.cancelledMs !== undefined) continue;
      attempt.cancelledMs = now.monotonicMs;
      const cancel: AttemptRef[] = [{ job: attempt.job, attempt: attempt.attempt }];
      const session = volatile.workers.get(attempt.worker)?.session;
      if (session !== undefined) commands.push({ type: 'send', session, message: { cancel } });
    }
    if (board.running.size > 0 || !isEnded(job)) continue;
    volatile.boards.delete(board.job);
    for (const session of volatile.bySession.keys()) {
      commands.push({ type: 'send', session, message: { endedJobs: [board.job] } });
    }
  }
  return commands;
}

/** One task for each free slot, none ahead; jobs take turns in the order of their submission. */
function assign(state: SchedulerState, now: Now): readonly Command[] {
  const commands: Command[] = [];
  for (const [session, worker] of state.volatile.bySession) {
    if (isSuspect(state.volatile, worker, now.monotonicMs)) continue;
    const assignments: Assignment[] = [];
    while (!worker.draining && worker.running.size < worker.slots) {
      const assignment = nextTask(state, worker, now);
      if (!assignment) break;
      assignments.push(assignment);
    }
    if (assignments.length > 0) commands.push({ type: 'send', session, message: { assign: assignments } });
  }
  return commands;
}

function nextTask(state: SchedulerState, worker: WorkerSession, now: Now): Assignment | undefined {
  const { volatile, durable } = state;
  const boards = [...volatile.boards.values()];
  for (let i = 0; i < boards.length; i++) {
    const turn = (volatile.turn + i) % boards.length;
    const board = boards[turn];
    const job = board && durable.jobs.get(board.job);
    if (!job || isRecovering(volatile, job.id, now.monotonicMs)) continue;
    const assignment = startTask(state, worker, board, job, now);
    if (!assignment) continue;
    volatile.turn = turn + 1;
    return assignment;
  }
  return undefined;
}

function startTask(
  state: SchedulerState,
  worker: WorkerSession,
  board: JobBoard,
  job: Job,
  now: Now,
): Assignment | undefined {
  const kind = openKind(job);
  if (!kind) return undefined;
  const stage = stageOf(board, job, kind);
  const index = stage.runnable(now.monotonicMs);
  if (index === undefined) return undefined;
  const attempt = stage.start(index, state.volatile.epoch);
  const running: RunningAttempt = {
    job: job.id,
    attempt,
    kind,
    index: attemptParts(attempt).index,
    worker: worker.worker,
    records: 0,
    bytes: 0,
    cancelledMs: undefined,
  };
  worker.running.set(runningKey(job.id, attempt), running);
  board.running.set(attempt, running);
  return assignmentOf(job, running);
}

function assignmentOf(job: Job, { attempt, kind, index }: RunningAttempt): Assignment {
  const { codeVersion, params, inputs, output, baseUri, limitRecords } = job.request;
  const inspect = kind === 'inspect' ? { params, inputs, output, baseUri, limitRecords } : undefined;
  const work = kind === 'reduce' ? workOf(job) : undefined;
  const { generation, revision } = work ? stageVersion(work) : { generation: 0, revision: 0 };
  return { job: job.id, attempt, kind, index, generation, revision, codeVersion, inspect };
}
