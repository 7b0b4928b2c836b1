/** What the I/O thread knows of the job its executor works for: the store, and what the agent's job directory caches. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { INDEX_ENTRY_BYTES } from '../../shared/codec/shuffle-object.js';
import { GristmillError } from '../../shared/errors.js';
import { readHeaders } from '../../shared/formats/csv-header.js';
import { expandInputs } from '../../shared/formats/inputs.js';
import { limitInputs } from '../../shared/formats/limit.js';
import { storeKeys, type FoundInputs, type Plan } from '../../shared/plan.js';
import type { ObjectStore } from '../../shared/store/object-store.js';
import type { Locator, Stores } from '../../shared/store/stores.js';
import { StageSources } from '../task/stage-sources.js';
import type { IoCall, JobPlace } from './io-requests.js';

export class IoJob {
  readonly place: JobPlace;
  readonly store: ObjectStore;
  readonly stores: Stores;
  private readonly stageSources: StageSources;

  constructor(place: JobPlace, stores: Stores) {
    this.place = place;
    this.stores = stores;
    this.store = stores.open(place.storeUri);
    // An index is kept as a file, of which only the entry is read.
    this.stageSources = new StageSources(place.job, this.store, {
      entry: (attempt, partition) => readEntry(this.indexPath(attempt), partition),
      keep: (attempt, index) => this.keep(this.indexPath(attempt), index),
    });
  }

  async answer(call: Exclude<IoCall, { name: 'finish' }>, signal: AbortSignal): Promise<unknown> {
    switch (call.name) {
      case 'bundle':
        return this.bundle(call.sha256, signal);
      case 'plan':
        return this.plan(signal);
      case 'stage':
        return this.stageSources.of(call.version, call.partition, { signal });
      case 'find-inputs':
        return findInputs(call, this.stores);
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

  private indexPath(attempt: string): string {
    return join(this.place.jobDir, `${attempt}.index`);
  }

  /** Appears whole or not at all: executors of one agent may fetch the same thing at once. */
  private async keep(path: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.place.jobDir, { recursive: true });
    const temporary = `${path}.${process.pid}`;
    await writeFile(temporary, bytes);
    await rename(temporary, path);
  }
}

async function findInputs(
  { uris, spec, csv }: Extract<IoCall, { name: 'find-inputs' }>,
  stores: Locator,
): Promise<FoundInputs> {
  const expanded = await expandInputs(uris, spec.baseUri, stores);
  const found = csv?.header ? await readHeaders(expanded, csv, stores) : { inputs: expanded };
  if (spec.limitRecords === undefined) return found;
  return { ...found, inputs: await limitInputs(found.inputs, spec.limitRecords, stores) };
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
