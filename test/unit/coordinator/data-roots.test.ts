/** Data roots: a job uses files below them and no others, wherever links lead. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDataRoots } from '../../../coordinator/data-roots.js';
import { hasCode } from '../../../shared/errors.js';
import type { Inspection } from '../../../shared/plan.js';
import { fileUri } from '../../../shared/store/uri.js';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gristmill-roots-')));
  for (const name of ['in/deep', 'other', 'in-not', 'store/v1']) mkdirSync(join(folder, name), { recursive: true });
  for (const name of ['in/a', 'in/deep/b', 'other/c', 'in-not/d']) writeFileSync(join(folder, name), name);
  symlinkSync('../other', join(folder, 'in/out'));
  symlinkSync('../../other/c', join(folder, 'in/deep/link'));
  symlinkSync('in', join(folder, 'to-in'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function inspection(inputs: readonly string[], output = 'in/result', format = 'text') {
  const found = inputs.map((name) => ({ uri: fileUri(join(folder, name)), bytes: 1, end: 1, etag: '' }));
  const described = { descriptor: { source: { format } }, inputs: found, output: fileUri(join(folder, output)) };
  return described as unknown as Inspection;
}

async function isAllowed(what: Inspection, roots = ['in']): Promise<boolean> {
  const opened = openDataRoots(
    roots.map((root) => join(folder, root)),
    fileUri(join(folder, 'store')),
  );
  try {
    await opened.check(what);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'outside-data-roots')) return false;
    throw thrown;
  }
}

describe('the data roots of a coordinator', () => {
  test.each([
    ['in/a', true],
    ['in/deep/b', true],
    ['to-in/a', true],
    ['other/c', false],
    ['in-not/d', false],
    ['in/out/c', false],
    ['in/deep/link', false],
    ['in/../other/c', false],
  ])('the input %s: %s', async (name, allowed) => {
    expect(await isAllowed(inspection([name]))).toBe(allowed);
    expect(await isAllowed(inspection(['in/a', name]))).toBe(allowed);
  });

  test.each([
    ['in/new/folder', true],
    ['to-in/new', true],
    ['in/out/new', false],
    ['new', false],
    ['in-not', false],
  ])('the output %s, which need not exist: %s', async (name, allowed) => {
    expect(await isAllowed(inspection(['in/a'], name))).toBe(allowed);
  });

  test('items of the definition lie in the store, which is nobody else’s', async () => {
    expect(await isAllowed(inspection(['store/v1/items'], 'in/x', 'items'))).toBe(true);
    expect(await isAllowed(inspection(['store/v1/items'], 'in/x'), ['.'])).toBe(false);
    expect(await isAllowed(inspection(['in/a'], 'store/out'), ['.'])).toBe(false);
  });

  test('no root allows nothing, `/` all; one that is not there is refused', async () => {
    expect(await isAllowed(inspection(['in/a']), [])).toBe(false);
    await openDataRoots(['/'], fileUri(join(folder, 'store'))).check(inspection(['other/c'], 'anywhere'));
    await expect(isAllowed(inspection([]), ['missing'])).rejects.toThrow(/data root .*missing cannot be used/);
  });

  test('a refusal names the URI and what to do', async () => {
    const { check } = openDataRoots([join(folder, 'in')], fileUri(join(folder, 'store')));
    const uri = fileUri(join(folder, 'other/c'));
    await expect(check(inspection(['other/c']))).rejects.toThrow(
      `the input ${uri} is outside the coordinator's data roots (they are ${join(folder, 'in')})\n` +
        `hint: start the coordinator with --data-root ${join(folder, 'other')}, `,
    );
  });

  test('agree with realpath(1) about every path of a thousand', async () => {
    const segments = ['in', 'deep', 'out', 'link', 'to-in', 'other', 'c', 'new'];
    let paths = [''];
    for (let depth = 1; depth <= 3; depth++) paths = paths.flatMap((path) => segments.map((name) => join(path, name)));
    paths = [...paths, ...paths.map((path) => join('in/deep', path))];
    const real = execFileSync('realpath', ['-m', ...paths.map((path) => join(folder, path))], { encoding: 'utf8' });
    const expected = real
      .trimEnd()
      .split('\n')
      .map((path) => `${path}/`.startsWith(`${folder}/in/`));
    const found: boolean[] = [];
    for (const path of paths) found.push(await isAllowed(inspection([], path)));
    expect(found).toEqual(expected);
    expect(new Set(expected).size).toBe(2);
  });
});

describe('objects', () => {
  const check = (storeUri: string, input: string, output: string) =>
    openDataRoots([], storeUri).check({
      descriptor: { source: { format: 'text' } },
      inputs: [{ uri: input, bytes: 1, end: 1, etag: '' }],
      output,
    } as unknown as Inspection);

  test.each(['file:///store', 's3://bucket', 's3://bucket/prefix'])(
    'in a bucket need no data root, beside the store %s as elsewhere',
    async (storeUri) => {
      await check(storeUri, 's3://bucket/input/a', 's3://bucket/prefix/out');
      await check(storeUri, 's3://other/v1/a', 's3://bucket/v1-out');
    },
  );

  test.each([
    ['s3://bucket', 's3://bucket/v1/journal/1', 's3://bucket/out'],
    ['s3://bucket/prefix', 's3://bucket/in', 's3://bucket/prefix/v1/out'],
    ['s3://bucket/prefix', 's3://bucket/in', 's3://bucket/prefix/v1'],
  ])('of the store %s itself are nobody\u2019s data', async (storeUri, input, output) => {
    await expect(check(storeUri, input, output)).rejects.toMatchObject({ code: 'outside-data-roots' });
  });

  test('do not let files through', async () => {
    await expect(check('s3://bucket', 's3://bucket/in', 'file:///out')).rejects.toMatchObject({
      code: 'outside-data-roots',
    });
  });
});
