/**
 * Reduce attempts that could not read a shuffle object: its map task runs again, a few times at most. Who reads is not
 * blamed, and reads again when there is a manifest that names another attempt.
 */
import type { Failure } from '../../shared/errors.js';
import { attemptParts, parseAttemptId, type AttemptId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { TaskResult } from '../../shared/protocol.js';
import { stageOf, startAgain, type JobBoard, type RunningAttempt } from './board.js';
import type { Command, Now } from './events.js';
import { isOtherOutput, lossesOf, stageVersion } from './lost-maps.js';
import type { JournalRecord } from './records.js';
import { isEnded, workOf, type Job, type Work } from './state.js';
import type { SchedulerState } from './volatile.js';
import { mapWinner } from './work.js';

/**
 * What a failure makes so that names objects the job still counts on; undefined for any other failure. Objects that
 * were replaced meanwhile are nobody's business: the attempt failed, and is tried again.
 */
export function decideFetchFailure(
  job: Job,
  board: JobBoard,
  running: RunningAttempt,
  failure: Failure,
  now: Now,
): readonly JournalRecord[] | undefined {
  const work = workOf(job);
  if (running.kind !== 'reduce' || !work?.maps || isEnded(job)) return undefined;
  const lost = lostWinners(work, failure);
  if (lost.length === 0) return undefined;
  const about = { job: job.id, atMs: now.wallMs };
  const hopeless = lost.find((attempt) => lossesOf(work, attemptParts(attempt).index) >= limits.mapRerunsMax);
  if (hopeless !== undefined) {
    const { task } = attemptParts(hopeless);
    const runs = limits.mapRerunsMax + 1;
    const reason = `what ${task} left for the shuffle could not be read after any of ${runs} runs, last: ${failure.message}`;
    return [{ type: 'job-moved', ...about, to: 'failed', reason, failure }];
  }
  for (const attempt of lost) stageOf(board, job, 'map').markWaiting(attemptParts(attempt).index);
  startAgain(job, board, running, now.monotonicMs);
  const { attempt: reader } = running;
  return lost.map((attempt) => ({ type: 'map-lost', ...about, attempt, reader, reason: failure.message }));
}

/** Names come from outside. */
function lostWinners(work: Work, { producers = [] }: Failure): readonly AttemptId[] {
  return [...new Set(producers)].map(parseAttemptId).filter((attempt) => {
    const { kind, index } = attemptParts(attempt);
    return kind === 'map' && mapWinner(work, index) === attempt;
  });
}

/**
 * True when the report changes nothing: what was reduced is of a generation that is no more, or a predecessor has
 * ended the attempt, whatever for.
 */
export function isVoid(job: Job, result: TaskResult): boolean {
  if (result.kind === 'failure') return result.failure.code === 'aborted';
  const work = workOf(job);
  return result.kind === 'reduce' && work !== undefined && (result.generation ?? 0) !== stageVersion(work).generation;
}

/** The end of a job that is being published when a map task turns out not to be repeatable: parts may be visible. */
export function decideUnrepeatable(job: Job, running: RunningAttempt, result: TaskResult): string | undefined {
  const work = workOf(job);
  if (job.state !== 'committing' || result.kind !== 'map' || !work?.maps) return undefined;
  if (!isOtherOutput(work, running.index, result)) return undefined;
  return `${attemptParts(running.attempt).task} gave different output when it was run again, while parts of the result were being published; its map is not deterministic`;
}

/**
 * Attempts that reduce what is no more are ended, and every reduce task waits for its turn again. By comparing, so that
 * it does not matter which record changed the generation, and when.
 */
export function endVoidAttempts({ durable, volatile }: SchedulerState, now: Now): readonly Command[] {
  const commands: Command[] = [];
  for (const board of volatile.boards.values()) {
    const job = durable.jobs.get(board.job);
    const work = job && workOf(job);
    if (!job || !work || isEnded(job)) continue;
    const { generation } = stageVersion(work);
    const before = board.generation;
    board.generation = generation;
    if (before === undefined || before === generation) continue;
    stageOf(board, job, 'reduce').restart();
    for (const attempt of board.running.values()) {
      if (attempt.kind !== 'reduce' || attempt.cancelledMs !== undefined) continue;
      attempt.cancelledMs = now.monotonicMs;
      const cancel = [{ job: attempt.job, attempt: attempt.attempt }];
      const session = volatile.workers.get(attempt.worker)?.session;
      if (session !== undefined) commands.push({ type: 'send', session, message: { cancel } });
    }
  }
  return commands;
}
