/**
 * Why a job waits, in one sentence. It is part of the job's view at once; its watchers are told by a notice when the reason
 * has lasted, once for each reason, so that nobody is flooded.
 */
import { plural } from '../../shared/figures.js';
import { taskId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { openKind, type JobBoard, type Wait } from './board.js';
import { isExcluded, isPresent, lastWorker } from './eligibility.js';
import type { Now } from './events.js';
import { hasReadySlot } from './placement.js';
import type { JournalRecord } from './records.js';
import { isEnded, workOf, type Job } from './state.js';
import { freeSlots, hasRoomy, holdOf } from './two-slots.js';
import { isRecovering, type SchedulerState, type VolatileState } from './volatile.js';
import { isMapMissing, isWorkDone } from './work.js';

/** Brings the reasons of all jobs up to date. Returns what their watchers are to be told. */
export function noteWaits({ volatile, durable }: SchedulerState, now: Now): readonly JournalRecord[] {
  const records: JournalRecord[] = [];
  let ahead = 0;
  const crew = crewOf(volatile, undefined, now.monotonicMs);
  for (const board of volatile.boards.values()) {
    const job = durable.jobs.get(board.job);
    if (!job || isEnded(job)) continue;
    const reason = reasonOf(volatile, job, board, { ahead, crew, nowMs: now.monotonicMs });
    ahead++;
    board.wait = reason && since(board.wait, reason, now.monotonicMs);
    const { wait } = board;
    if (!wait || wait.isTold || now.monotonicMs < wait.sinceMs + limits.waitNoticeMs) continue;
    board.wait = { ...wait, isTold: true };
    const message = wait.sentence;
    records.push({ type: 'noticed', job: job.id, atMs: now.wallMs, code: 'waiting', message });
  }
  return records;
}

type Reason = Pick<Wait, 'kind' | 'sentence'>;

interface Crew {
  readonly present: number;
  readonly excluded: number;
  readonly hasFree: boolean;
  readonly isStarting: boolean;
}

interface Surroundings {
  /** Jobs that were submitted before and have not ended. */
  readonly ahead: number;
  readonly crew: Crew;
  readonly nowMs: number;
}

/** A reason of the same kind goes on, whatever figures are in its sentence. */
function since(before: Wait | undefined, { kind, sentence }: Reason, nowMs: number): Wait {
  const isSame = before?.kind === kind;
  return { kind, sentence, sinceMs: isSame ? before.sinceMs : nowMs, isTold: isSame && before.isTold };
}

/** When a reason has lasted long enough to be told. */
export function nextTellingMs({ boards }: VolatileState, nowMs: number): number {
  let soonest = Infinity;
  for (const { wait } of boards.values()) {
    if (wait && !wait.isTold) soonest = Math.min(soonest, Math.max(nowMs, wait.sinceMs + limits.waitNoticeMs));
  }
  return soonest;
}

/** True while a task of the job has no winner: a job that is being published, or whose manifest is written, waits for no slot. */
function hasTasks(job: Job): boolean {
  const kind = openKind(job);
  const work = workOf(job);
  if (!work) return kind !== undefined || job.state === 'queued';
  if (kind === undefined) return false;
  return kind === 'map' && work.maps ? isMapMissing(work) : !isWorkDone(work);
}

function reasonOf(
  volatile: VolatileState,
  job: Job,
  board: JobBoard,
  { ahead, crew, nowMs }: Surroundings,
): Reason | undefined {
  if (!hasTasks(job)) return undefined;
  const last = board.trials.hasFailures ? lastWorker(volatile, board, nowMs) : undefined;
  if (last) {
    const sentence = `only ${last.worker} is left, where tasks of this job failed: every worker would be excluded, so it goes on`;
    return { kind: 'last-worker', sentence };
  }
  const outgrown = outgrownReason(volatile, job, board, nowMs);
  if (outgrown || board.running.size > 0) return outgrown;
  if (isRecovering(volatile, job.id, nowMs)) {
    return { kind: 'recovering', sentence: 'workers may come back with tasks of this job; waiting for them' };
  }
  const isAnybodyExcluded = board.trials.hasFailures || !volatile.exclusions.isEmpty;
  return reasonOfCrew(isAnybodyExcluded ? crewOf(volatile, board, nowMs) : crew, ahead);
}

/** A task that ran out of memory waits for more of it, whatever else of the job runs. */
function outgrownReason(volatile: VolatileState, job: Job, board: JobBoard, nowMs: number): Reason | undefined {
  const kind = openKind(job);
  const index = kind && board.stages.get(kind)?.outgrownDue(nowMs);
  if (kind === undefined || index === undefined || !hasRoomy(volatile, board, nowMs)) return undefined;
  const hold = holdOf(volatile, job, board, nowMs);
  const held = hold?.index === index ? `, of which one is held for it on ${hold.worker}` : '';
  const sentence = `${taskId(kind, index)} ran out of memory and waits for two free slots of one worker${held}`;
  return { kind: 'two-slots', sentence };
}

/** Of the workers that are present, without regard to exclusions where no board is given. */
function crewOf(volatile: VolatileState, board: JobBoard | undefined, nowMs: number): Crew {
  let present = 0;
  let excluded = 0;
  let hasFree = false;
  let isStarting = false;
  for (const worker of volatile.workers.values()) {
    if (!isPresent(volatile, worker, nowMs)) continue;
    present++;
    if (board && isExcluded(volatile, board, worker, nowMs)) excluded++;
    else if (hasReadySlot(worker)) hasFree = true;
    else if (freeSlots(worker) > 0) isStarting = true;
  }
  return { present, excluded, hasFree, isStarting };
}

function reasonOfCrew({ present, excluded, hasFree, isStarting }: Crew, ahead: number): Reason | undefined {
  if (present === 0) return { kind: 'no-worker', sentence: 'waiting for a worker: none is connected' };
  // A free slot and no task given: its tasks wait for their next attempt.
  if (hasFree) return undefined;
  if (isStarting) return { kind: 'starting', sentence: 'waiting for a free slot: the executor of one is starting' };
  const jobs = ahead === 0 ? 'no job before it' : `${plural(ahead, 'job')} before it`;
  if (excluded === 0) return { kind: 'no-slot', sentence: `waiting for a free slot: all are busy, ${jobs}` };
  const others = `${excluded} of ${plural(present, 'worker')} excluded because tasks failed there`;
  return { kind: 'excluded', sentence: `waiting for a free slot: ${others}, the others are busy, ${jobs}` };
}
