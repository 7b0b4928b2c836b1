import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keysOf, text } from '../../contract/store/subject.js';
import { createPrivateStore, folderOf, privateStores, prunePrivateStores } from '../../../client/run/private-store.js';
import { systemClock } from '../../../shared/clock.js';
import { limits } from '../../../shared/limits.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { currentOwner, type Owner } from '../../../shared/store/owner.js';
import { Stores } from '../../../shared/store/stores.js';

const access = { endpoint: 'http://127.0.0.1:9', region: 'r', accessKey: 'key', secretKey: 'secret' };

let directory: string;
let bucket: MemoryStore;
let stores: Stores;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gristmill-'));
  bucket = new MemoryStore();
  stores = new Stores({ s3: access, openS3: (uri) => below(bucket, uri) });
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** A part of a bucket as a store of its own. */
function below(whole: MemoryStore, uri: string): ObjectStore {
  const prefix = `${uri.replace(/^s3:\/\/[^/]*\/?/, '')}/`;
  const part: Pick<ObjectStore, 'uri' | 'put' | 'list' | 'delete' | 'discardStaged'> = {
    uri,
    put: (key, bytes) => whole.put(prefix + key, bytes),
    list: async function* (start) {
      for await (const info of whole.list(prefix + start)) yield { ...info, key: info.key.slice(prefix.length) };
    },
    delete: (keys) => whole.delete(keys.map((key) => prefix + key)),
    discardStaged: () => Promise.resolve(),
  };
  return part as ObjectStore;
}

const DAY_MS = 24 * 3_600_000;
const dead: Owner = { ...currentOwner(), host: hostname(), pid: 2 ** 22 + 1 };

function create(owner: Owner, day = 0, folderUri?: string) {
  const random = (bytes: number) => new Uint8Array(bytes).fill(day);
  const clock = { ...systemClock, now: () => Date.UTC(2026, 10, 3) + day * DAY_MS };
  return createPrivateStore({ folderUri, directory, owner, clock, stores, random });
}

describe('the private store of a run', () => {
  test('lies below the current directory, and nobody commits it', () => {
    const store = create(currentOwner());
    expect(store.path).toBe(join(directory, '.gristmill/20261103-000000-00000000'));
    expect(store.uri).toBe(`file://${store.path}`);
    expect(readdirSync(join(directory, '.gristmill'))).toContain('.gitignore');
  });

  test('--store names its folder, as path or URI', () => {
    expect(create(currentOwner(), 1, 'elsewhere').path).toBe(join(directory, 'elsewhere/20261104-000000-01010101'));
    expect(create(currentOwner(), 2, `file://${directory}/x/`).path).toBe(
      join(directory, 'x/20261105-000000-02020202'),
    );
  });

  test('a store that is not a folder is refused by the name of the place', () => {
    writeFileSync(join(directory, 'file'), '');
    expect(() => create(currentOwner(), 0, 'file')).toThrow(expect.objectContaining({ code: 'store-denied' }) as Error);
  });

  test('ends with its evidence and without scratch files', async () => {
    const store = create(currentOwner());
    mkdirSync(store.scratchDir);
    mkdirSync(join(store.path, 'v1'));
    await store.end(true);
    expect(readdirSync(store.path)).toEqual(['owner.json', 'v1']);
  });

  test('leaves nothing when no job was submitted', async () => {
    await create(currentOwner()).end(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('leaves the folder to others that use it', async () => {
    const other = create(currentOwner(), 1);
    await create(currentOwner(), 2).end(false);
    expect(existsSync(other.path)).toBe(true);
  });
});

describe('pruning', () => {
  test('keeps the last runs, and the oldest ended ones go', async () => {
    const stores = Array.from({ length: limits.privateJobsKept + 3 }, (_, day) => create(dead, day));
    const [first] = stores;
    await prunePrivateStores(folderOf(first!), new Stores(), systemClock);
    expect(stores.map((store) => existsSync(store.path))).toEqual(stores.map((_, index) => index >= 3));
  });

  test('never touches a run whose process lives, and never what is not a run', async () => {
    const living = create(currentOwner(), 0);
    mkdirSync(living.scratchDir);
    const folder = folderOf(living);
    mkdirSync(join(folder, 'mine'));
    for (let day = 1; day <= limits.privateJobsKept + 3; day++) create(dead, day);
    await prunePrivateStores(folder, stores, systemClock);
    expect(existsSync(living.scratchDir)).toBe(true);
    expect(existsSync(join(folder, 'mine'))).toBe(true);
  });

  test('sweeps the scratch files and shuffle objects of a run that was killed', async () => {
    const killed = create(dead);
    mkdirSync(killed.scratchDir);
    mkdirSync(join(killed.path, 'v1/shuffle/job/00'), { recursive: true });
    mkdirSync(join(killed.path, 'v1/jobs'));
    await prunePrivateStores(folderOf(killed), stores, systemClock);
    expect(readdirSync(killed.path, { recursive: true }).sort()).toEqual(['owner.json', 'v1', 'v1/jobs']);
  });
});

describe('a store in a bucket', () => {
  const keys = () => keysOf(bucket, '');
  const folder = () => join(directory, '.gristmill');

  test('is named for the run, whose own folder stays here and says where it is', async () => {
    const store = create(currentOwner(), 0, 's3://bucket/runs/');
    expect(store.uri).toBe('s3://bucket/runs/20261103-000000-00000000');
    expect(store.path).toBe(join(folder(), '20261103-000000-00000000'));
    expect(await privateStores(folder())).toEqual([store.uri]);
    const here = create(currentOwner(), 1);
    expect(await privateStores(folder())).toEqual([here.path, store.uri]);
  });

  test('is emptied when no job was submitted, and nothing else is', async () => {
    const store = create(currentOwner(), 0, 's3://bucket/runs');
    await bucket.put('runs/20261103-000000-00000000/v1/lease/1', text('x'));
    await bucket.put('runs/other', text('x'));
    await store.end(true);
    expect(await keys()).toHaveLength(2);
    await store.end(false);
    expect(await keys()).toEqual(['runs/other']);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('goes with the folder of its run; a killed run loses its shuffle objects', async () => {
    for (let day = 0; day < limits.privateJobsKept + 1; day++) {
      const { uri } = create(dead, day, 's3://bucket');
      await stores.open(uri).put('v1/journal/1', text('x'));
    }
    const killed = create(dead, limits.privateJobsKept + 1, 's3://bucket');
    mkdirSync(killed.scratchDir);
    await stores.open(killed.uri).put('v1/shuffle/job/00/map', text('x'));
    await stores.open(killed.uri).put('v1/plan', text('x'));
    await prunePrivateStores(folder(), stores, systemClock);
    const left = await keys();
    expect(left).toHaveLength(limits.privateJobsKept);
    expect(left.some((key) => key.startsWith('20261103-') || key.includes('shuffle'))).toBe(false);
    expect(left.some((key) => key.endsWith('v1/plan'))).toBe(true);
  });

  test('that cannot be reached is left as it is', async () => {
    const store = create(currentOwner(), 0, 's3://bucket/runs');
    stores = new Stores();
    await store.end(false);
    create(dead, 1, 's3://bucket/runs');
    await prunePrivateStores(folder(), stores, systemClock);
    expect(readdirSync(folder())).toContain('20261104-000000-01010101');
  });
});
