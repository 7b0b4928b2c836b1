/** What a reduce task reads, from the manifest of the map stage and the indexes of its shuffle objects. */
import { hex64 } from '../../shared/codec/checksum.js';
import { identityOf } from '../../shared/codec/frame.js';
import {
  INDEX_ENTRY_BYTES,
  parseIndex,
  parseIndexEntry,
  parseTail,
  TAIL_BYTES,
  type PartitionEntry,
} from '../../shared/codec/shuffle-object.js';
import { parseStageManifest } from '../../shared/codec/stage-manifest.js';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { storeKeys, type StageManifest, type StageObject, type StageVersion } from '../../shared/plan.js';
import type { CallOptions, ObjectStore } from '../../shared/store/object-store.js';
import type { StageSource } from '../ports.js';
import { asFetchFailure, isFetchFailure } from './fetch-failure.js';

/** Indexes that have been fetched and checked, by attempt: each is read once for every partition. */
export interface KeptIndexes {
  /** The entry of a partition; undefined when the index is not kept. */
  entry(attempt: string, partition: number): Promise<Uint8Array | undefined>;
  keep(attempt: string, index: Uint8Array): Promise<void>;
}

export class StageSources {
  private readonly job: JobId;
  private readonly store: ObjectStore;
  private readonly kept: KeptIndexes;

  constructor(job: JobId, store: ObjectStore, kept: KeptIndexes) {
    this.job = job;
    this.store = store;
    this.kept = kept;
  }

  /**
   * The objects that hold records of `partition`, in map order. Throws `shuffle-missing` and `shuffle-corrupt` when all
   * have been looked at, with the producers of all that cannot be read: what was lost together is made again together.
   */
  async of(version: StageVersion, partition: number, options: CallOptions = {}): Promise<StageSource[]> {
    const manifest = await this.manifest(version, options);
    const sources: StageSource[] = [];
    const failures: GristmillError[] = [];
    for (const object of manifest.objects) {
      try {
        const { offset, bytes, records, weight, sum } = await this.entry(object, partition, options);
        const { key, attempt } = object;
        if (records > 0) sources.push({ key, attempt, offset, bytes, records, weight, sum });
      } catch (error) {
        if (!isFetchFailure(error)) throw error;
        failures.push(error);
      }
    }
    const [first] = failures;
    if (!first) return sources;
    const producers = failures.flatMap((failure) => failure.producers ?? []);
    throw new GristmillError(first.code, first.message, { cause: first, producers });
  }

  private async manifest(version: StageVersion, options: CallOptions): Promise<StageManifest> {
    const key = storeKeys.stageManifest(this.job, 'map', version);
    const manifest = parseStageManifest(await this.store.get(key, options));
    if (manifest.job === this.job && manifest.generation === version.generation) return manifest;
    throw new GristmillError('manifest-invalid', 'the stage manifest is of another job or generation', {
      context: { key },
    });
  }

  private async entry(object: StageObject, partition: number, options: CallOptions): Promise<PartitionEntry> {
    const kept = await this.keptEntry(object, partition);
    if (kept) return kept;
    for (let reads = 1; ; reads++) {
      try {
        return parseIndexEntry(entryOf(await this.fetch(object, options), partition), partition);
      } catch (error) {
        if (!isFetchFailure(error) || reads >= limits.shuffleReadsMax) throw asFetchFailure(error, object);
      }
    }
  }

  /** What is kept is a copy: a broken one is nobody's fault, and the index is fetched again. */
  private async keptEntry({ attempt }: StageObject, partition: number): Promise<PartitionEntry | undefined> {
    try {
      const entry = await this.kept.entry(attempt, partition);
      return entry && parseIndexEntry(entry, partition);
    } catch (error) {
      if (!isFetchFailure(error)) throw error;
      return undefined;
    }
  }

  private async fetch(object: StageObject, options: CallOptions): Promise<Uint8Array> {
    const tailRange = { start: Math.max(0, object.bytes - TAIL_BYTES), end: object.bytes };
    const tailBytes = await this.store.get(object.key, { range: tailRange, ...options });
    const tail = parseTail(tailBytes, identityOf(this.job, object.attempt), object.bytes);
    if (hex64(tail.digest) !== object.digest) {
      throw new GristmillError('shuffle-corrupt', 'a shuffle object has another index than its map task reported');
    }
    const range = { start: tail.indexOffset, end: tail.indexOffset + tail.indexBytes };
    const index = await this.store.get(object.key, { range, ...options });
    parseIndex(index, tail);
    await this.kept.keep(object.attempt, index);
    return index;
  }
}

export function entryOf(index: Uint8Array, partition: number): Uint8Array {
  return index.subarray(partition * INDEX_ENTRY_BYTES, (partition + 1) * INDEX_ENTRY_BYTES);
}
