/** What follows from the state as it is: a job's next transition, then tasks for free slots. */
import { attemptParts } from '../../shared/ids.js';
import type { Assignment, AttemptRef, PartitionRange } from '../../shared/protocol.js';
import { newAttempt, type RunningAttempt } from './board.js';
import { decideDeadline, expired } from './deadline.js';
import { endOfWork, outOfBalance } from './end-of-work.js';
import type { Command, Decision, Now, SessionNumber } from './events.js';
import { endVoidAttempts } from './fetch-failures.js';
import { stageVersion } from './lost-maps.js';
import { hasFreeSlot, hasReadySlot, held, isHere, offerFor, type Offer } from './placement.js';
import type { JournalRecord } from './records.js';
import { isEnded, needsNoAttempt, workOf, type Job } from './state.js';
import type { JobState } from './transition.js';
import { slotsWanted } from './two-slots.js';
import { runningKey, type SchedulerState, type WorkerSession } from './volatile.js';
import { noteWaits } from './waiting.js';
import { isMapMissing, isWorkDone } from './work.js';

export function decideAdvance(state: SchedulerState, now: Now): Decision {
  const records: JournalRecord[] = [];
  for (const id of state.volatile.boards.keys()) {
    const job = state.durable.jobs.get(id);
    if (job) records.push(...nextMove(job, now));
  }
  // Assignments follow from what the transitions made of the state, so they wait for the next round.
  if (records.length > 0) return { records, commands: [] };
  const ends = [...endVoidAttempts(state, now), ...endAttempts(state, now)];
  const assigned = assign(state, now);
  return { records: assigned.records, commands: [...ends, ...assigned.commands] };
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
      // Without a map task it needs no slot to begin.
      return job.plan.mapTasks === 0 ? move('in_progress', 'its turn has come') : [];
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

/**
 * One task for each free slot, none ahead, and one for each worker before any has a second. A job whose turn comes for the
 * first time begins with that, and has its tasks in the next round.
 */
function assign(state: SchedulerState, now: Now): Decision {
  const given = new Map<SessionNumber, Assignment[]>();
  const commands = (): Command[] =>
    [...given].map(([session, assignments]) => ({ type: 'send', session, message: { assign: assignments } }));
  for (let isGiving = true; isGiving;) {
    isGiving = false;
    for (const [session, worker] of readyFirst(state, now)) {
      const offer = offerFor(state, worker, now);
      if (!offer) continue;
      if (offer.kind === 'hold') {
        const { board, stage, index } = offer;
        board.hold = { worker: worker.worker, kind: stage.kind, index, sinceMs: now.monotonicMs };
        // The slot that was held before may be somebody's.
        isGiving = true;
        continue;
      }
      if (offer.kind === 'begin') return { records: [begun(offer.job, now)], commands: commands() };
      isGiving = true;
      given.set(session, [...(given.get(session) ?? []), startTask(state, worker, offer, now)]);
    }
  }
  return { records: noteWaits(state, now), commands: commands() };
}

/** Workers with a free slot: those whose executor is up before those whose is not. */
function* readyFirst({ volatile }: SchedulerState, now: Now): Generator<[SessionNumber, WorkerSession]> {
  let hasStarting = false;
  for (const entry of volatile.bySession) {
    if (!hasFreeSlot(volatile, entry[1], now.monotonicMs)) continue;
    if (hasReadySlot(entry[1])) yield entry;
    else hasStarting = true;
  }
  if (!hasStarting) return;
  for (const entry of volatile.bySession) {
    if (hasFreeSlot(volatile, entry[1], now.monotonicMs) && !hasReadySlot(entry[1])) yield entry;
  }
}

function begun(job: Job, now: Now): JournalRecord {
  const reason = 'its first task is given out';
  return { type: 'job-moved', job: job.id, atMs: now.wallMs, to: 'in_progress', reason, failure: undefined };
}

function startTask(
  { volatile }: SchedulerState,
  worker: WorkerSession,
  { job, board, stage, index, beside }: Extract<Offer, { readonly kind: 'task' }>,
  now: Now,
): Assignment {
  const attempt = stage.start(index, volatile.epoch);
  const slots = slotsWanted(stage, index, worker);
  const about = { job: job.id, attempt, kind: stage.kind, index, worker: worker.worker, slots };
  const running = newAttempt(about, now.monotonicMs, beside !== undefined);
  const together = stage.together(index, { worker: worker.worker, isHere: isHere(volatile) });
  worker.running.set(runningKey(job.id, attempt), running);
  held(volatile, board, running);
  return assignmentOf(job, running, together);
}

function assignmentOf(
  job: Job,
  { attempt, kind, index, slots }: RunningAttempt,
  together: PartitionRange | undefined,
): Assignment {
  const { codeVersion, params, inputs, output, baseUri, limitRecords } = job.request;
  const inspect = kind === 'inspect' ? { params, inputs, output, baseUri, limitRecords } : undefined;
  const work = kind === 'reduce' ? workOf(job) : undefined;
  const { generation, revision } = work ? stageVersion(work) : { generation: 0, revision: 0 };
  const about = { job: job.id, attempt, kind, index, generation, revision, codeVersion, inspect, together };
  // Should it fail as well, it is known where.
  const isCareful = kind === 'map' && job.failures.has(attemptParts(attempt).task);
  return { ...about, ...(slots > 1 && { slots }), ...(isCareful && { isCareful }) };
}
