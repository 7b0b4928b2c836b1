/**
 * Backup attempts: late in a stage, when no task of it is left to give out, an attempt that will take much longer than its
 * peers gets a second one beside it, on another worker. The first to commit wins; the other is cancelled with that.
 *
 * What an attempt has left is estimated from its share of the work that is done, as it tells. One that tells nothing,
 * because it is frozen or sleeps in its only record, is slow by the time it has run, against the median of its stage.
 */
import { limits } from '../../shared/limits.js';
import { siblingOf, type JobBoard, type RunningAttempt, type StageBoard } from './board.js';
import type { Job } from './state.js';
import { freeSlots } from './two-slots.js';
import { slotsOf, type VolatileState, type WorkerSession } from './volatile.js';
import { attemptParts } from '../../shared/ids.js';

export interface SlowAttempt {
  readonly attempt: RunningAttempt;
  /** At the least. */
  readonly remainingMs: number;
}

/** What the attempt has left, when that makes it slow; else when it may have become slow. */
export function slowness(
  attempt: RunningAttempt,
  medianMs: number | undefined,
  nowMs: number,
): { readonly remainingMs: number } | { readonly dueMs: number } {
  const { startedMs, changedMs, share } = attempt;
  const elapsedMs = nowMs - startedMs;
  if (medianMs === undefined) {
    const dueMs = changedMs + limits.backupSilentMs;
    return nowMs >= dueMs ? { remainingMs: Infinity } : { dueMs };
  }
  const leastMs = limits.backupAfterMsMin;
  const isTelling = share > 0 && nowMs - changedMs <= Math.max(medianMs, leastMs);
  const silentDueMs = startedMs + Math.max(leastMs, limits.backupSilentMedians * medianMs);
  if (!isTelling) return nowMs >= silentDueMs ? { remainingMs: elapsedMs } : { dueMs: silentDueMs };
  const remainingMs = (elapsedMs * (1 - share)) / share;
  const isSlow = elapsedMs >= leastMs && remainingMs > limits.backupMedians * medianMs;
  if (isSlow) return { remainingMs };
  return { dueMs: Math.max(nowMs, startedMs + leastMs) };
}

/** Finds the slow attempts of a stage, the slowest first, and says when to look again: one scan for all free slots. */
export function look(board: JobBoard, stage: StageBoard, nowMs: number): void {
  const slow: SlowAttempt[] = [];
  let soonestMs = Infinity;
  for (const attempt of board.running.values()) {
    if (attempt.kind !== stage.kind || attempt.cancelledMs !== undefined || siblingOf(board, attempt)) continue;
    const found = slowness(attempt, stage.pace.medianMs, nowMs);
    if ('remainingMs' in found) slow.push({ attempt, remainingMs: found.remainingMs });
    else soonestMs = Math.min(soonestMs, found.dueMs);
  }
  stage.slow = slow.sort((a, b) => b.remainingMs - a.remainingMs);
  if (slow.length > 0) soonestMs = nowMs;
  const { backupLookMsMin, backupLookMsMax } = limits;
  stage.lookMs =
    soonestMs === Infinity ? -Infinity : clamp(soonestMs - nowMs, backupLookMsMin, backupLookMsMax) + nowMs;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** The attempt beside which this worker, which has a free slot, should start a backup. */
export function backupFor(
  volatile: VolatileState,
  job: Job,
  board: JobBoard,
  stage: StageBoard,
  worker: WorkerSession,
  nowMs: number,
): RunningAttempt | undefined {
  if (job.inspected?.speculate !== true || stage.kind === 'inspect' || volatile.workers.size < 2) return undefined;
  if (!stage.isLate) return undefined;
  if (nowMs >= stage.lookMs) look(board, stage, nowMs);
  const found = stage.slow.find((slow) => wouldWin(slow, board, stage, worker));
  if (!found || backupsRunning(volatile) >= backupsMax(volatile)) return undefined;
  return found.attempt;
}

/** A backup has its start still before it; on a worker that is slow itself it would only be the next slow attempt. */
function wouldWin(
  { attempt, remainingMs }: SlowAttempt,
  board: JobBoard,
  stage: StageBoard,
  session: WorkerSession,
): boolean {
  const { worker } = session;
  // On fewer slots it would run out of memory.
  if (stage.hasOutgrown(attempt.index) && freeSlots(session) < limits.outgrownSlots) return false;
  if (attempt.worker === worker || attempt.cancelledMs !== undefined) return false;
  if (!board.running.has(attempt.attempt) || siblingOf(board, attempt)) return false;
  if (board.trials.hasFailed(worker, attemptParts(attempt.attempt).task)) return false;
  const expectedMs = Math.max(stage.pace.medianMs ?? 0, board.trials.meanMs(worker) ?? 0);
  return expectedMs < remainingMs;
}

function backupsRunning({ boards }: VolatileState): number {
  let backups = 0;
  for (const board of boards.values()) {
    for (const { isBackup, cancelledMs } of board.running.values())
      if (isBackup && cancelledMs === undefined) backups++;
  }
  return backups;
}

function backupsMax(volatile: VolatileState): number {
  return Math.max(1, Math.floor(slotsOf(volatile) * limits.backupSlotsShare));
}
