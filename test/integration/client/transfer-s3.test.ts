/** Data to a bucket of a real MinIO and back: what a fleet reads and writes, carried by `upload` and `results`. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { S3Access } from '../../../shared/store/s3/access.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { events, repository, Workplace, type Ended } from '../../harness/command.js';
import { FaultProxy, requestsOf, type Fault } from '../../harness/fault-proxy.js';
import { freshBucket } from '../../harness/minio.js';
import { describeWithMinio, sharedMinio } from '../../harness/minio-suite.js';

let access: S3Access;
let bucket: string;
let place: Workplace;
let proxy: FaultProxy;
beforeEach(async () => {
  access = await sharedMinio();
  bucket = await freshBucket(access);
  place = new Workplace();
  proxy = await FaultProxy.start({ server: access.endpoint });
  mkdirSync(place.path('input'));
});
afterEach(async () => {
  await proxy.close();
  place.remove();
});

function command(...args: readonly string[]): Promise<Ended> {
  const { accessKey, secretKey } = access;
  const variables = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
  return place.start(args, undefined, { ...variables, AWS_ENDPOINT_URL_S3: proxy.endpoint }).ended;
}

/** What readers see: of an upload whose answer was lost, the server keeps parts that nobody sees, for a day. */
async function contents(): Promise<readonly string[]> {
  const store = new S3Store({ uri: `s3://${bucket}`, access });
  const keys: string[] = [];
  try {
    for await (const { key } of store.list('')) keys.push(key);
    return keys;
  } finally {
    await store.close();
  }
}

async function stored(key: string): Promise<Buffer> {
  const store = new S3Store({ uri: `s3://${bucket}`, access });
  try {
    return Buffer.from(await store.get(key));
  } finally {
    await store.close();
  }
}

const large = randomBytes(20_000_000);
const text = Array.from({ length: 300 }, (_, i) => `word${i % 37} the end\n`).join('');

describeWithMinio('data in a bucket', () => {
  test('goes there, is read and written by a run, and comes back', async () => {
    place.write('input/a.txt', text);
    copyFileSync(join(repository, 'test/fixtures/faults/count.ts'), place.path('count.ts'));
    const plain = await command('run', 'count.ts', '--quiet');
    expect(plain.code, plain.stderr).toBe(0);
    const sent = await command('upload', 'input', `s3://${bucket}/in`);
    expect(sent.stdout).toContain(`1 file, 4.42 kB, in s3://${bucket}/in/: sent, read back and compared`);
    const there = ['--input', `s3://${bucket}/in/input/*.txt`, '--output', `s3://${bucket}/out`];
    const run = await command('run', 'count.ts', '--json', ...there);
    expect(run.code, run.stderr).toBe(0);
    const outcome = events(run.stdout).at(-1)?.['outcome'] as { readonly job: string };
    const rows = Object.values(place.parts('out')).join('');
    expect(await command('results', outcome.job)).toMatchObject({ code: 0, stdout: rows, stderr: '' });
    expect((await command('results', outcome.job, '--to', 'got')).code).toBe(0);
    expect(place.parts('got')).toEqual(place.parts('out'));
    // From one bucket to the same one: a folder of it is a place like any other.
    expect((await command('results', outcome.job, '--to', `s3://${bucket}/copy`)).code).toBe(0);
    expect(await stored('copy/part-00000.jsonl')).toEqual(readFileSync(place.path('out/part-00000.jsonl')));
  });

  test.each<readonly [string, Fault]>([
    ['connections that break', { kind: 'drop-in-request' }],
    ['answers that are lost', { kind: 'lose-answer' }],
    ['a server that is overrun', { kind: 'answer', status: 503, code: 'SlowDown' }],
    ['answers that are cut', { kind: 'drop-in-answer' }],
    ['a completion that says 200 and failed', { kind: 'error-in-200', code: 'InternalError', tookEffect: false }],
  ])('goes there over %s, as it is and once', async (_, fault) => {
    place.write('input/large.bin', large as unknown as string);
    for (let i = 0; i < 10; i++) place.write(`input/${i}.txt`, `file ${i}`);
    const only = fault.kind === 'error-in-200' ? { operations: ['CompleteMultipartUpload' as const] } : {};
    await proxy.setPlan({ seed: 3, rules: [{ fault, rate: 0.2, ...only }] });
    const { code, stdout, stderr } = await command('upload', 'input', `s3://${bucket}`);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('11 files, 20.0 MB');
    expect((await proxy.counts()).injected[fault.kind]).toBeGreaterThan(0);
    const names = ['large.bin', ...Array.from({ length: 10 }, (__, i) => `${i}.txt`)];
    expect(await contents()).toEqual(names.map((name) => `input/${name}`).sort());
    expect((await stored('input/large.bin')).equals(large)).toBe(true);
  });

  test('is not sent again by an upload that goes on', async () => {
    place.write('input/large.bin', large as unknown as string);
    place.write('input/a.txt', text);
    expect((await command('upload', 'input', `s3://${bucket}`)).code).toBe(0);
    const before = requestsOf(await proxy.counts(), { operations: ['UploadPart', 'PutObject'] });
    const again = await command('upload', 'input', `s3://${bucket}`);
    expect(again.stdout).toContain('of which 2 were there already');
    expect(requestsOf(await proxy.counts(), { operations: ['UploadPart', 'PutObject'] })).toBe(before);
  });

  test('does not go where there is no bucket, or with keys that nobody knows', async () => {
    place.write('input/a.txt', text);
    const nowhere = await command('upload', 'input', 's3://there-is-no-such-bucket/x');
    expect(nowhere).toMatchObject({ code: 1, stdout: '' });
    expect(nowhere.stderr).toMatch(/^error: .*there-is-no-such-bucket/);
    access = { ...access, secretKey: 'wrong-wrong-wrong' };
    const denied = await command('upload', 'input', `s3://${bucket}/x`);
    expect(denied).toMatchObject({ code: 1, stdout: '' });
    expect(denied.stderr).toMatch(/^error: /);
    expect(denied.stderr).not.toContain('wrong-wrong-wrong');
  });
});
