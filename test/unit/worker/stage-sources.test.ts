/** What a reduce task reads: found, read once again, or blamed on who wrote it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { hex64 } from '../../../shared/codec/checksum.js';
import { encodeStageManifest } from '../../../shared/codec/stage-manifest.js';
import { GristmillError } from '../../../shared/errors.js';
import type { JobId } from '../../../shared/ids.js';
import { storeKeys } from '../../../shared/plan.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { entriesIn, StageSources } from '../../../worker/task/stage-sources.js';
import { shuffleObject } from '../../harness/shuffle.js';

const job = 'abcdefghijkl' as JobId;
const attempts = ['map-00000.1-1', 'map-00001.1-1', 'map-00002.1-1'];
let store: MemoryStore;
let gets: string[];
let kept: Map<string, Uint8Array>;

const keyOf = (attempt: string) => `v1/shuffle/${job}/00/${attempt}`;
const emits = (attempt: string) => [['a', attempt], ...['b', 'c', 'd'].map((key) => [key, 1] as const)] as const;
const bytesOf = (attempt: string) => shuffleObject({ partitions: 2, attempt }, emits(attempt), job);

class CountedStore extends MemoryStore {
  override get(...args: Parameters<MemoryStore['get']>): Promise<Uint8Array> {
    gets.push(args[0]);
    return super.get(...args);
  }
}

function sources(): StageSources {
  return new StageSources(job, store, {
    entries: async (attempt, range) => {
      const index = kept.get(attempt);
      return index && entriesIn(index, range);
    },
    keep: async (attempt, index) => void kept.set(attempt, index),
  });
}

async function failureOf(reading: Promise<unknown>): Promise<GristmillError | undefined> {
  return reading.then(
    () => undefined,
    (error: unknown) => GristmillError.from(error),
  );
}

async function putManifest(revision: number, generation = 0): Promise<void> {
  const objects = attempts.map((attempt) => {
    const { bytes, summary } = bytesOf(attempt);
    return { attempt, key: keyOf(attempt), bytes: bytes.length, digest: hex64(summary.digest) };
  });
  const manifest = encodeStageManifest({ version: 1, job, stage: 'map', generation, objects });
  await store.put(storeKeys.stageManifest(job, 'map', { generation: 0, revision }), manifest);
}

beforeEach(async () => {
  gets = [];
  kept = new Map();
  store = new CountedStore();
  for (const attempt of attempts) await store.put(keyOf(attempt), bytesOf(attempt).bytes);
  await putManifest(0);
});

const first = { generation: 0, revision: 0 };

describe('what a reduce task reads', () => {
  test('is named object by object, in map order, and an index is fetched once', async () => {
    const found = await sources().of(first, 0);
    expect(found.map(({ attempt }) => attempt)).toEqual(attempts);
    const fetched = gets.length;
    await sources().of(first, 1);
    expect(gets.slice(fetched)).toEqual([storeKeys.stageManifest(job, 'map', first)]);
    // Nor is the manifest, by the same executor.
    const executor = sources();
    await executor.of(first, 0);
    const read = gets.length;
    await executor.of(first, 1);
    expect(gets).toHaveLength(read);
  });

  test('of objects that are gone, cut off or another’s, is blamed on all who wrote them at once', async () => {
    const [a = '', b = '', c = ''] = attempts;
    await store.delete([keyOf(a)]);
    await store.put(keyOf(b), bytesOf(b).bytes.subarray(0, 50));
    await store.put(keyOf(c), bytesOf(a).bytes);
    const failure = await failureOf(sources().of(first, 0));
    expect([failure?.code, failure?.producers]).toEqual(['shuffle-missing', attempts]);
    expect(failure?.message).toContain(keyOf(a));
    for (const attempt of attempts) expect(gets.filter((key) => key === keyOf(attempt))).toHaveLength(2);
    expect([...kept]).toEqual([]);
  });

  test('that comes right at the second read is no failure', async () => {
    const key = keyOf(attempts[1] ?? '');
    const { bytes } = bytesOf(attempts[1] ?? '');
    await store.put(key, new Uint8Array(bytes.length));
    const { get } = store;
    store.get = async function (this: MemoryStore, ...args) {
      const found = await get.apply(this, args);
      if (args[0] === key) await store.put(key, bytes);
      return found;
    };
    expect((await sources().of(first, 0)).map(({ attempt }) => attempt)).toEqual(attempts);
  });

  test('of an index whose copy here is broken, is fetched again', async () => {
    await sources().of(first, 0);
    kept.get(attempts[2] ?? '')?.fill(7);
    const found = await sources().of(first, 0);
    expect(found.map(({ attempt }) => attempt)).toEqual(attempts);
  });

  test('is never of a manifest that calls itself another generation’s', async () => {
    await putManifest(1, 3);
    const failure = await failureOf(sources().of({ generation: 0, revision: 1 }, 0));
    expect(failure?.code).toBe('manifest-invalid');
  });
});
