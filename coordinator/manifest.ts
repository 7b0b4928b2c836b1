/**
 * What a finished job leaves beside its parts: the manifest, the commit point, says what the result is. Made from
 * durable state alone, so that a successor writes the same bytes.
 */
import { hex64 } from '../shared/codec/checksum.js';
import type { Law } from '../shared/counts.js';
import { outputNames, type SinkFormat, type StageManifest, storeKeys } from '../shared/plan.js';
import { lawsOf } from './scheduler/end-of-work.js';
import type { CommittingJob, InProgressJob } from './scheduler/state.js';
import { mapWinner, totalCounts } from './scheduler/work.js';

/** One part of the result. Checksums are xxh64 of the file's bytes, 16 hex digits. */
export interface ManifestPart {
  /** Name below the output. */
  readonly key: string;
  readonly partition: number;
  readonly bytes: number;
  readonly rows: number;
  readonly xxh64: string;
  readonly attempt: string;
}

/** `<output>/_manifest.json`, version 1. 64-bit sums are 16 hex digits. */
export interface Manifest {
  readonly version: 1;
  readonly job: string;
  readonly name: string;
  readonly codeVersion: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly format: SinkFormat;
  /** False under `--limit`: the result is right, and not of all records. */
  readonly complete: boolean;
  readonly limit: number | undefined;
  readonly submittedAtMs: number;
  readonly partitions: number;
  readonly parts: readonly ManifestPart[];
  readonly counts: Readonly<Record<string, unknown>>;
  readonly balance: readonly Law[];
}

export function makeManifest(job: CommittingJob): Manifest {
  const { request, inspected, plan, work } = job;
  return {
    version: 1,
    job: job.id,
    name: inspected.name,
    codeVersion: request.codeVersion,
    params: request.params,
    format: inspected.format,
    complete: request.limitRecords === undefined,
    limit: request.limitRecords,
    submittedAtMs: job.submittedAtMs,
    partitions: plan.partitions,
    parts: work.sealed.flatMap((winner, partition) => {
      if (!winner) return [];
      const { seal, attempt, counts } = winner;
      const key = outputNames.part(partition, inspected.format);
      return [{ key, partition, bytes: seal.bytes, rows: counts.rowsWritten, xxh64: hex64(seal.xxh64), attempt }];
    }),
    counts: Object.fromEntries(
      Object.entries(totalCounts(work)).map(([name, value]): [string, unknown] => [
        name,
        typeof value === 'bigint' ? hex64(value) : value,
      ]),
    ),
    balance: lawsOf(inspected, work),
  };
}

export function makeStageManifest(job: InProgressJob): StageManifest {
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
  return { version: 1, job: id, stage: 'map', generation: 0, objects };
}
