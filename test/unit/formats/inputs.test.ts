import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expandInputs } from '../../../shared/formats/inputs.js';
import { limitInputs } from '../../../shared/formats/limit.js';
import { Stores } from '../../../shared/store/stores.js';
import { baseUriOf, filePath } from '../../../shared/store/uri.js';
import { failureOf } from './outcome.js';

const stores = new Stores();
let root: string;
let base: string;
beforeEach(async () => {
  // A folder whose own name has glob characters, a space and a percent sign.
  root = join(await mkdtemp(join(tmpdir(), 'gristmill-inputs-')), 'a [b] %20');
  await mkdir(root);
  base = baseUriOf(root);
});
afterEach(() => rm(dirname(root), { recursive: true, force: true }));

async function files(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), `${name}\n`);
  }
}

async function expand(...uris: string[]): Promise<string[]> {
  const inputs = await expandInputs(uris, base, stores);
  return inputs.map(({ uri }) => filePath(uri).slice(root.length + 1));
}

const failure = (...uris: string[]) => failureOf(expandInputs(uris, base, stores));

describe('expandInputs', () => {
  test('plans each file with its size and the etag that a store tells', async () => {
    await files('a b.txt');
    const [input] = await expandInputs(['*.txt'], base, stores);
    expect(input).toMatchObject({ uri: `${base}a%20b.txt`, bytes: 8, end: 8 });
    const { store, key } = stores.locate(input?.uri ?? '');
    expect(await store.head(key)).toMatchObject({ bytes: 8, etag: input?.etag });
  });

  test('globs match names in a folder, in one order, each file once', async () => {
    await files('b.txt', 'a.txt', 'a1.txt', 'A.txt', 'a.csv', 'sub/c.txt', 'ä.txt', 'a.txt.bak');
    expect(await expand('*.txt')).toEqual(['ä.txt', 'A.txt', 'a.txt', 'a1.txt', 'b.txt']);
    expect(await expand('*.txt', 'a.txt', './a?.txt')).toEqual(await expand('*.txt'));
    expect(await expand('?.txt')).toEqual(['ä.txt', 'A.txt', 'a.txt', 'b.txt']);
    expect(await expand('[ab].txt')).toEqual(['a.txt', 'b.txt']);
    expect(await expand('[!a-z].txt')).toEqual(['ä.txt', 'A.txt']);
    expect(await expand('[^a-z].txt')).toEqual(['ä.txt', 'A.txt']);
    expect(await expand('{a,b}.{txt,csv}')).toEqual(['a.csv', 'a.txt', 'b.txt']);
    expect(await expand('{sub/c,a}.txt')).toEqual(['a.txt', 'sub/c.txt']);
    expect(await expand('s*/*')).toEqual(['sub/c.txt']);
    expect(await expand(`${base}*.csv`, join(root, 'b.txt').replaceAll('[b]', '?b?'))).toEqual(['a.csv', 'b.txt']);
  });

  test('** goes through any folders', async () => {
    await files('1.txt', 'x/2.txt', 'x/y/3.txt', 'x/y/z/3.txt', 'x/y/4.csv');
    expect(await expand('**/*.txt')).toEqual(['1.txt', 'x/2.txt', 'x/y/3.txt', 'x/y/z/3.txt']);
    expect(await expand('x/**')).toEqual(['x/2.txt', 'x/y/3.txt', 'x/y/4.csv', 'x/y/z/3.txt']);
    expect(await expand('x/**/3.txt', 'x/**/**/y/3.txt')).toEqual(['x/y/3.txt', 'x/y/z/3.txt']);
    expect(await expand('**/y/*')).toEqual(['x/y/3.txt', 'x/y/4.csv']);
  });

  test('names that begin with _ or . are matched only where they are written out', async () => {
    await files('_job.json', '.hidden', 'part', '_old/part', '.git/x', 'sub/_x', 'sub/y');
    expect(await expand('*')).toEqual(['part']);
    expect(await expand('**')).toEqual(['part', 'sub/y']);
    expect(await expand('_old/*', '.git/{x,z}', '{_job,b}.json')).toEqual(['.git/x', '_job.json', '_old/part']);
    expect(await expand('.hidden')).toEqual(['.hidden']);
    const error = await failure('_*');
    expect(error.code).toBe('input-not-found');
    expect(error.message).toContain('never matched');
  });

  test('a folder stands for the files directly in it', async () => {
    await files('in/b', 'in/a', 'in/_c', 'in/below/d', 'empty/below/e');
    for (const uri of ['in', 'in/', './in', `${base}in`, join(root, 'in')])
      expect(await expand(uri)).toEqual(['in/a', 'in/b']);
    const error = await failure('empty');
    expect(error.code).toBe('input-not-found');
    expect(error.message).toContain('empty/**/*');
    expect(error.message).toContain(join(root, 'empty'));
  });

  test('a name that exists is taken as it is; escapes stand for themselves', async () => {
    await files('a[1].txt', 'a1.txt', '*.txt', '{x}.txt', '100%.txt', 'a#b?.txt', 'back\\slash.txt');
    expect(await expand('a[1].txt')).toEqual(['a[1].txt']);
    expect(await expand('*.txt')).toEqual(['*.txt']);
    expect(await expand(`${base}a%5B1%5D.t?t`)).toEqual(['a[1].txt']);
    expect(await expand('{x}.t*')).toEqual(['{x}.txt']);
    expect(await expand('100%.*')).toEqual(['100%.txt']);
    expect(await expand('a#b?.t*')).toEqual(['a#b?.txt']);
    expect(await expand('back\\*.txt')).toEqual(['back\\slash.txt']);
    expect(await expand('[*]*')).toEqual(['*.txt']);
  });

  test('links to files count, links to folders only where they are written or matched by name', async () => {
    await files('real/a.txt', 'in/b.txt');
    await symlink(join(root, 'real/a.txt'), join(root, 'in/a.txt'));
    await symlink(join(root, 'real'), join(root, 'in/linked'));
    await symlink(join(root, 'nothing'), join(root, 'in/broken.txt'));
    expect(await expand('in/*.txt')).toEqual(['in/a.txt', 'in/b.txt']);
    expect(await expand('in')).toEqual(['in/a.txt', 'in/b.txt']);
    expect(await expand('in/**')).toEqual(['in/a.txt', 'in/b.txt']);
    expect(await expand('in/l*/*')).toEqual(['in/linked/a.txt']);
  });

  test('an input without a file names itself and the folder in which it looked', async () => {
    await files('books/a.txt');
    for (const [uri, folder] of [
      ['books/b.txt', 'books'],
      ['books/*.md', 'books'],
      ['books/**/*.md', 'books'],
      ['{books,other}/*.md', 'books'],
    ] as const) {
      const error = await failure('books/*.txt', uri);
      expect(error.code).toBe('input-not-found');
      expect(error.message).toContain(`input ${uri} `);
      expect(error.message).toContain(`looked in ${join(root, folder)}`);
    }
    expect((await failure('none/*.txt')).message).toContain(`there is no folder ${join(root, 'none')}`);
    expect((await failure('none/a.txt')).message).toContain(`there is no folder ${join(root, 'none')}`);
  });

  test('what is not built, not understood or no file is refused by name', async () => {
    await files('a.txt', 'b.txt.gz', 'c.PARQUET');
    for (const [uri, name] of [
      ['*', 'b.txt.gz'],
      ['c.PARQUET', 'c.PARQUET'],
    ] as const) {
      const error = await failure(uri);
      expect(error.code).toBe('not-built-yet');
      expect(error.message).toContain(join(root, name));
    }
    expect((await failure('[z-a]')).code).toBe('invalid-request');
    expect((await failure('{a,b}'.repeat(12))).code).toBe('invalid-request');
    expect((await failure('/dev/null')).code).toBe('input-unreadable');
  });

  test('a file that is no text by its first bytes is named, whatever it is called', async () => {
    await files('in/a.txt', 'in/b.txt');
    for (const [bytes, format] of [
      [[0x1f, 0x8b, 8], 'gzip'],
      [[0xff, 0xfe, 0x61, 0], 'UTF-16'],
    ] as const) {
      await writeFile(join(root, 'in/b.txt'), Buffer.from(bytes));
      const error = await failure('in/*.txt');
      expect(error.code).toBe('not-built-yet');
      expect(error.message).toBe(`reading ${format} files is not built yet: ${join(root, 'in/b.txt')}`);
    }
  });

  test('what may not be read is named', async () => {
    await files('in/a.txt', 'shut/b.txt');
    await chmod(dirname(root), 0o755);
    await chmod(join(root, 'in/a.txt'), 0);
    await chmod(join(root, 'shut'), 0);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65534);
    try {
      for (const [uri, path] of [
        ['in/*.txt', 'in/a.txt'],
        ['in/a.txt', 'in/a.txt'],
        ['shut/*', 'shut'],
        ['shut', 'shut'],
        ['shut/b.txt', 'shut/b.txt'],
      ] as const) {
        const error = await failure(uri);
        expect(error.code, uri).toBe('input-unreadable');
        expect(error.message).toContain(join(root, path));
      }
    } finally {
      if (isRoot) process.seteuid?.(0);
      await chmod(join(root, 'shut'), 0o755);
    }
  });
});

describe('limitInputs', () => {
  async function limited(records: number): Promise<(readonly [string, number])[]> {
    const kept = await limitInputs(await expandInputs(['*'], base, stores), records, stores);
    return kept.map(({ uri, end }) => [filePath(uri).slice(root.length + 1), end] as const);
  }

  test('ends after record N, in input order, and drops what follows', async () => {
    await writeFile(join(root, 'a'), '1\n22\n\n4');
    await writeFile(join(root, 'b'), '');
    await writeFile(join(root, 'c'), '5\n6\n');
    expect(await limited(0)).toEqual([]);
    expect(await limited(1)).toEqual([['a', 2]]);
    expect(await limited(3)).toEqual([['a', 6]]);
    expect(await limited(4)).toEqual([['a', 7]]);
    expect(await limited(5)).toEqual([
      ['a', 7],
      ['b', 0],
      ['c', 2],
    ]);
    expect(await limited(100)).toEqual([
      ['a', 7],
      ['b', 0],
      ['c', 4],
    ]);
  });

  test('reads over many pieces', async () => {
    await writeFile(join(root, 'a'), `${'x'.repeat(99)}\n`.repeat(30_000));
    expect(await limited(25_000)).toEqual([['a', 2_500_000]]);
    expect(await limited(30_000)).toEqual([['a', 3_000_000]]);
  });
});
