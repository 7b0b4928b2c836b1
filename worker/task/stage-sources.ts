/** What a reduce task reads, from the manifest of the map stage and the indexes of its shuffle objects. */
import { hex64 } from '../../shared/codec/checksum.js';
import { identityOf } from '../../shared/codec/frame.js';
import {
  INDEX_ENTRY_BYTES,
  parseIndex,
  parseIndexEntry,
  parseTail,
  type PartitionEntry,
} from '../../shared/codec/shuffle-object.js';
import { parseStageManifest } from '../../shared/codec/stage-manifest.js';
import { GristmillError } from '../../shared/errors.js';
import type { JobId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import { storeKeys, type StageManifest, type StageObject, type StageVersion } from '../../shared/plan.js';
import type { CallOptions, ObjectStore } from '../../shared/store/object-store.js';
import type { PartitionRange } from '../../shared/protocol.js';
import type { StageSource } from '../ports.js';
import { asFetchFailure, fetchAll, isFetchFailure } from './fetch-failure.js';

/** Indexes that have been fetched and checked, by attempt: each is read once for every partition. */
export interface KeptIndexes {
  /** The entries of these partitions; undefined when the index is not kept. */
  entries(attempt: string, range: PartitionRange): Promise<Uint8Array | undefined>;
  keep(attempt: string, index: Uint8Array): Promise<void>;
}

/** What an object has for each of the partitions that were asked for. */
export interface ObjectEntries {
  readonly object: StageObject;
  readonly entries: readonly PartitionEntry[];
}

export class StageSources {
  private readonly job: JobId;
  private readonly store: ObjectStore;
  private readonly kept: KeptIndexes;
  private last: { readonly key: string; readonly manifest: StageManifest } | undefined;

  constructor(job: JobId, store: ObjectStore, kept: KeptIndexes) {
    this.job = job;
    this.store = store;
    this.kept = kept;
  }

  /** The objects that hold records of `partition`, in map order. Throws as `entries` does. */
  async of(version: StageVersion, partition: number, options: CallOptions = {}): Promise<StageSource[]> {
    const objects = await this.entries(version, { first: partition, end: partition + 1 }, options);
    return objects.flatMap(({ object, entries }) => sourceOf(object, entries[0]) ?? []);
  }

  /**
   * What every object of the stage has for these partitions, in map order. Throws `shuffle-missing` and `shuffle-corrupt`
   * with the producers of all objects that cannot be read.
   */
  async entries(
    version: StageVersion,
    range: PartitionRange,
    options: CallOptions = {},
  ): Promise<readonly ObjectEntries[]> {
    const { objects } = await this.manifest(version, options);
    return fetchAll(objects, options, async (object, call) => ({
      object,
      entries: await this.entriesOf(object, range, call),
    }));
  }

  /** Written once under its name, so the last one that was read is as good as read again. */
  private async manifest(version: StageVersion, options: CallOptions): Promise<StageManifest> {
    const key = storeKeys.stageManifest(this.job, 'map', version);
    if (this.last?.key === key) return this.last.manifest;
    const manifest = parseStageManifest(await this.store.get(key, options));
    if (manifest.job === this.job && manifest.generation === version.generation) {
      this.last = { key, manifest };
      return manifest;
    }
    throw new GristmillError('manifest-invalid', 'the stage manifest is of another job or generation', {
      context: { key },
    });
  }

  private async entriesOf(
    object: StageObject,
    range: PartitionRange,
    options: CallOptions,
  ): Promise<readonly PartitionEntry[]> {
    const kept = await this.keptEntries(object, range);
    if (kept) return kept;
    for (let reads = 1; ; reads++) {
      try {
        return parseEntries(entriesIn(await this.fetch(object, options), range), range);
      } catch (error) {
        if (!isFetchFailure(error) || reads >= limits.shuffleReadsMax) throw asFetchFailure(error, object);
      }
    }
  }

  /** What is kept is a copy: a broken one is nobody's fault, and the index is fetched again. */
  private async keptEntries(
    { attempt }: StageObject,
    range: PartitionRange,
  ): Promise<readonly PartitionEntry[] | undefined> {
    try {
      const bytes = await this.kept.entries(attempt, range);
      return bytes && parseEntries(bytes, range);
    } catch (error) {
      if (!isFetchFailure(error)) throw error;
      return undefined;
    }
  }

  private async fetch(object: StageObject, options: CallOptions): Promise<Uint8Array> {
    const start = Math.max(0, object.bytes - limits.footerReadBytes);
    const end = await this.store.get(object.key, { range: { start, end: object.bytes }, ...options });
    const tail = parseTail(end, identityOf(this.job, object.attempt), object.bytes);
    if (hex64(tail.digest) !== object.digest) {
      throw new GristmillError('shuffle-corrupt', 'a shuffle object has another index than its map task reported');
    }
    const { indexOffset, indexBytes } = tail;
    const range = { start: indexOffset, end: indexOffset + indexBytes };
    const index =
      indexOffset >= start
        ? end.slice(indexOffset - start, range.end - start)
        : await this.store.get(object.key, { range, ...options });
    parseIndex(index, tail);
    await this.kept.keep(object.attempt, index);
    return index;
  }
}

/** Undefined where the object has no records of the partition. */
export function sourceOf({ key, attempt }: StageObject, entry: PartitionEntry | undefined): StageSource | undefined {
  if (!entry || entry.records === 0) return undefined;
  const { offset, bytes, records, weight, sum } = entry;
  return { key, attempt, offset, bytes, records, weight, sum };
}

export function entriesIn(index: Uint8Array, { first, end }: PartitionRange): Uint8Array {
  return index.subarray(first * INDEX_ENTRY_BYTES, end * INDEX_ENTRY_BYTES);
}

function parseEntries(bytes: Uint8Array, { first, end }: PartitionRange): PartitionEntry[] {
  return Array.from({ length: end - first }, (_, i) =>
    parseIndexEntry(bytes.subarray(i * INDEX_ENTRY_BYTES, (i + 1) * INDEX_ENTRY_BYTES), first + i),
  );
}
