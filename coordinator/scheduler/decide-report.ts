/**
 * Reports of attempts. The first committed attempt of a task wins: a report counts only while its attempt is the one
 * that the task is running, or its backup, in the session of the worker that it was given to. Every other report changes
 * nothing, and is acknowledged, so that its worker forgets it.
 */
import { failureOf, GristmillError, type Failure } from '../../shared/errors.js';
import { attemptParts } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { AttemptRef, TaskProgress, TaskReport } from '../../shared/protocol.js';
import { siblingOf, stageOf, startAgain, type JobBoard, type RunningAttempt } from './board.js';
import { checkResult } from './check-result.js';
import { noteExclusions } from './eligibility.js';
import { endedByFailure } from './end-of-task.js';
import type { Command, Decision, Now, SchedulerEvent } from './events.js';
import { decideFetchFailure, decideUnrepeatable, isVoid } from './fetch-failures.js';
import { sweepAgain } from './late-sweep.js';
import { released } from './placement.js';
import type { JournalRecord } from './records.js';
import { isEnded, type Job } from './state.js';
import { mayBlameWorker } from './trials.js';
import { runningKey, type SchedulerState, type VolatileState, type WorkerSession } from './volatile.js';

type Message = Extract<SchedulerEvent, { readonly type: 'worker-message' }>;

export function decideMessage(state: SchedulerState, event: Message, now: Now): Decision {
  const { session, message, random } = event;
  const worker = state.volatile.bySession.get(session);
  if (!worker) return { records: [], commands: [] };
  worker.lastSeenMs = now.monotonicMs;
  if (message.draining) worker.draining = true;
  if (message.startingSlots !== undefined) worker.startingSlots = message.startingSlots;
  for (const progress of message.progress ?? []) noteProgress(worker, progress, now);
  const reports = message.reports ?? [];
  const records: JournalRecord[] = [];
  const failing = new Set<string>();
  const losers: Command[] = [];
  for (const report of reports) {
    const follows = decideReport(state, worker, report, random, now);
    // The job ends with its first fatal failure; what else is in the message comes too late.
    if (!failing.has(report.job)) records.push(...follows.records);
    losers.push(...follows.commands);
    if (follows.records.some((record) => record.type === 'job-moved')) failing.add(report.job);
  }
  const acknowledge: AttemptRef[] = reports.map(({ job, attempt }) => ({ job, attempt }));
  const commands: Command[] = acknowledge.length === 0 ? [] : [{ type: 'send', session, message: { acknowledge } }];
  if (message.draining) commands.push({ type: 'send', session, message: { drain: true } });
  return { records, commands: [...commands, ...losers] };
}

function noteProgress(worker: WorkerSession, progress: TaskProgress, now: Now): void {
  const running = worker.running.get(runningKey(progress.job, progress.attempt));
  if (!running) return;
  const { records, bytes, share = 0 } = progress;
  if (records === running.records && bytes === running.bytes && share === running.share) return;
  running.changedMs = now.monotonicMs;
  // It comes from outside, and is only ever an estimate.
  running.share = share >= 0 && share <= 1 ? share : 0;
  running.records = progress.records;
  running.bytes = progress.bytes;
}

interface Outcome {
  readonly records: readonly JournalRecord[];
  readonly commands: readonly Command[];
}

const NOTHING: Outcome = { records: [], commands: [] };

function decideReport(
  state: SchedulerState,
  worker: WorkerSession,
  report: TaskReport,
  random: number,
  now: Now,
): Outcome {
  const { volatile, durable } = state;
  const key = runningKey(report.job, report.attempt);
  const running = worker.running.get(key);
  if (!running) return NOTHING;
  const board = volatile.boards.get(report.job);
  const job = durable.jobs.get(report.job);
  worker.running.delete(key);
  if (board) released(board, running, now.monotonicMs);
  if (!board || !job) return NOTHING;
  if (isEnded(job) || running.cancelledMs !== undefined) {
    return { records: sweepAgain(job, report.attempt, now), commands: [] };
  }
  const { attempt, elapsedMs } = report;
  const slots = running.slots > 1 && { slots: running.slots };
  const about = { job: job.id, atMs: now.wallMs, attempt, worker: worker.worker, elapsedMs, ...slots };
  const result = checkResult(job, report);
  const failed = (failure: Failure): JournalRecord => ({ type: 'attempt-failed', ...about, failure });
  if (isVoid(job, result)) {
    startAgain(job, board, running, now.monotonicMs);
    return NOTHING;
  }
  const unrepeatable = decideUnrepeatable(job, running, result);
  if (unrepeatable !== undefined) {
    const failure = failureOf(new GristmillError('map-not-repeatable', unrepeatable, { context: { attempt } }));
    const ending = endedByFailure(job, attempt, failure, 0, now);
    return { records: [failed(failure), ...(ending ? [ending] : [])], commands: [] };
  }
  if (result.kind === 'failure') {
    const { failure } = result;
    if (failure.code === 'handed-back') {
      // Whoever has a free slot may begin at once: nothing went wrong that a wait would mend.
      startAgain(job, board, running, now.monotonicMs);
      return { records: [failed(failure)], commands: [] };
    }
    const fetch = decideFetchFailure(job, board, running, failure, now);
    if (fetch) return { records: [failed(failure), ...fetch], commands: [] };
    // What it could not read was replaced meanwhile: that says nothing of its worker.
    if (failure.producers === undefined) noteFailure(volatile, board, running, failure, now);
    if (failure.code === 'out-of-memory') stageOf(board, job, running.kind).outgrew(running.index);
    const ending = backOff(job, board, running, failure, random, now);
    return { records: [failed(failure), ...(ending ? [ending] : [])], commands: [] };
  }
  noteWin(volatile, job, board, running, now);
  const loser = siblingOf(board, running);
  return { records: [{ type: 'task-won', ...about, result }], commands: loser ? cancelled(volatile, loser, now) : [] };
}

function noteWin(volatile: VolatileState, job: Job, board: JobBoard, running: RunningAttempt, now: Now): void {
  const stage = stageOf(board, job, running.kind);
  const tookMs = now.monotonicMs - running.startedMs;
  stage.markWon(running.index);
  stage.pace.note(tookMs);
  board.uncounted = 0;
  board.trials.won(running.worker, tookMs, now.monotonicMs);
  volatile.exclusions.won(running.worker);
  noteExclusions(volatile, board, now.monotonicMs);
}

function noteFailure(
  volatile: VolatileState,
  board: JobBoard,
  { attempt, worker }: RunningAttempt,
  failure: Failure,
  now: Now,
): void {
  const mayBlame = mayBlameWorker(failure);
  board.trials.failed(worker, attemptParts(attempt).task, mayBlame, now.monotonicMs);
  if (mayBlame) volatile.exclusions.failed(worker, now.monotonicMs);
  noteExclusions(volatile, board, now.monotonicMs);
}

/** The other attempt of a task that has been won is ended with the win: its report will change nothing. */
function cancelled({ workers }: VolatileState, loser: RunningAttempt, now: Now): readonly Command[] {
  loser.cancelledMs = now.monotonicMs;
  const session = workers.get(loser.worker)?.session;
  const cancel: AttemptRef[] = [{ job: loser.job, attempt: loser.attempt }];
  return session === undefined ? [] : [{ type: 'send', session, message: { cancel } }];
}

/** Lets the task wait for its next attempt, unless another one of it goes on, or ends the job when there is none. */
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
  const ending = endedByFailure(job, running.attempt, failure, counted, now);
  if (ending) return ending;
  if (!failure.countsTowardLimit) board.uncounted++;
  if (siblingOf(board, running)) return undefined;
  const doublings = Math.min(16, Math.max(0, counted - 1) + board.uncounted);
  const waitMs = Math.min(limits.attemptBackoffMs * 2 ** doublings, limits.attemptBackoffMsMax) * (0.5 + random / 2);
  stageOf(board, job, running.kind).markBackingOff(running.index, now.monotonicMs + waitMs);
  return undefined;
}
