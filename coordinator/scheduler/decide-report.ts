/**
 * Reports of attempts. The first committed attempt of a task wins: a report counts only while its attempt is the one
 * that the task is running, in the session of the worker that it was given to. Every other report changes nothing, and
 * is acknowledged, so that its worker forgets it.
 */
import { failureOf, GristmillError, type Failure } from '../../shared/errors.js';
import { attemptParts } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { AttemptRef, TaskProgress, TaskReport } from '../../shared/protocol.js';
import { stageOf, type JobBoard, type RunningAttempt } from './board.js';
import { checkResult } from './check-result.js';
import type { Command, Decision, Now, SchedulerEvent } from './events.js';
import { decideFetchFailure, decideUnrepeatable, isVoid } from './fetch-failures.js';
import type { JournalRecord } from './records.js';
import { isEnded, type Job } from './state.js';
import { runningKey, type SchedulerState, type WorkerSession } from './volatile.js';

type Message = Extract<SchedulerEvent, { readonly type: 'worker-message' }>;

export function decideMessage(state: SchedulerState, event: Message, now: Now): Decision {
  const { session, message, random } = event;
  const worker = state.volatile.bySession.get(session);
  if (!worker) return { records: [], commands: [] };
  worker.lastSeenMs = now.monotonicMs;
  if (message.draining) worker.draining = true;
  for (const progress of message.progress ?? []) noteProgress(worker, progress);
  const reports = message.reports ?? [];
  const records: JournalRecord[] = [];
  const failing = new Set<string>();
  for (const report of reports) {
    const follows = decideReport(state, worker, report, random, now);
    // The job ends with its first fatal failure; what else is in the message comes too late.
    if (!failing.has(report.job)) records.push(...follows);
    if (follows.some((record) => record.type === 'job-moved')) failing.add(report.job);
  }
  const acknowledge: AttemptRef[] = reports.map(({ job, attempt }) => ({ job, attempt }));
  const commands: Command[] = acknowledge.length === 0 ? [] : [{ type: 'send', session, message: { acknowledge } }];
  return { records, commands };
}

function noteProgress(worker: WorkerSession, progress: TaskProgress): void {
  const running = worker.running.get(runningKey(progress.job, progress.attempt));
  if (!running) return;
  running.records = progress.records;
  running.bytes = progress.bytes;
}

function decideReport(
  state: SchedulerState,
  worker: WorkerSession,
  report: TaskReport,
  random: number,
  now: Now,
): readonly JournalRecord[] {
  const key = runningKey(report.job, report.attempt);
  const running = worker.running.get(key);
  if (!running) return [];
  const board = state.volatile.boards.get(report.job);
  const job = state.durable.jobs.get(report.job);
  worker.running.delete(key);
  board?.running.delete(report.attempt);
  if (!board || !job || isEnded(job) || running.cancelledMs !== undefined) return [];
  const { attempt, elapsedMs } = report;
  const about = { job: job.id, atMs: now.wallMs, attempt, worker: worker.worker, elapsedMs };
  const result = checkResult(job, report);
  if (isVoid(job, result)) {
    stageOf(board, job, running.kind).markWaiting(running.index);
    return [];
  }
  const unrepeatable = decideUnrepeatable(job, running, result);
  if (unrepeatable !== undefined) {
    const failure = failureOf(new GristmillError('map-not-repeatable', unrepeatable, { context: { attempt } }));
    return [{ type: 'attempt-failed', ...about, failure }, ended(job, attemptParts(attempt).task, failure, 0, now)];
  }
  if (result.kind === 'failure') {
    const { failure } = result;
    if (failure.code === 'handed-back') {
      // Whoever has a free slot may begin at once: nothing went wrong that a wait would mend.
      stageOf(board, job, running.kind).markWaiting(running.index);
      return [{ type: 'attempt-failed', ...about, failure }];
    }
    const fetch = decideFetchFailure(job, board, running, failure, now);
    if (fetch) return [{ type: 'attempt-failed', ...about, failure }, ...fetch];
    const ending = backOff(job, board, running, failure, random, now);
    return [{ type: 'attempt-failed', ...about, failure }, ...(ending ? [ending] : [])];
  }
  stageOf(board, job, running.kind).markWon(running.index);
  board.uncounted = 0;
  return [{ type: 'task-won', ...about, result }];
}

/** Lets the task wait for its next attempt, or ends the job when there is none. */
function backOff(
  job: Job,
  board: JobBoard,
  running: RunningAttempt,
  failure: Failure,
  random: number,
  now: Now,
): JournalRecord | undefined {
  const { task } = attemptParts(running.attempt);
  const counted = (job.failures.get(task) ?? 0) + (failure.countsTowardLimit ? 1 : 0);
  if (!failure.retryable || counted >= limits.attemptsMax) return ended(job, task, failure, counted, now);
  if (!failure.countsTowardLimit) board.uncounted++;
  const doublings = Math.min(16, Math.max(0, counted - 1) + board.uncounted);
  const waitMs = Math.min(limits.attemptBackoffMs * 2 ** doublings, limits.attemptBackoffMsMax) * (0.5 + random / 2);
  stageOf(board, job, running.kind).markBackingOff(running.index, now.monotonicMs + waitMs);
  return undefined;
}

function ended(job: Job, task: string, failure: Failure, counted: number, now: Now): JournalRecord {
  const tries = failure.retryable ? `${task} failed ${counted} times, last: ` : '';
  return {
    type: 'job-moved',
    job: job.id,
    atMs: now.wallMs,
    to: 'failed',
    reason: `${tries}${failure.message}`,
    failure,
  };
}
