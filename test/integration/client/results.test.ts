/** `gristmill results` of runs in a folder: the rows as they were written, verified, or the reason why there are none. */
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { events, repository, Workplace, type Ended } from '../../harness/command.js';

let place: Workplace;
let job: string;
/** Of the output, as the run left it. */
let files: Record<string, Buffer>;

beforeAll(async () => {
  place = new Workplace();
  mkdirSync(place.path('input'));
  place.write('input/a.txt', Array.from({ length: 300 }, (_, i) => `word${i % 37} the end\n`).join(''));
  copyFileSync(join(repository, 'test/fixtures/faults/count.ts'), place.path('count.ts'));
  job = await run();
  files = Object.fromEntries(place.files('out').map((name) => [name, readFileSync(place.path(`out/${name}`))]));
});
afterAll(() => place.remove());
afterEach(() => {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(place.path(`out/${name}`), bytes);
  rmSync(place.path('got'), { recursive: true, force: true });
});

/** The id of a job that has run. */
async function run(...args: readonly string[]): Promise<string> {
  const { stdout } = await place.run('run', 'count.ts', '--json', '--workers', '1', ...args);
  const outcome = events(stdout).find(({ type }) => type === 'outcome')?.['outcome'] as { readonly job: string };
  return outcome.job;
}

function results(...args: readonly string[]): Promise<Ended> {
  return place.run('results', job, ...args);
}

function damage(name: string, change: (bytes: Buffer) => Buffer): void {
  const bytes = files[name];
  if (!bytes) throw new Error(`the run has left no ${name}`);
  writeFileSync(place.path(`out/${name}`), change(Buffer.from(bytes)));
}

const flip = (bytes: Buffer) => {
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  return bytes;
};

describe('results', () => {
  test('are the rows of all parts in order, and nothing else', async () => {
    const parts = Object.keys(files).filter((name) => name.startsWith('part-'));
    expect(parts.length).toBeGreaterThan(1);
    const rows = parts.map((name) => files[name]?.toString()).join('');
    expect(await results()).toMatchObject({ code: 0, stdout: rows, stderr: '' });
  });

  test('end quietly when nobody reads any more', async () => {
    const line = `'${process.execPath}' '${join(repository, 'dist/client/main.js')}' results ${job} | head -n 1`;
    const { stdout, stderr } = await place.start(['-c', line], ['sh']).ended;
    expect(stdout.split('\n')).toHaveLength(2);
    expect(stderr).toBe('');
  });

  test('go into a folder as they are, with their manifest, so that the folder is a result itself', async () => {
    const { code, stdout } = await results('--to', 'got', '--json');
    expect(code).toBe(0);
    const parts = place.files('got').filter((name) => name.startsWith('part-'));
    expect(place.files('got')).toEqual(['_SUCCESS', '_manifest.json', ...parts]);
    for (const name of place.files('got')) expect(readFileSync(place.path(`got/${name}`)), name).toEqual(files[name]);
    const sums = { job, parts: parts.length, rows: 39, target: 'got/' };
    expect(events(stdout)).toEqual([expect.objectContaining({ type: 'fetched', ...sums })]);
  });

  test('go into an empty folder that is there, and into no other', async () => {
    mkdirSync(place.path('got'));
    expect((await results('--to', 'got')).code).toBe(0);
    const before = statSync(place.path('got/part-00000.jsonl')).mtimeMs;
    const again = await results('--to', 'got');
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain('error: got/ is not an empty folder\nhint: name a folder that is empty');
    expect(statSync(place.path('got/part-00000.jsonl')).mtimeMs).toBe(before);
    expect((await results('--to', 'count.ts')).stderr).toContain('count.ts/ is not an empty folder');
  });
});

describe('a result that is damaged', () => {
  test.each([
    ['has other bytes', flip, /part-00001\.jsonl is damaged: \d+ bytes with the checksum/],
    ['is cut', (bytes: Buffer) => bytes.subarray(0, -3), /part-00001\.jsonl is damaged/],
    ['has more', (bytes: Buffer) => Buffer.concat([bytes, bytes]), /part-00001\.jsonl is damaged/],
  ])('where a part %s: the part is named, and nothing stays in the folder', async (_, change, reason) => {
    damage('part-00001.jsonl', change);
    const shown = await results();
    expect(shown.code).toBe(1);
    expect(shown.stderr).toMatch(reason);
    const fetched = await results('--to', 'got');
    expect(fetched).toMatchObject({ code: 1, stdout: '' });
    expect(fetched.stderr).toMatch(reason);
    expect(place.files('got')).toEqual([]);
  });

  test('where its manifest is: nothing is shown', async () => {
    damage('_manifest.json', flip);
    const { code, stdout, stderr } = await results();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: the manifest /);
  });
});

describe('a result that is not there', () => {
  test('since its folder is gone', async () => {
    rmSync(place.path('out/_manifest.json'));
    const { code, stdout, stderr } = await results();
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^error: the result of job .* is gone: there is no _manifest\.json in file:\/\/.*\nhint: /);
  });

  test('since one of its parts is gone', async () => {
    rmSync(place.path('out/part-00001.jsonl'));
    const { code, stderr } = await results('--to', 'got');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: part-00001\.jsonl of the result is gone/);
    expect(place.files('got')).toEqual([]);
  });

  test('since another job has replaced it', async () => {
    const next = await run('--overwrite');
    const { code, stderr } = await results();
    expect(code).toBe(1);
    expect(stderr).toContain(`error: the result of job ${job} is gone: `);
    expect(stderr).toContain(`holds that of job ${next}`);
  });

  test('since its job failed, or is not known', async () => {
    const failed = await run('--input', 'input/a.txt', '--output', 'out'); // occupied
    expect((await place.run('results', failed)).stderr).toBe(`error: job ${failed} failed: it has no result\n`);
    const unknown = await place.run('results', 'nosuchjob');
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/^error: there is no job "nosuchjob"\nhint: /);
  });

  test.each([
    [['--json'], '--json and --quiet are for --to'],
    [['--to', ''], '--to needs a folder'],
    [['--to', 'ftp://host/x'], 'cannot use the URI "ftp://host/x"'],
  ])('since the command line is wrong: %j', async (args, reason) => {
    const { code, stdout, stderr } = await results(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(reason);
  });
});
