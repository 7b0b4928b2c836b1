/**
 * Map tasks whose shuffle object cannot be read any more, as durable state. Such a task has no winner until it has run
 * again; what its last winner said of its output is kept, to be compared.
 *
 * ```
 *            map-lost                  task-won, the same index digest
 *   won  --------------->  lost  ------------------------------------------>  won, under another key: a new revision
 *                            |         task-won, another index digest
 *                            +--------------------------------------------->  won, with another output: a new generation,
 *                                                                             in which nothing has been reduced yet
 * ```
 */
import { addCounts, subtractCounts, zeroCounts } from '../../shared/counts.js';
import { attemptParts, type AttemptId } from '../../shared/ids.js';
import type { StageVersion } from '../../shared/plan.js';
import { countsAt, setCounts } from './count-columns.js';
import type { WonResult } from './records.js';
import type { MapWinners, SealedWinner, Work } from './state.js';

type MapResult = Extract<WonResult, { readonly kind: 'map' }>;

/** What the stage manifest is called that says who the winners are now. */
export function stageVersion({ differing, revision }: Work): StageVersion {
  return { generation: differing.length, revision };
}

/** Times that the task's shuffle object was found unreadable. */
export function lossesOf(work: Work, index: number): number {
  return work.maps?.losses[index] ?? 0;
}

export function isMapLost(maps: MapWinners, index: number): boolean {
  return maps.n[index] === 0 && maps.losses[index] !== 0;
}

/** True when the task has run before and left something else. */
export function isOtherOutput(work: Work, index: number, { digest }: MapResult): boolean {
  return work.maps !== undefined && isMapLost(work.maps, index) && work.maps.digest[index] !== digest;
}

/** The winner's object is gone. Its counts count on until there is another: what was reduced has read it. */
export function loseMap(work: Work, attempt: AttemptId): Work {
  const { index, epoch, n } = attemptParts(attempt);
  const { maps } = work;
  if (!maps || maps.n[index] !== n || maps.epoch[index] !== epoch) return work;
  maps.n[index] = 0;
  maps.losses[index] = lossesOf(work, index) + 1;
  return { ...work, mapsWon: work.mapsWon - 1, revision: work.revision + 1 };
}

/** A map task without a winner has one. */
export function winMap(work: Work, maps: MapWinners, attempt: AttemptId, result: MapResult): Work {
  const { index, epoch, n } = attemptParts(attempt);
  const differs = isOtherOutput(work, index, result);
  const others = isMapLost(maps, index) ? subtractCounts(work.mapCounts, countsAt(maps.counts, index)) : work.mapCounts;
  maps.epoch[index] = epoch;
  maps.n[index] = n;
  maps.digest[index] = result.digest;
  maps.bytes[index] = result.bytes;
  maps.spread[index] = spreadOf(result.key);
  setCounts(maps.counts, index, result.counts);
  const won = { ...work, mapsWon: work.mapsWon + 1, mapCounts: addCounts(others, result.counts) };
  return differs ? nextGeneration(won, index) : won;
}

function nextGeneration(work: Work, index: number): Work {
  (work.sealed as (SealedWinner | undefined)[]).fill(undefined);
  return { ...work, sealedWon: 0, sealedCounts: zeroCounts, revision: 0, differing: [...work.differing, index] };
}

/** `v1/shuffle/<job>/<2 hex>/<attempt>`: the two digits. */
function spreadOf(key: string): number {
  return parseInt(key.split('/').at(-2) ?? '', 16);
}
