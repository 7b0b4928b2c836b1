/** `gristmill run` with its store, inputs and outputs in a bucket of a real server, and what it says where that cannot work. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bucket } from '../../harness/bucket.js';
import { events, repository, Workplace, type Ended } from '../../harness/command.js';
import { describeWithMinio } from '../../harness/minio-suite.js';

let bucket: Bucket;
let place: Workplace;
beforeEach(async () => {
  bucket = await Bucket.make();
  place = new Workplace();
  copyFileSync(join(repository, 'test/fixtures/faults/talk.ts'), place.path('talk.ts'));
  await bucket.put('input/a.txt', 'the whale the sea\nthe end\n');
  await bucket.put('input/b.txt', 'a whale\n');
  await bucket.put('input/_left-out.txt', 'nothing\n');
});
afterEach(async () => {
  expect(place.processes()).toEqual([]);
  await bucket.close();
  place.remove();
});

const keys = () => ({
  AWS_ACCESS_KEY_ID: bucket.access.accessKey,
  AWS_SECRET_ACCESS_KEY: bucket.access.secretKey,
  AWS_ENDPOINT_URL_S3: bucket.access.endpoint,
});

function run(args: readonly string[], variables: NodeJS.ProcessEnv = keys()): Promise<Ended> {
  return place.start(args, undefined, variables).ended;
}

/** The job of the fixture, over objects. */
const job = (...more: readonly string[]) => {
  const data = ['--input', bucket.uri('input/*.txt'), '--output', bucket.uri('out')];
  return ['run', 'talk.ts', ...data, ...more];
};

const rows = async () => {
  const parts = [...(await bucket.objects('data/out/part-'))].map(([, bytes]) => bytes.toString());
  return Object.fromEntries(
    parts
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Object.values(JSON.parse(line) as object) as [string, number]),
  );
};
const counted = { the: 3, whale: 2, sea: 1, end: 1, a: 1 };
const keysIn = async (prefix: string) => [...(await bucket.objects(prefix)).keys()];

describeWithMinio('a run over a bucket', () => {
  test('reads and writes objects, with intermediate data in a folder', async () => {
    const ended = await run(job('--json'));
    expect(ended.code, ended.stderr).toBe(0);
    expect(await rows()).toEqual(counted);
    expect(await keysIn('data/out/_SUCCESS')).toHaveLength(1);
    expect(await bucket.leftovers()).toEqual([]);
    const { outcome } = events(ended.stdout).at(-1) as { readonly outcome: { readonly counts: object } };
    expect(outcome.counts).toMatchObject({ recordsRead: 3 });
  });

  test('keeps its intermediate data in a bucket, where jobs and logs find it', async () => {
    const ended = await run(job('--store', bucket.uri('runs')));
    expect(ended.code, ended.stderr).toBe(0);
    expect(await rows()).toEqual(counted);
    expect(ended.stdout).toContain(`store      ${bucket.uri('runs')}/`);
    expect(await bucket.leftovers()).toEqual([]);
    expect(place.files('.gristmill').filter((file) => file.includes('v1'))).toEqual([]);
    const listed = await run(['jobs', '--json']);
    const { job: id } = JSON.parse(listed.stdout) as { readonly job: string };
    expect((await run(['logs', id])).stdout).toContain('first of map-00000.1-1: ');
  });

  test('leaves nothing of its own in a bucket when no job comes of it', async () => {
    place.write('broken.ts', 'this is no TypeScript');
    expect((await run(['run', 'broken.ts', '--store', bucket.uri('runs')])).code).toBe(2);
    expect(await keysIn('data/runs')).toEqual([]);
    expect(place.files('.gristmill')).toEqual([]);
  });

  test.each([
    [
      'a wrong access key',
      () => ({ ...keys(), AWS_ACCESS_KEY_ID: 'nobody-knows-it' }),
      1,
      /^error: input s3:\/\/.*: the store at http:.* does not know the access key; check it/m,
    ],
    [
      'a wrong secret key',
      () => ({ ...keys(), AWS_SECRET_ACCESS_KEY: 'nobody-knows-it' }),
      1,
      /^error: input s3:\/\/.*: the secret key is not that of the access key at http/m,
    ],
    [
      'no keys',
      () => ({ AWS_ENDPOINT_URL_S3: bucket.access.endpoint }),
      2,
      /^error: cannot use s3:\/\/.*: there are no S3 credentials on .*\nhint: give --s3-access-key-file FILE/m,
    ],
    [
      'half of the keys',
      () => ({ ...keys(), AWS_SECRET_ACCESS_KEY: '' }),
      2,
      /^error: cannot use s3:\/\/.*: AWS_ACCESS_KEY_ID is given and AWS_SECRET_ACCESS_KEY is not/m,
    ],
    [
      'an endpoint that is none',
      () => ({ ...keys(), AWS_ENDPOINT_URL_S3: 'http://x:1/y' }),
      2,
      /^error: AWS_ENDPOINT_URL_S3 takes http:\/\/host:port/m,
    ],
  ] as const)('with %s says so and what to do, and repeats no key', async (_, variables, code, says) => {
    const { code: found, stderr } = await run(job(), variables());
    expect(stderr).toMatch(says);
    expect(found).toBe(code);
    expect(stderr).not.toContain(bucket.access.secretKey);
    expect(stderr).not.toContain('nobody-knows-it');
    expect(await keysIn('data/out')).toEqual([]);
  });

  test('names a bucket that is not there, as input and as output, and a store that cannot be reached', async () => {
    const missing = `s3://${bucket.name}-missing`;
    const input = await run(['run', 'talk.ts', '--input', `${missing}/x/*`, '--output', bucket.uri('out')]);
    expect(input).toMatchObject({ code: 1 });
    expect(input.stderr).toMatch(new RegExp(`^error: input ${missing}/x/\\*: there is no bucket`, 'm'));
    expect(input.stderr).toContain('hint: check the bucket, and that the access key may list and read it');
    const output = await run(['run', 'talk.ts', '--input', bucket.uri('input/*.txt'), '--output', `${missing}/out`]);
    expect(output).toMatchObject({ code: 1 });
    expect(output.stderr).toMatch(/^error: cannot write to the output: there is no bucket .*-missing/m);
    const away = await run(job('--store', bucket.uri('runs')), {
      ...keys(),
      AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9',
    });
    expect(away.code).toBe(1);
    expect(away.stderr).toMatch(
      /^error: .*the store at http:\/\/127\.0\.0\.1:9 does not answer .*; check that the server runs/m,
    );
  });
});
