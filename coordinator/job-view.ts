/** A job and its events as clients see them: durable state, with the progress of running attempts merged in. */
import type { Counts, Law } from '../shared/counts.js';
import { zeroCounts } from '../shared/counts.js';
import type { Failure } from '../shared/errors.js';
import { taskId, type JobId, type TaskKind } from '../shared/ids.js';
import { outputNames } from '../shared/plan.js';
import type { JobBoard } from './scheduler/board.js';
import { lawsOf } from './scheduler/end-of-work.js';
import { hasResult, isEnded, outcomeOf, workOf, type Job, type LoggedEvent } from './scheduler/state.js';
import type { JobState, Outcome } from './scheduler/transition.js';
import { totalCounts } from './scheduler/work.js';

/** Tasks that a warning names. */
const WARNED_TASKS_MAX = 3;

export interface StageProgress {
  readonly stage: 'map' | 'reduce';
  readonly tasks: number;
  readonly tasksDone: number;
  readonly tasksRunning: number;
  /** Of winning and running attempts. */
  readonly records: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export interface JobView {
  readonly job: JobId;
  readonly name: string;
  readonly state: JobState;
  /** How it ended; an archived job keeps it. */
  readonly outcome: Outcome | undefined;
  readonly reason: string;
  readonly submittedAtMs: number;
  readonly endedAtMs: number | undefined;
  readonly output: string;
  readonly stages: readonly StageProgress[];
  readonly counts: Counts;
  readonly failure: Failure | undefined;
  readonly codeVersion: string;
  readonly partitions: number;
  readonly failedAttempts: number;
  readonly parts: readonly string[];
  readonly balance: string;
  /** What a person should know of a result that is right all the same. */
  readonly warnings: readonly string[];
}

/**
 * A cursor is `place of the last durable event * CURSOR_STEP + progress events after it`: it only grows. Large enough for
 * weeks of progress without a durable event.
 */
export const CURSOR_STEP = 2 ** 24;

export type JobEventView = { readonly cursor: number; readonly atMs: number } & (
  | Exclude<Stripped<LoggedEvent>, { readonly type: 'outcome' }>
  | { readonly type: 'progress'; readonly progress: StageProgress }
  | { readonly type: 'outcome'; readonly outcome: JobView }
);
type Stripped<T> = T extends unknown ? Omit<T, 'index' | 'atMs'> : never;

export function eventView(job: Job, event: LoggedEvent): JobEventView {
  const { index, atMs, ...rest } = event;
  const head = { cursor: (index + 1) * CURSOR_STEP, atMs };
  return rest.type === 'outcome' ? { ...head, type: 'outcome', outcome: outcomeView(job) } : { ...head, ...rest };
}

/** As it was told first: whoever watches later, even of an archived job, is told the same. */
function outcomeView(job: Job): JobView {
  const view = jobView(job, undefined);
  return { ...view, state: view.outcome ?? view.state };
}

export function jobView(job: Job, board: JobBoard | undefined): JobView {
  const { id, request, submittedAtMs } = job;
  const work = workOf(job);
  return {
    job: id,
    name: job.inspected?.name ?? request.name,
    state: job.state,
    outcome: isEnded(job) ? outcomeOf(job) : undefined,
    reason: reasonOf(job, board),
    submittedAtMs,
    endedAtMs: isEnded(job) ? job.endedAtMs : undefined,
    output: job.inspected?.output ?? request.output ?? '',
    stages: stageViews(job, board),
    counts: work ? totalCounts(work) : ((job.state === 'archived' ? job.kept.counts : undefined) ?? zeroCounts),
    failure: isEnded(job) ? job.failure : undefined,
    codeVersion: request.codeVersion,
    partitions: job.plan?.partitions ?? 0,
    failedAttempts: job.state === 'archived' ? job.kept.failedAttempts : job.failedAttempts.size,
    parts: partsOf(job),
    balance: balanceOf(job),
    warnings: warningsOf(job),
  };
}

/** A map that is not deterministic: the result is of one run of it, and the next job may have another. */
function warningsOf(job: Job): readonly string[] {
  const differing = [...new Set(workOf(job)?.differing ?? [])].map((index) => taskId('map', index));
  if (differing.length === 0) return [];
  const named = differing.slice(0, WARNED_TASKS_MAX).join(', ');
  const more = differing.length > WARNED_TASKS_MAX ? ` and ${differing.length - WARNED_TASKS_MAX} more` : '';
  const which = `${named}${more} gave different output when run again`;
  return [`map is not deterministic: ${which}; the result is of the last run alone`];
}

function reasonOf(job: Job, board: JobBoard | undefined): string {
  if (isEnded(job)) return job.reason;
  if (board?.wait) return board.wait.sentence;
  const moves = job.events.filter((event) => event.type === 'state');
  return moves.at(-1)?.reason ?? '';
}

function partsOf(job: Job): readonly string[] {
  const { inspected, plan } = job;
  const hasRun = isEnded(job) && (job.state === 'archived' ? job.kept.counts : job.work) !== undefined;
  if (!hasRun || !hasResult(job) || !inspected || !plan) return [];
  const folder = inspected.output.endsWith('/') ? inspected.output : `${inspected.output}/`;
  const parts = Array.from({ length: plan.partitions }, (_, part) => part);
  const there = outcomeOf(job) === 'expired' ? parts.filter((part) => job.published?.has(part)) : parts;
  return there.map((part) => folder + outputNames.part(part, inspected.format));
}

function balanceOf(job: Job): string {
  if (job.state === 'archived') return textOf(job.kept.laws);
  const work = workOf(job);
  const isPartial = job.state === 'committing' ? job.isPartial : job.state === 'expired';
  const isDone = job.state === 'committing' || isEnded(job);
  if (!work || !job.inspected || !isDone || work.sealedWon === 0) return '';
  return textOf(lawsOf(job.inspected, work, isPartial));
}

function textOf(laws: readonly Law[]): string {
  return laws.map(({ name, left, right, holds }) => `${holds ? 'ok' : 'NOT'}  ${name}: ${left} = ${right}`).join('\n');
}

/** One line for each stage that has begun. */
export function stageViews(job: Job, board: JobBoard | undefined): readonly StageProgress[] {
  const work = workOf(job);
  const { inspected, plan } = job;
  if (!work || !inspected || !plan) return [];
  const isMapOnly = inspected.kind === 'map-only';
  const counts = isMapOnly ? work.sealedCounts : work.mapCounts;
  const mapping = runningOf(board, 'map');
  const map: StageProgress = {
    stage: 'map',
    tasks: plan.mapTasks,
    tasksDone: isMapOnly ? work.sealedWon : work.mapsWon,
    tasksRunning: mapping.tasks,
    records: counts.recordsRead + mapping.records,
    bytesDone: counts.bytesRead + mapping.bytes,
    bytesTotal: plan.inputBytes,
  };
  const hasReduced = job.steps.has('stage-manifest') || work.revision > 0 || work.differing.length > 0;
  if (isMapOnly || !hasReduced) return [map];
  const reducing = runningOf(board, 'reduce');
  const records = work.sealedCounts.shuffledInRecords + reducing.records;
  const { bytesShuffled, shuffledOutRecords } = work.mapCounts;
  const share = shuffledOutRecords === 0 ? 0 : Math.min(1, records / shuffledOutRecords);
  const reduce: StageProgress = {
    stage: 'reduce',
    tasks: plan.partitions,
    tasksDone: work.sealedWon,
    tasksRunning: reducing.tasks,
    records,
    // Reduce attempts tell records, not bytes; shuffle objects are as dense everywhere as on average.
    bytesDone: work.sealedWon === plan.partitions ? bytesShuffled : Math.floor(share * bytesShuffled),
    bytesTotal: bytesShuffled,
  };
  return [map, reduce];
}

function runningOf(board: JobBoard | undefined, kind: TaskKind) {
  const sum = { tasks: 0, records: 0, bytes: 0 };
  for (const attempt of board?.running.values() ?? []) {
    if (attempt.kind !== kind || attempt.cancelledMs !== undefined) continue;
    sum.tasks++;
    sum.records += attempt.records;
    sum.bytes += attempt.bytes;
  }
  return sum;
}
