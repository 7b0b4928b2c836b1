import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundleJob } from '../../../client/bundle/bundle.js';
import { limits } from '../../../shared/limits.js';
import { loadDefinition } from '../../../shared/job/load.js';
import { jobWithMap, project, type Files } from './project.js';

const withPackages: Files = {
  'jobs/job.ts': jobWithMap(
    'for (const word of words(line)) emit(shout(word) + read_().length);',
    `import shout from 'shouting';
import { words } from './lib/words.js';
import { lines as read_ } from 'old-fashioned';`,
  ),
  'jobs/lib/words.ts': 'export const words = (line: string): string[] => line.split(" ");\n',
  'node_modules/shouting/package.json': '{ "name": "shouting", "type": "module", "exports": "./index.js" }',
  'node_modules/shouting/index.js': 'export default (word) => word.toUpperCase();\n',
  'node_modules/old-fashioned/package.json': '{ "name": "old-fashioned", "main": "main.js" }',
  'node_modules/old-fashioned/main.js':
    "const fs = require('fs');\nconst { join } = require('node:path');\n" +
    "exports.lines = () => fs.existsSync(join(__dirname, 'x')) ? [] : [__filename];\n",
};

/** Writes the bundle where an executor would find it and gives its definition. */
async function load(folder: string, entry: string) {
  const bundle = await bundleJob(join(folder, entry));
  const path = join(folder, `${bundle.sha256}.mjs`);
  writeFileSync(path, bundle.code);
  return loadDefinition(path);
}

function rowsOf(map: (record: unknown, emit: (...args: unknown[]) => void, ctx: unknown) => unknown, line: string) {
  const rows: unknown[] = [];
  map(line, (row) => rows.push(row), {});
  return rows;
}

describe('a bundle', () => {
  test('has the same hash wherever the project lies, and no path of the machine inside', async () => {
    const first = project(withPackages);
    const second = join(project({}), 'deeper/down');
    mkdirSync(second, { recursive: true });
    cpSync(first, second, { recursive: true });
    const link = join(project({}), 'linked');
    symlinkSync(second, link);
    const bundles = await Promise.all([first, second, link].map((folder) => bundleJob(join(folder, 'jobs/job.ts'))));
    expect(new Set(bundles.map(({ sha256 }) => sha256)).size).toBe(1);
    const { code, sha256, bytes, entry } = bundles[0]!;
    const text = Buffer.from(code).toString();
    const map = Buffer.from(/base64,(.*)/.exec(text)![1]!, 'base64').toString();
    expect(text + map).not.toContain(first);
    expect(text + map).not.toContain(process.cwd());
    expect(JSON.parse(map)).toMatchObject({
      sources: [
        'node_modules/old-fashioned/main.js',
        'gristmill:api',
        'node_modules/shouting/index.js',
        'lib/words.ts',
        'job.ts',
      ],
    });
    expect(map).not.toContain('sourcesContent');
    expect({ sha256, bytes, entry }).toEqual({
      sha256: createHash('sha256').update(code).digest('hex'),
      bytes: code.length,
      entry: 'job.ts',
    });
  });

  test('has the same hash when its packages lie elsewhere, behind a link', async () => {
    const here = project(withPackages);
    const packages = join(project({}), 'far/away');
    const there = join(project({}), 'deeper');
    mkdirSync(packages, { recursive: true });
    mkdirSync(there);
    cpSync(join(here, 'jobs'), join(there, 'jobs'), { recursive: true });
    cpSync(join(here, 'node_modules'), join(packages, 'node_modules'), { recursive: true });
    symlinkSync(join(packages, 'node_modules'), join(there, 'node_modules'));
    const bundle = await bundleJob(join(there, 'jobs/job.ts'));
    expect(bundle.sha256).toBe((await bundleJob(join(here, 'jobs/job.ts'))).sha256);
    expect(Buffer.from(bundle.code).toString()).not.toContain('far/away');
  });

  test('changes its hash with an import', async () => {
    const folder = project(withPackages);
    const before = await bundleJob(join(folder, 'jobs/job.ts'));
    writeFileSync(join(folder, 'node_modules/shouting/index.js'), 'export default (word) => word + "!";\n');
    expect((await bundleJob(join(folder, 'jobs/job.ts'))).sha256).not.toBe(before.sha256);
  });

  test('runs with local files, modules and CommonJS packages that use node', async () => {
    const { map } = await load(project(withPackages), 'jobs/job.ts');
    expect(rowsOf(map, 'to be')).toEqual(['TO1', 'BE1']);
  });

  test('lets a file declare its own require and __dirname, and leaves import type out', async () => {
    const before = `import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Missing } from 'not-installed';
const require = createRequire(import.meta.url);
const __dirname = dirname(fileURLToPath(import.meta.url));
const { EOL } = require('node:os') as { EOL: string };
export type X = Missing;`;
    const { map } = await load(project({ 'job.ts': jobWithMap('emit(EOL + typeof __dirname);', before) }), 'job.ts');
    expect(rowsOf(map, '')).toEqual(['\nstring']);
  });

  test('reads no tsconfig.json', async () => {
    const files = { 'job.ts': jobWithMap('emit(new Line().text);', 'class Line { text = "x"; }') };
    const plain = await bundleJob(join(project(files), 'job.ts'));
    const tsconfig =
      '{ "compilerOptions": { "useDefineForClassFields": false, "paths": { "gristmill": ["./x.ts"] } } }';
    expect((await bundleJob(join(project({ ...files, 'tsconfig.json': tsconfig }), 'job.ts'))).sha256).toBe(
      plain.sha256,
    );
  });
});

describe('what cannot be bundled fails at its place', () => {
  const importing = (name: string) => jobWithMap('emit(line);', `import x from '${name}';\nconsole.log(x);`);
  test.each<[string, Files, string, string]>([
    ['a syntax error', { 'job.ts': 'const ä = 1; const = 2;\n' }, 'job.ts:1:20', 'Expected identifier but found "="'],
    [
      'a package that is missing',
      { 'job.ts': importing('lodash') },
      'job.ts:2:15',
      "cannot find 'lodash': install the package",
    ],
    ['a file that is missing', { 'job.ts': importing('./nope.js') }, 'job.ts:2:15', "cannot find './nope.js'"],
    [
      'an error in an import',
      { 'job.ts': importing('./lib.ts'), 'lib.ts': '\n  let 1;' },
      'lib.ts:2:7',
      'Expected ";"',
    ],
    [
      'gristmill/testing',
      { 'job.ts': importing('gristmill/testing') },
      'job.ts:2:15',
      'cannot import gristmill/testing',
    ],
    ['gristmill/client', { 'job.ts': importing('gristmill/client') }, 'job.ts:2:15', 'cannot import gristmill/client'],
    ['gristmill/x', { 'job.ts': importing('gristmill/x') }, 'job.ts:2:15', "there is no 'gristmill/x'"],
    [
      'a name gristmill does not have',
      { 'job.ts': "import { agggg } from 'gristmill';\nagggg();\n" },
      'job.ts:1:10',
      'agggg',
    ],
    [
      'data',
      { 'job.ts': importing('./a.png'), 'a.png': '' },
      'job.ts:2:15',
      'cannot import .png files (a.png): make it an input',
    ],
    [
      'a native module',
      {
        'job.ts': importing('fast-thing'),
        'node_modules/fast-thing/package.json': '{ "main": "index.js" }',
        'node_modules/fast-thing/index.js': "module.exports = require('./build/fast.node');",
        'node_modules/fast-thing/build/fast.node': '',
      },
      'node_modules/fast-thing/index.js:1:26',
      'native modules: fast.node of the package fast-thing',
    ],
    [
      'a package that is native itself',
      {
        'job.ts': importing('fast-thing'),
        'node_modules/fast-thing/package.json': '{ "main": "./fast.node" }',
        'node_modules/fast-thing/fast.node': '',
      },
      'job.ts:2:15',
      'native modules: node_modules/fast-thing/fast.node',
    ],
  ])('%s', async (_name, files, where, message) => {
    await expect(bundleJob(join(project(files), 'job.ts'))).rejects.toMatchObject({
      code: 'bundle-failed',
      where,
      message: expect.stringContaining(message) as unknown,
    });
  });

  test.each([
    ['no such job file', 'nope.ts', /no such job file: .*nope\.ts/],
    ['a folder', '.', /is not a file/],
  ])('%s', async (_name, entry, message) => {
    await expect(bundleJob(join(project({}), entry))).rejects.toMatchObject({
      code: 'definition-load-failed',
      message,
    });
  });

  test('too much', async () => {
    const files = { 'job.ts': jobWithMap('emit(text);', "import text from './big.txt';"), 'big.txt': '' };
    const folder = project(files);
    writeFileSync(join(folder, 'big.txt'), Buffer.alloc(limits.bundleBytesMax, 'x'));
    await expect(bundleJob(join(folder, 'job.ts'))).rejects.toMatchObject({
      code: 'bundle-failed',
      message: expect.stringContaining(`at most ${limits.bundleBytesMax}`) as unknown,
    });
  });
});
