import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { bundleJob } from '../../../client/bundle/bundle.js';
import { jobWithMap, project, type Files } from './project.js';

interface Outcome {
  rows?: unknown[];
  mapThrew?: { message: string; stack: string; where?: string };
  refused?: { code: string; message: string; where?: string; userStack: string };
}

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What an executor makes of `job.ts` and of one record. */
async function outcomeOf(files: Files, record = 'a line'): Promise<Outcome> {
  const folder = project(files);
  const bundle = await bundleJob(join(folder, 'job.ts'));
  const path = join(folder, 'bundle one.mjs'); // the blank is escaped in its URL
  writeFileSync(path, bundle.code);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['scripts/run-ts.mjs', 'test/unit/bundle/load-bundle.ts', path, record],
    { cwd: root },
  );
  return JSON.parse(stdout) as Outcome;
}

const jobThatThrows = (what: string, before = '') => ({ 'job.ts': jobWithMap(what, before) });

describe('a bundle in an executor', () => {
  test('runs with what it imports', async () => {
    const outcome = await outcomeOf({
      'job.ts': jobWithMap(
        'emit(shout(line) + fs.existsSync("/"));',
        "import { shout } from './lib/shout.ts';\nimport fs from 'old-fashioned';",
      ),
      'lib/shout.ts': 'export const shout = (line: string): string => line.toUpperCase();\n',
      'node_modules/old-fashioned/index.js': "module.exports = require('fs'); require('path').join(__dirname, 'x');",
    });
    expect(outcome).toEqual({ rows: ['A LINEtrue'] });
  });
});

describe('an error of user code', () => {
  test('names the line and column of the TypeScript it was written at', async () => {
    const { mapThrew } = await outcomeOf(
      jobThatThrows('const n: number = 1;\n    throw new Error(`boom ${line}${n}${typeof emit}`);'),
    );
    expect(mapThrew).toEqual({
      message: 'boom a line1function',
      where: 'job.ts:8:11',
      stack: 'boom a line1function\n    at map (job.ts:8:11)',
    });
  });

  test('shows the frames of local files and packages, names the first of the job’s own, and none of the engine’s', async () => {
    const { mapThrew } = await outcomeOf({
      'job.ts': jobWithMap('emit(first([line]));', "import { first } from './lib.ts';"),
      'lib.ts':
        "import pick from 'picker';\n\nexport function first(lines: string[]): string {\n  return lines.map((line) => pick(line))[0] ?? '';\n}\n",
      'node_modules/picker/package.json': '{ "type": "module" }',
      'node_modules/picker/index.js': 'export default function pick(line) {\n  return line.nothing.at(0);\n}\n',
    });
    expect(mapThrew).toEqual({
      message: "TypeError: Cannot read properties of undefined (reading 'at')",
      where: 'lib.ts:4:30',
      stack: [
        "TypeError: Cannot read properties of undefined (reading 'at')",
        '    at pick (node_modules/picker/index.js:2:23)',
        '    at lib.ts:4:30',
        '    at first (lib.ts:4:16)',
        '    at map (job.ts:7:10)',
      ].join('\n'),
    });
  });

  test('shows its causes', async () => {
    const { mapThrew } = await outcomeOf(
      jobThatThrows(
        "emit('');\n    try { JSON.parse(line); } catch (cause) { throw new RangeError('outer', { cause }); }",
      ),
    );
    expect(mapThrew?.where).toBe('job.ts:8:53');
    expect(mapThrew?.stack).toMatch(
      /^RangeError: outer\n {4}at map \(job.ts:8:53\)\ncaused by: SyntaxError: .*JSON.*\n {4}at map \(job.ts:8:16\)$/,
    );
  });

  test('in an asynchronous map is found as well', async () => {
    const asynchronous = jobWithMap("await Promise.resolve();\n    throw new Error('late');").replace(
      'map(line',
      'async map(line',
    );
    const { mapThrew } = await outcomeOf({ 'job.ts': asynchronous });
    expect(mapThrew).toMatchObject({ message: 'late', where: 'job.ts:8:11' });
  });
});

describe('a job file that does not load', () => {
  const refused = async (files: Files) => (await outcomeOf(files)).refused;

  test.each<[string, Files, string, string | undefined, string]>([
    [
      'a throw',
      jobThatThrows('', "function start(): never { throw new Error('no luck'); }\nstart();"),
      'definition-load-failed',
      'job.ts:2:33',
      'cannot be loaded: no luck',
    ],
    [
      'a rejection',
      jobThatThrows('', "await Promise.reject(new TypeError('no luck'));"),
      'definition-load-failed',
      'job.ts:2:22',
      'TypeError: no luck',
    ],
    [
      'a name that node does not have',
      jobThatThrows('nope();', "import { nope } from 'node:fs';"),
      'definition-load-failed',
      'job.ts:2:1',
      "does not provide an export named 'nope'",
    ],
    [
      'a throw in a file it imports',
      { 'job.ts': jobWithMap('', "import './lib.ts';"), 'lib.ts': "\nthrow new Error('no luck');" },
      'definition-load-failed',
      'lib.ts:2:7',
      'no luck',
    ],
    ['no default export', { 'job.ts': 'export const x = 1;\n' }, 'definition-invalid', undefined, 'no default export'],
    [
      'a definition exported by name',
      { 'job.ts': jobWithMap('').replace('export default', 'export const words =') },
      'definition-invalid',
      undefined,
      'export default words',
    ],
    ['a wrong default export', { 'job.ts': 'export default 7;\n' }, 'definition-invalid', undefined, 'the number 7'],
    [
      'a typo in an option',
      { 'job.ts': jobWithMap('').replace('  map(', '  partitons: 1,\n  map(') },
      'definition-invalid',
      'job.ts:3:16',
      "no option 'partitons'",
    ],
    [
      'what is not built yet',
      { 'job.ts': jobWithMap('').replace("read.text('x')", "read.words('x')") },
      'not-built-yet',
      'job.ts:5:15',
      'read.words is not built yet',
    ],
  ])('says why: %s', async (_name, files, code, where, message) => {
    const refusal = await refused(files);
    expect(refusal?.message).toContain(message);
    expect(refusal).toMatchObject({ code, ...(where !== undefined && { where }) });
    expect(refusal?.where).toBe(where);
    expect(refusal?.userStack).not.toContain('file:');
  });

  test('says that native modules are not built yet when a package looks for one as it runs', async () => {
    const lookup =
      "const binding = new Function('return 0');\nmodule.exports = require('./build/' + 'fast' + '.no' + 'de', binding);";
    const refusal = await refused({
      'job.ts': jobWithMap('console.log(fast);', "import fast from 'fast';"),
      'node_modules/fast/index.js': lookup,
    });
    expect(refusal?.message).toContain("fast.node'");
    expect(refusal?.message).toContain('native modules');
    expect(refusal?.where).toBe('job.ts:2:18');
    expect(refusal?.userStack).toContain('node_modules/fast/index.js:2:18');
  });
});
