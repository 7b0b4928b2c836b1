/** Neighbouring partitions: read with one request for each object, and never other bytes than the objects hold. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseIndex, parseTail, TAIL_BYTES } from '../../../shared/codec/shuffle-object.js';
import { identityOf } from '../../../shared/codec/frame.js';
import { GristmillError } from '../../../shared/errors.js';
import type { JobId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ReadOptions } from '../../../shared/store/object-store.js';
import { NeighbourReads, openLocal } from '../../../worker/executor/io-neighbours.js';
import type { ObjectEntries } from '../../../worker/task/stage-sources.js';
import { shuffleObject } from '../../harness/shuffle.js';

const job = 'abcdefghijkl' as JobId;
const PARTITIONS = 8;
const version = { generation: 0, revision: 0 };
let folder: string;
let store: MemoryStore;
let gets: string[];
let objects: Map<string, Uint8Array>;

class CountedStore extends MemoryStore {
  override get(key: string, options?: ReadOptions): Promise<Uint8Array> {
    gets.push(key);
    return super.get(key, options);
  }
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-neighbours-'));
  store = new CountedStore();
  gets = [];
  objects = new Map();
  for (let n = 0; n < 3; n++) {
    const attempt = `map-0000${n}.1-1`;
    const emits = Array.from({ length: 60 }, (_, i) => [`key-${n}-${i}`, i] as const);
    const { bytes } = shuffleObject({ partitions: PARTITIONS, attempt }, emits, job);
    objects.set(attempt, bytes);
    await store.put(attempt, bytes);
  }
});

afterEach(() => rmSync(folder, { recursive: true }));

function entriesOf(first: number, end: number): ObjectEntries[] {
  return [...objects].map(([attempt, bytes]) => {
    const tail = parseTail(bytes.subarray(-TAIL_BYTES), identityOf(job, attempt), bytes.length);
    const index = bytes.subarray(tail.indexOffset, tail.indexOffset + tail.indexBytes);
    const object = { attempt, key: attempt, bytes: bytes.length, digest: '' };
    return { object, entries: parseIndex(index, tail).partitions.slice(first, end) };
  });
}

function read(reads: NeighbourReads, partition: number, first = 2, end = 6) {
  return reads.of({ version, range: { first, end }, partition, objects: entriesOf(first, end) }, {});
}

/** What the file has for a partition, object by object, beside what the objects have. */
async function expectSame(local: Awaited<ReturnType<typeof read>>, partition: number): Promise<void> {
  expect(local).toBeDefined();
  for (const { object, entries } of entriesOf(partition, partition + 1)) {
    const { offset = 0, bytes = 0 } = entries[0] ?? {};
    const place = local?.get(object.key);
    const reader = place && (await openLocal(place, bytes));
    const found = new Uint8Array(bytes);
    expect(await reader?.read([found])).toBe(bytes);
    await reader?.close();
    expect(found).toEqual(new Uint8Array((objects.get(object.key) as Uint8Array).subarray(offset, offset + bytes)));
  }
}

test('the first of a group reads for all, with one request for each object, and the others with none', async () => {
  const reads = new NeighbourReads(folder, store);
  for (let partition = 2; partition < 6; partition++) await expectSame(await read(reads, partition), partition);
  expect(gets).toEqual([...objects.keys()]);
  // Another executor of the worker goes on with what the first has read.
  await expectSame(await read(new NeighbourReads(folder, store), 5), 5);
  expect(gets).toHaveLength(3);
});

test('whoever comes to the middle of a group that nobody has read, reads alone', async () => {
  expect(await read(new NeighbourReads(folder, store), 3)).toBeUndefined();
  expect(gets).toEqual([]);
});

test('an executor keeps one group at a time', async () => {
  const reads = new NeighbourReads(folder, store);
  await read(reads, 0, 0, 2);
  const next = await read(reads, 2);
  expect(readdirSync(folder)).toEqual(['together-0.0-2-6']);
  await expectSame(next, 2);
});

test('what is lost is blamed on all who wrote it, and leaves no file', async () => {
  await store.delete(['map-00000.1-1', 'map-00002.1-1']);
  const failure = await read(new NeighbourReads(folder, store), 2).then(
    () => undefined,
    (error: unknown) => GristmillError.from(error),
  );
  expect([failure?.code, failure?.producers]).toEqual(['shuffle-missing', ['map-00000.1-1', 'map-00002.1-1']]);
  expect(gets).toHaveLength(2 * limits.shuffleReadsMax + 1);
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder that takes no file costs requests and nothing else', async () => {
  const path = join(folder, 'file');
  writeFileSync(path, '');
  expect(await read(new NeighbourReads(path, store), 2)).toBeUndefined();
  expect(gets).toEqual([]);
});

test('a file that is gone is no error', async () => {
  const reads = new NeighbourReads(folder, store);
  const [place] = [...((await read(reads, 2))?.values() ?? [])];
  rmSync(join(folder, 'together-0.0-2-6'));
  expect(place && (await openLocal(place, 10))).toBeUndefined();
});
