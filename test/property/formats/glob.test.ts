import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expandGlob } from '../../../shared/formats/file-glob.js';
import { expandInputs } from '../../../shared/formats/inputs.js';
import { hasCode } from '../../../shared/errors.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { parseS3Uri, s3Uri } from '../../../shared/store/s3-uri.js';
import { Stores } from '../../../shared/store/stores.js';
import { baseUriOf, filePath, fileUri, resolveUri } from '../../../shared/store/uri.js';

const NAMES = ['a', 'b', 'ab', 'ba', 'a-b', 'ä', '_a', '.a', 'a]'];
const FILES = NAMES.flatMap((x) => [
  `${x}.t`,
  ...['a', 'b', '_a', 'ab'].flatMap((d) => [`${d}/${x}.t`, `${d}/b/${x}.t`]),
]);

const stores = new Stores();
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'gristmill-glob-'));
  for (const file of FILES) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), '');
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** The rules, said as slowly and plainly as possible: does `name` match `pattern`, both as lists of characters? */
function matchesName(pattern: readonly string[], name: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return name.length === 0;
  if (head === '*') return matchesName(rest, name) || (name.length > 0 && matchesName(pattern, name.slice(1)));
  if (name.length === 0) return false;
  if (head === '?') return matchesName(rest, name.slice(1));
  if (head === '[') {
    const end = rest.indexOf(']');
    const isNot = rest[0] === '!';
    const members = rest.slice(isNot ? 1 : 0, end);
    return members.includes(name[0] ?? '') !== isNot && matchesName(rest.slice(end + 1), name.slice(1));
  }
  return head === name[0] && matchesName(rest, name.slice(1));
}

function matchesPath(pattern: readonly string[], path: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  const [name, ...below] = path;
  if (head === undefined || name === undefined) return head === undefined && name === undefined;
  const isHidden = /^[_.]/.test(name);
  if (head === '**') {
    if (rest.length === 0 && below.length === 0) return !isHidden;
    return matchesPath(rest, path) || (!isHidden && matchesPath(pattern, below));
  }
  if (/[*?[]/.test(head) && isHidden) return false;
  return matchesName(Array.from(head), Array.from(name)) && matchesPath(rest, below);
}

const piece = fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!a]', 'ä', '-', 'ab', '**');
const name = fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join(''));
const folder = fc.oneof(fc.constantFrom('**', 'a', 'b', '_a', '*'), name);
const pattern = fc
  .tuple(fc.array(folder, { maxLength: 3 }), fc.oneof(name, fc.constant('*')), fc.constantFrom('.t', '*', '.?'))
  .map(([folders, last, ending]) => [...folders, last + ending].join('/'));

describe('a glob', () => {
  test('finds exactly the files that match it by the rules', async () => {
    await fc.assert(
      fc.asyncProperty(pattern, async (glob) => {
        const encoded = resolveUri(glob, baseUriOf(root)).slice('file://'.length);
        const { paths } = await expandGlob(encoded);
        const found = [...paths].map((path) => path.slice(root.length + 1)).sort();
        const expected = FILES.filter((file) => matchesPath(glob.split('/'), file.split('/'))).sort();
        expect(found).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test('with braces finds what its alternatives find together', async () => {
    const braces = fc.array(fc.constantFrom('a', 'b', 'a/b', '*/a', '{a,ab}', ''), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(braces, async (choices) => {
        const expand = async (glob: string) => {
          const { paths } = await expandGlob(resolveUri(glob, baseUriOf(root)).slice('file://'.length));
          return [...paths].sort();
        };
        const together = await expand(`{${choices.join(',')}}*.t`);
        const apart = new Set<string>();
        for (const choice of choices) for (const path of await expand(`${choice}*.t`)) apart.add(path);
        expect(together).toEqual([...apart].sort());
      }),
      { numRuns: 50 },
    );
  });
});

describe('a glob in a bucket', () => {
  const access = { endpoint: 'http://127.0.0.1:9', region: 'r', accessKey: 'key', secretKey: 'secret' };
  const bucket = new MemoryStore({ uri: 's3://bucket' });
  const inBucket = new Stores({ s3: access, openS3: () => bucket });
  const namesOf = async (glob: string) => {
    try {
      const inputs = await expandInputs([`s3://bucket/${glob}`], 'file:///', inBucket);
      return inputs.map(({ uri }) => parseS3Uri(uri).key);
    } catch (thrown) {
      if (hasCode(thrown, 'input-not-found')) return [];
      throw thrown;
    }
  };
  beforeAll(async () => {
    for (const file of FILES) await bucket.put(file, new Uint8Array(1));
  });

  test('finds exactly the objects that match it by the rules', async () => {
    await fc.assert(
      fc.asyncProperty(pattern, async (glob) => {
        const expected = FILES.filter((file) => matchesPath(glob.split('/'), file.split('/'))).sort();
        expect((await namesOf(glob)).sort()).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test('with braces finds what it finds in folders', async () => {
    const braces = fc.array(fc.constantFrom('a', 'b', 'a/b', '*/a', '{a,ab}', '**/a', ''), {
      minLength: 2,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(braces, fc.constantFrom('', 'a/', '[ab]'), async (choices, before) => {
        const glob = `${before}{${choices.join(',')}}*.t`;
        const { paths } = await expandGlob(resolveUri(glob, baseUriOf(root)).slice('file://'.length));
        const expected = [...paths].map((path) => path.slice(root.length + 1)).sort();
        expect((await namesOf(glob)).sort()).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test('is no glob where its characters are escaped: a key survives as URI and back, whatever its characters', async () => {
    const name = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom(...Array.from('%#?*[]{}\\ \n\t:@;,+&=\u00e4\u{1f600}')),
          fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        ),
        minLength: 1,
        maxLength: 8,
      })
      .filter((text) => !/[/\0\ufffd]/.test(text) && text !== '.' && text !== '..');
    await fc.assert(
      fc.asyncProperty(fc.array(name, { minLength: 1, maxLength: 4 }), async (names) => {
        const key = names.join('/');
        const uri = s3Uri({ bucket: 'bucket', key });
        expect(uri).not.toMatch(/[*?[\]{}#\s]/);
        expect(parseS3Uri(uri)).toEqual({ bucket: 'bucket', key });
        expect(resolveUri(uri, 'file:///')).toBe(uri);
        expect(inBucket.locate(uri)).toEqual({ store: bucket, key });
      }),
      { numRuns: 300 },
    );
  });
});

describe('expandInputs', () => {
  test('gives one list for the same files, in whatever order and however often they are named', async () => {
    const some = fc
      .subarray(FILES, { minLength: 1, maxLength: 20 })
      .chain((files) =>
        fc.tuple(fc.constant(files), fc.shuffledSubarray([...files, ...files], { minLength: files.length * 2 })),
      );
    await fc.assert(
      fc.asyncProperty(some, async ([files, shuffled]) => {
        const inputs = await expandInputs(shuffled, baseUriOf(root), stores);
        expect(inputs).toEqual(await expandInputs(files, baseUriOf(root), stores));
        const uris = inputs.map(({ uri }) => uri);
        expect(new Set(uris)).toEqual(new Set(files.map((file) => fileUri(join(root, file)))));
        expect(uris).toEqual([...uris].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
      { numRuns: 20 },
    );
  });

  test('a path survives as URI and back, whatever its characters', () => {
    const segment = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom(...Array.from('%#?*[]{}\\ \n\t:@;,+&=\u00e4\u{1f600}')),
          fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        ),
        minLength: 1,
        maxLength: 8,
      })
      .filter((text) => !/[/\0\ufffd]/.test(text) && text !== '.' && text !== '..');
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const path = `/${segments.join('/')}`;
        expect(filePath(fileUri(path))).toBe(path);
        expect(filePath(resolveUri(path, 'file:///'))).toBe(path);
        expect(filePath(resolveUri(fileUri(path), 'file:///'))).toBe(path);
        expect(filePath(resolveUri('x', `${fileUri(path)}/`))).toBe(`${path}/x`);
      }),
      { numRuns: 300 },
    );
  });
});
