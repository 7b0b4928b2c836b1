/** What a reduce task reads, from the manifest of the map stage and the indexes of its shuffle objects. */
import { hex64 } from '../../shared/codec/checksum.js';
import { identityOf } from '../../shared/codec/frame.js';
import {
  INDEX_ENTRY_BYTES,
  parseIndex,
  parseIndexEntry,
  parseTail,
  TAIL_BYTES,
} from '../../shared/codec/shuffle-object.js';
import { parseStageManifest } from '../../shared/codec/stage-manifest.js';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import { storeKeys, type StageObject } from '../../shared/plan.js';
import type { CallOptions, ObjectStore } from '../../shared/store/object-store.js';
import type { StageSource } from '../ports.js';
import { asFetchFailure } from './fetch-failure.js';

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

  /** The objects that hold records of `partition`, in map order. Throws `shuffle-missing` and `shuffle-corrupt`. */
  async of(generation: number, partition: number, options: CallOptions = {}): Promise<StageSource[]> {
    const key = storeKeys.stageManifest(this.job, 'map', generation);
    const manifest = parseStageManifest(await this.store.get(key, options));
    const sources: StageSource[] = [];
    for (const object of manifest.objects) {
      const entry =
        (await this.kept.entry(object.attempt, partition)) ?? (await this.fetch(object, partition, options));
      const { offset, bytes, records, weight, sum } = parseIndexEntry(entry, partition);
      if (records > 0) sources.push({ key: object.key, attempt: object.attempt, offset, bytes, records, weight, sum });
    }
    return sources;
  }

  private async fetch(object: StageObject, partition: number, options: CallOptions): Promise<Uint8Array> {
    try {
      const tailRange = { start: object.bytes - TAIL_BYTES, end: object.bytes };
      const tailBytes = await this.store.get(object.key, { range: tailRange, ...options });
      const tail = parseTail(tailBytes, identityOf(this.job, object.attempt), object.bytes);
      if (hex64(tail.digest) !== object.digest) throw corrupt(object, 'has another index than its map task reported');
      const range = { start: tail.indexOffset, end: tail.indexOffset + tail.indexBytes };
      const index = await this.store.get(object.key, { range, ...options });
      parseIndex(index, tail);
      await this.kept.keep(object.attempt, index);
      return entryOf(index, partition);
    } catch (error) {
      throw asFetchFailure(error, object.key);
    }
  }
}

export function entryOf(index: Uint8Array, partition: number): Uint8Array {
  return index.subarray(partition * INDEX_ENTRY_BYTES, (partition + 1) * INDEX_ENTRY_BYTES);
}

function corrupt(object: StageObject, what: string): GristmillError {
  return new GristmillError('shuffle-corrupt', `a shuffle object ${what}`, { context: { key: object.key } });
}
