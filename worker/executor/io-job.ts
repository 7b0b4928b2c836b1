/** What the I/O thread knows of the job its executor works for: the store, and what the agent's job directory caches. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identityOf } from '../../shared/codec/frame.js';
import { hex64 } from '../../shared/codec/checksum.js';
import { parseStageManifest } from '../../shared/codec/stage-manifest.js';
import {
  INDEX_ENTRY_BYTES,
  parseIndex,
  parseIndexEntry,
  parseTail,
  TAIL_BYTES,
  type PartitionEntry,
} from '../../shared/codec/shuffle-object.js';
import { GristmillError } from '../../shared/errors.js';
import { expandInputs } from '../../shared/formats/inputs.js';
import { limitInputs } from '../../shared/formats/limit.js';
import { storeKeys, type Plan, type StageObject } from '../../shared/plan.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import { openStore } from '../../shared/store/open.js';
import { asFetchFailure } from './fetch-failure.js';
import type { IoCall, JobPlace, StageSource } from './io-requests.js';

export class IoJob {
  readonly place: JobPlace;
  readonly store: ObjectStore;

  constructor(place: JobPlace) {
    this.place = place;
    this.store = openStore(place.storeUri);
  }

  async answer(call: Exclude<IoCall, { name: 'finish' }>, signal: AbortSignal): Promise<unknown> {
    switch (call.name) {
      case 'bundle':
        return this.bundle(call.sha256, signal);
      case 'plan':
        return this.plan(signal);
      case 'stage':
        return this.stageSources(call.generation, call.partition, signal);
      case 'expand-inputs': {
        const inputs = await expandInputs(call.uris, call.spec.baseUri);
        return call.spec.limitRecords === undefined ? inputs : limitInputs(inputs, call.spec.limitRecords);
      }
      case 'put': {
        const { etag } = await this.store.put(call.key, call.bytes, { signal });
        return { uri: `${this.store.uri.replace(/\/$/, '')}/${call.key}`, etag };
      }
    }
  }

  /** The path of the job's bundle, fetched once per agent and checked against its name. */
  private async bundle(sha256: string, signal: AbortSignal): Promise<string> {
    const path = join(this.place.jobDir, `${sha256}.mjs`);
    const cached = await readFile(path).catch(() => undefined);
    if (cached && isBundle(cached, sha256)) return path;
    const bytes = await this.store.get(storeKeys.bundle(sha256), { signal });
    if (!isBundle(bytes, sha256)) {
      throw new GristmillError('bundle-corrupt', 'the bundle does not have the hash that is its name', {
        context: { sha256 },
      });
    }
    await this.keep(path, bytes);
    return path;
  }

  private async plan(signal: AbortSignal): Promise<Plan> {
    const bytes = await this.store.get(storeKeys.plan(this.place.job), { signal });
    return JSON.parse(Buffer.from(bytes).toString()) as Plan;
  }

  /** The objects that hold records of `partition`, from the stage's manifest and the objects' indexes. */
  private async stageSources(generation: number, partition: number, signal: AbortSignal): Promise<StageSource[]> {
    const key = storeKeys.stageManifest(this.place.job, 'map', generation);
    const manifest = parseStageManifest(await this.store.get(key, { signal }));
    const sources: StageSource[] = [];
    for (const object of manifest.objects) {
      const { offset, bytes, records, weight, sum } = await this.indexEntry(object, partition, signal);
      if (records > 0) sources.push({ key: object.key, attempt: object.attempt, offset, bytes, records, weight, sum });
    }
    return sources;
  }

  /** From the object's index, fetched once per agent and kept as a file, of which only the entry is read. */
  private async indexEntry(object: StageObject, partition: number, signal: AbortSignal): Promise<PartitionEntry> {
    const path = join(this.place.jobDir, `${object.attempt}.index`);
    const entry = (await readEntry(path, partition)) ?? (await this.fetchIndex(object, path, partition, signal));
    return parseIndexEntry(entry, partition);
  }

  private async fetchIndex(
    object: StageObject,
    path: string,
    partition: number,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    try {
      const tailRange = { start: object.bytes - TAIL_BYTES, end: object.bytes };
      const tailBytes = await this.store.get(object.key, { range: tailRange, signal });
      const tail = parseTail(tailBytes, identityOf(this.place.job, object.attempt), object.bytes);
      if (hex64(tail.digest) !== object.digest) throw corrupt(object, 'has another index than its map task reported');
      const range = { start: tail.indexOffset, end: tail.indexOffset + tail.indexBytes };
      const index = await this.store.get(object.key, { range, signal });
      parseIndex(index, tail);
      await this.keep(path, index);
      return index.subarray(partition * INDEX_ENTRY_BYTES, (partition + 1) * INDEX_ENTRY_BYTES);
    } catch (error) {
      throw asFetchFailure(error, object.key);
    }
  }

  /** Appears whole or not at all: executors of one agent may fetch the same thing at once. */
  private async keep(path: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.place.jobDir, { recursive: true });
    const temporary = `${path}.${process.pid}`;
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  }
}

function isBundle(bytes: Uint8Array, sha256: string): boolean {
  return createHash('sha256').update(bytes).digest('hex') === sha256;
}

/** An entry of an index that is kept; undefined when it is not. */
async function readEntry(path: string, partition: number): Promise<Uint8Array | undefined> {
  const file = await open(path).catch(() => undefined);
  if (!file) return undefined;
  try {
    const entry = new Uint8Array(INDEX_ENTRY_BYTES);
    const { bytesRead } = await file.read(entry, 0, INDEX_ENTRY_BYTES, partition * INDEX_ENTRY_BYTES);
    return entry.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function corrupt(object: StageObject, what: string): GristmillError {
  return new GristmillError('shuffle-corrupt', `a shuffle object ${what}`, { context: { key: object.key } });
}
