/** Winners of a job's tasks: kept as columns where nothing but a few numbers is known of them. Written by `evolve` only. */
import { addCounts, zeroCounts, type Counts } from '../../shared/counts.js';
import { GristmillError } from '../../shared/errors.js';
import { attemptId, attemptParts, taskId, type AttemptId, type TaskKind } from '../../shared/ids.js';
import { emptyCountColumns } from './count-columns.js';
import { stageVersion, winMap } from './lost-maps.js';
import type { PlanFacts, WonResult } from './records.js';
import { isEnded, workOf, type Job, type MapWinners, type SealedWinner, type Work } from './state.js';

export function emptyWork(kind: 'reduce' | 'map-only', plan: PlanFacts): Work {
  return {
    maps: kind === 'reduce' ? emptyWinners(plan.mapTasks) : undefined,
    mapsWon: 0,
    revision: 0,
    differing: [],
    sealed: new Array<SealedWinner | undefined>(plan.partitions).fill(undefined),
    sealedWon: 0,
    mapCounts: zeroCounts,
    sealedCounts: zeroCounts,
  };
}

function emptyWinners(tasks: number): MapWinners {
  return {
    epoch: new Float64Array(tasks),
    n: new Uint32Array(tasks),
    digest: new BigUint64Array(tasks),
    bytes: new Float64Array(tasks),
    spread: new Uint8Array(tasks),
    counts: emptyCountColumns(tasks),
    losses: new Uint8Array(tasks),
  };
}

/** Records a winner. A task that has one already keeps it: that is a defect, and refused. */
export function win(work: Work, attempt: AttemptId, result: Exclude<WonResult, { kind: 'inspect' }>): Work {
  const { index } = attemptParts(attempt);
  if (hasWinner(work, result.kind, index)) {
    throw new GristmillError('journal-corrupt', 'a task has won twice', { context: { attempt } });
  }
  if (result.kind === 'map' && work.maps) return winMap(work, work.maps, attempt, result);
  if (result.kind === 'reduce' && (result.generation ?? 0) !== stageVersion(work).generation) {
    throw new GristmillError('journal-corrupt', 'a winner of a generation that is void', { context: { attempt } });
  }
  if (result.seal === undefined) {
    throw new GristmillError('journal-corrupt', 'a winner without its seal', { context: { attempt } });
  }
  const declared =
    result.kind === 'reduce'
      ? { sum: result.declaredSum, records: result.declaredRecords, weight: result.declaredWeight }
      : undefined;
  (work.sealed as (SealedWinner | undefined)[])[index] = {
    attempt,
    seal: result.seal,
    counts: result.counts,
    declared,
  };
  return { ...work, sealedWon: work.sealedWon + 1, sealedCounts: addCounts(work.sealedCounts, result.counts) };
}

/** Forgets the winner of a part, so that its task runs again. */
export function loseWinner(work: Work, index: number): Work {
  (work.sealed as (SealedWinner | undefined)[])[index] = undefined;
  let sealedCounts: Counts = zeroCounts;
  for (const winner of work.sealed) if (winner) sealedCounts = addCounts(sealedCounts, winner.counts);
  return { ...work, sealedWon: work.sealedWon - 1, sealedCounts };
}

function hasWinner(work: Work, kind: TaskKind, index: number): boolean {
  if (kind === 'map' && work.maps) return work.maps.n[index] !== 0;
  return work.sealed[index] !== undefined;
}

/** The winning attempt of a map task that left a shuffle object. */
export function mapWinner(work: Work, index: number): AttemptId | undefined {
  const n = work.maps?.n[index] ?? 0;
  return n === 0 ? undefined : attemptId(taskId('map', index), work.maps?.epoch[index] ?? 0, n);
}

/** The winner of a task, whatever its kind; undefined while it has none. */
export function winnerOf(job: Job, kind: TaskKind, index: number): AttemptId | undefined {
  if (kind === 'inspect') return job.state === 'validating' ? job.inspection?.attempt : undefined;
  const work = workOf(job);
  if (!work) return undefined;
  return kind === 'map' && work.maps ? mapWinner(work, index) : work.sealed[index]?.attempt;
}

/** True once every task of the job's last stage has a winner. */
export function isWorkDone(work: Work): boolean {
  return work.sealedWon === work.sealed.length;
}

export function isMapStageDone(work: Work): boolean {
  return work.maps !== undefined && work.mapsWon === work.maps.n.length;
}

/** True while a map task of a job with a reduce stage has no winner, or none whose object can be read. */
export function isMapMissing(work: Work): boolean {
  return work.maps !== undefined && !isMapStageDone(work);
}

export function totalCounts(work: Work): Counts {
  return addCounts(work.mapCounts, work.sealedCounts);
}

/** Tasks of a kind that the job has now, whether or not they may run. */
export function tasksOf(job: Job, kind: TaskKind): number {
  if (kind === 'inspect') return 1;
  if (isEnded(job) || job.state === 'validating') return 0;
  if (kind === 'map') return job.plan.mapTasks;
  return job.inspected.kind === 'reduce' ? job.plan.partitions : 0;
}
