import { chmod, link, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DirectoryStore } from '../../../shared/store/directory-store.js';
import { failingFiles } from '../../contract/store/failing-files.js';
import { codeOf, read, text } from '../../contract/store/subject.js';
import { failureOf } from '../formats/outcome.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gristmill-directory-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('what the system says becomes the port’s error, with the path and what to do', () => {
  test.each([
    ['ENOSPC', 'disk-full', 'no space left'],
    ['EDQUOT', 'disk-full', 'no space left'],
    ['EROFS', 'store-denied', 'read-only'],
    ['EACCES', 'store-denied', 'give uid'],
    ['EPERM', 'store-denied', 'give uid'],
    ['ENAMETOOLONG', 'store-denied', 'ENAMETOOLONG'],
    ['EMFILE', 'store-unavailable', 'EMFILE'],
  ])('%s is %s', async (code, expected, words) => {
    const { files } = failingFiles(1, 'before', code);
    const error = await failureOf(new DirectoryStore(root, { files }).put('a/key', text('x')));
    expect(error.code).toBe(expected);
    expect(error.message).toContain(join(root, 'a/key'));
    expect(error.message).toContain(words);
  });

  test('a full disk in the middle of a staged write is disk-full, and leaves nothing after the abort', async () => {
    // The folder is made by the second call, the file opened by the third, written by the fourth.
    const full = failingFiles(4, 'before', 'ENOSPC');
    const stage = await new DirectoryStore(root, { files: full.files }).stage('out/key', 'attempt');
    expect(await codeOf(stage.write(text('x')))).toBe('disk-full');
    await stage.abort();
    expect(await readdir(root)).toEqual([]);
  });

  test('a file where a folder is needed, and a folder where a file is, are denied by name', async () => {
    const store = new DirectoryStore(root);
    await store.put('file', text('x'));
    await store.put('folder/file', text('x'));
    for (const key of ['file/below', 'file/far/below']) {
      const error = await failureOf(store.put(key, text('x')));
      expect(error.code).toBe('store-denied');
      expect(error.message).toContain('a file lies where a folder is needed');
    }
    expect((await failureOf(store.put('folder', text('x')))).code).toBe('store-denied');
    expect(await codeOf(store.put('folder', text('x'), { ifAbsent: true }))).toBe('object-exists');
  });

  test('a folder that may not be written to, or read, is store-denied', async () => {
    await chmod(root, 0o755);
    await mkdir(join(root, 'shut'), { mode: 0 });
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    else await chmod(root, 0o555);
    try {
      const store = new DirectoryStore(root);
      for (const call of [
        () => store.put('key', text('x')),
        () => store.put('deep/key', text('x')),
        () => store.stage('key', 'attempt'),
        () => store.get('shut/key'),
        () => store.head('shut/key'),
        () => store.list('shut/')[Symbol.asyncIterator]().next(),
      ]) {
        const error = await failureOf(call());
        expect(error.code).toBe('store-denied');
        expect(error.message).toContain(root);
      }
    } finally {
      if (isRoot) process.seteuid?.(0);
      await chmod(root, 0o755);
    }
  });
});

describe('folders', () => {
  test('that are emptied go, but never the root', async () => {
    const store = new DirectoryStore(root);
    await store.put('a/b/c', text('x'));
    await store.delete(['a/b/c']);
    expect(await readdir(root)).toEqual([]);
  });

  test('that were there before stay where only own ones are pruned', async () => {
    await mkdir(join(root, 'theirs'));
    const store = new DirectoryStore(root, { prune: 'own' });
    await store.put('theirs/ours/key', text('x'));
    const stage = await store.stage('theirs/other', 'attempt');
    await stage.abort();
    await store.delete(['theirs/ours/key']);
    expect(await readdir(join(root, 'theirs'))).toEqual([]);
  });
});

describe('publish', () => {
  test('after a crash between link and unlink is done, and cleans up', async () => {
    const store = new DirectoryStore(root);
    const stage = await store.stage('out/key', 'attempt');
    await stage.write(text('abc'));
    const seal = await stage.seal();
    expect(seal.staged).toMatch(/^out\/_staging\/attempt\./);
    await link(join(root, seal.staged), join(root, seal.key));
    await store.publish(seal);
    expect(await read(store, 'out/key')).toBe('abc');
    expect(await readdir(join(root, 'out'))).toEqual(['key']);
  });

  test('of a staged file that a power failure cut short says that it is missing', async () => {
    const store = new DirectoryStore(root);
    const stage = await store.stage('out/key', 'attempt', { durable: false });
    await stage.write(text('abc'));
    const seal = await stage.seal();
    await writeFile(join(root, seal.staged), 'ab');
    expect(await codeOf(store.publish(seal))).toBe('staged-missing');
    expect(await store.head('out/key')).toBeUndefined();
  });
});

test('an object changed in place has another etag', async () => {
  const store = new DirectoryStore(root);
  const { etag } = await store.put('key', text('abc'));
  await writeFile(join(root, 'key'), 'abcd');
  expect((await store.head('key'))?.etag).not.toBe(etag);
});
