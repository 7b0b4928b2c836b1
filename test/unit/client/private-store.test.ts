import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPrivateStore, folderOf, prunePrivateStores } from '../../../client/run/private-store.js';
import { limits } from '../../../shared/limits.js';
import { currentOwner, type Owner } from '../../../shared/store/owner.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gristmill-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const DAY_MS = 24 * 3_600_000;
const dead: Owner = { ...currentOwner(), host: hostname(), pid: 2 ** 22 + 1 };

function create(owner: Owner, day = 0, folderUri?: string) {
  const random = (bytes: number) => new Uint8Array(bytes).fill(day);
  return createPrivateStore({ folderUri, directory, owner, nowMs: Date.UTC(2026, 10, 3) + day * DAY_MS, random });
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
    await prunePrivateStores(folderOf(first!));
    expect(stores.map((store) => existsSync(store.path))).toEqual(stores.map((_, index) => index >= 3));
  });

  test('never touches a run whose process lives, and never what is not a run', async () => {
    const living = create(currentOwner(), 0);
    mkdirSync(living.scratchDir);
    const folder = folderOf(living);
    mkdirSync(join(folder, 'mine'));
    for (let day = 1; day <= limits.privateJobsKept + 3; day++) create(dead, day);
    await prunePrivateStores(folder);
    expect(existsSync(living.scratchDir)).toBe(true);
    expect(existsSync(join(folder, 'mine'))).toBe(true);
  });

  test('sweeps the scratch files and shuffle objects of a run that was killed', async () => {
    const killed = create(dead);
    mkdirSync(killed.scratchDir);
    mkdirSync(join(killed.path, 'v1/shuffle/job/00'), { recursive: true });
    mkdirSync(join(killed.path, 'v1/jobs'));
    await prunePrivateStores(folderOf(killed));
    expect(readdirSync(killed.path, { recursive: true }).sort()).toEqual(['owner.json', 'v1', 'v1/jobs']);
  });
});
