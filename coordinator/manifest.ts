/**
 * What a finished job leaves beside its parts: the manifest, the commit point, says what the result is. Made from
 * durable state alone, so that a successor writes the same bytes.
 */
import { hex64 } from '../shared/codec/checksum.js';
import type { OutputManifest } from '../shared/codec/manifest.js';
import { outputNames, storeKeys, type StageManifest } from '../shared/plan.js';
import { lawsOf } from './scheduler/end-of-work.js';
import type { CommittingJob, InProgressJob } from './scheduler/state.js';
import { mapWinner, totalCounts } from './scheduler/work.js';

export function makeManifest(job: CommittingJob): OutputManifest {
  const { request, inspected, work } = job;
  const { limitRecords } = request;
  return {
    version: 1,
    job: job.id,
    name: inspected.name,
    codeVersion: request.codeVersion,
    complete: limitRecords === undefined && !job.isPartial,
    ...(limitRecords !== undefined && { limit: limitRecords }),
    parts: work.sealed.flatMap((winner, partition) => {
      if (!winner) return [];
      const { seal, attempt, counts } = winner;
      const key = outputNames.part(partition, inspected.format);
      return [{ key, bytes: seal.bytes, xxh64: hex64(seal.xxh64), rows: counts.rowsWritten, attempt }];
    }),
    counts: totalCounts(work),
    balance: lawsOf(inspected, work, job.isPartial),
    params: request.params,
    createdAtMs: committedAtMs(job),
  };
}

/** When the commit began: the same for whoever finishes it. */
function committedAtMs(job: CommittingJob): number {
  const began = job.events.findLast((event) => event.type === 'state' && event.to === 'committing');
  return began?.atMs ?? job.submittedAtMs;
}

export function makeStageManifest(job: InProgressJob | CommittingJob, generation: number): StageManifest {
  const { work, id } = job;
  const { maps } = work;
  const objects = Array.from({ length: maps?.n.length ?? 0 }, (_, index) => {
    const attempt = mapWinner(work, index) ?? '';
    const spread = (maps?.spread[index] ?? 0).toString(16).padStart(2, '0');
    return {
      attempt,
      key: storeKeys.shuffle(id, spread, attempt),
      bytes: maps?.bytes[index] ?? 0,
      digest: hex64(maps?.digest[index] ?? 0n),
    };
  });
  return { version: 1, job: id, stage: 'map', generation, objects };
}
