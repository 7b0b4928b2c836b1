/** What the end of an effect makes so. A result that comes too late for its job's state makes nothing so. */
import type { Decision, Now, SchedulerEvent } from './events.js';
import { stageOf } from './board.js';
import { stageVersion } from './lost-maps.js';
import { attemptParts, type AttemptId } from '../../shared/ids.js';
import type { StageVersion } from '../../shared/plan.js';
import type { JournalRecord } from './records.js';
import type { Job } from './state.js';
import { isActive } from './transition.js';
import { openBoard, type SchedulerState } from './volatile.js';
import { isMapStageDone } from './work.js';

type Ended = Extract<SchedulerEvent, { readonly type: 'effect-ended' }>;

export function decideEffect(state: SchedulerState, event: Ended, now: Now): Decision {
  const job = state.durable.jobs.get(event.job);
  return { records: job ? recordsOf(state, job, event, now) : [], commands: [] };
}

function recordsOf(state: SchedulerState, job: Job, { effect, result }: Ended, now: Now): readonly JournalRecord[] {
  const about = { job: job.id, atMs: now.wallMs };
  switch (result.kind) {
    case 'inspected':
      return job.state === 'validating' ? [{ type: 'job-inspected', ...about, inspected: result.inspected }] : [];
    case 'claimed':
      if (job.state !== 'validating') return [];
      return [
        { type: 'output-claimed', ...about, claim: result.claim },
        ...(result.claim.tookOver === undefined ? [] : [notice(about, 'took-over', result.claim.tookOver)]),
      ];
    case 'planned':
      if (job.state !== 'validating') return [];
      return [
        ...result.notices.map((message) => notice(about, 'plan', message)),
        { type: 'job-planned', ...about, plan: result.plan },
      ];
    case 'done':
      if (effect.kind === 'stage-manifest') {
        return isCurrent(job, effect) ? [{ type: 'step-done', ...about, step: 'stage-manifest' }] : [];
      }
      if (effect.kind === 'step') return [{ type: 'step-done', ...about, step: effect.step }];
      if (effect.kind !== 'publish' || job.state !== 'committing') return [];
      return [{ type: 'part-published', ...about, part: effect.part }];
    case 'dropped':
      return [];
    case 'staged-missing':
      return lost(state, job, result.attempt, about);
    case 'given-up':
      if (effect.kind !== 'step') return [];
      return [
        notice(about, 'not-cleaned-up', result.failure.message),
        { type: 'step-done', ...about, step: effect.step },
      ];
    case 'failed': {
      if (!isActive(job.state)) return [];
      const { failure } = result;
      return [{ type: 'job-moved', ...about, to: 'failed', reason: failure.message, failure }];
    }
  }
}

/** An object may have been lost while the manifest was written that names it. */
function isCurrent(job: Job, { generation, revision }: StageVersion): boolean {
  if (job.state !== 'in_progress' && job.state !== 'committing') return false;
  const now = stageVersion(job.work);
  return now.generation === generation && now.revision === revision && isMapStageDone(job.work);
}

function notice(about: { job: Job['id']; atMs: number }, code: string, message: string): JournalRecord {
  return { type: 'noticed', ...about, code, message };
}

function lost(
  { volatile }: SchedulerState,
  job: Job,
  attempt: AttemptId,
  about: { job: Job['id']; atMs: number },
): readonly JournalRecord[] {
  if (job.state !== 'committing') return [];
  const { kind, index } = attemptParts(attempt);
  if (job.work.sealed[index]?.attempt !== attempt) return [];
  stageOf(openBoard(volatile, job.id), job, kind).markWaiting(index);
  const message = `the staged output of ${attempt} is gone; ${job.isPartial ? 'its part is left out' : 'its task runs again'}`;
  return [notice(about, 'staged-missing', message), { type: 'winner-lost', ...about, attempt }];
}
