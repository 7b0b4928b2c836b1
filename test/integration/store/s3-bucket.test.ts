/** A bucket is made ready by the coordinator whose it is; and what goes wrong with keys, buckets and rights, on a real MinIO. */
import { randomBytes } from 'node:crypto';
import { AssumeRoleProvider } from 'minio/dist/esm/AssumeRoleProvider.mjs';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { GristmillError } from '../../../shared/errors.js';
import { limits } from '../../../shared/limits.js';
import type { S3Access } from '../../../shared/store/s3/access.js';
import { S3Endpoint } from '../../../shared/store/s3/endpoint.js';
import { S3Place } from '../../../shared/store/s3/place.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { prepareStore } from '../../../shared/store/probe.js';
import { codeOf, keysOf, text } from '../../contract/store/subject.js';
import { freshBucket } from '../../harness/minio.js';
import { describeWithMinio, sharedMinio } from '../../harness/minio-suite.js';

describeWithMinio('a bucket on a real MinIO', () => {
  let root: S3Access;
  const opened: S3Store[] = [];
  beforeAll(async () => {
    root = await sharedMinio();
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  function open(uri: string, change: Partial<S3Access> = {}): S3Store {
    const store = new S3Store({ uri, access: { ...root, ...change } });
    opened.push(store);
    return store;
  }
  const newName = () => `made-${randomBytes(6).toString('hex')}`;
  const thrownBy = async (call: Promise<unknown>): Promise<GristmillError> => {
    const thrown: unknown = await call.catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(GristmillError);
    expect((thrown as Error).message).not.toContain(root.secretKey);
    expect((thrown as Error).message).not.toContain(root.accessKey);
    return thrown as GristmillError;
  };
  /** Credentials that may do so much and no more. */
  async function limited(...statements: readonly object[]): Promise<Partial<S3Access>> {
    const { accessKey, secretKey } = root;
    const policy = { Version: '2012-10-17', Statement: statements.map((each) => ({ Effect: 'Allow', ...each })) };
    const provider = new AssumeRoleProvider({
      stsEndpoint: root.endpoint,
      accessKey,
      secretKey,
      policy: JSON.stringify(policy),
      durationSeconds: 900,
      roleSessionName: 'test',
    });
    const given = await provider.getCredentials();
    return { accessKey: given.accessKey, secretKey: given.secretKey, sessionToken: given.sessionToken ?? '' };
  }
  async function rulesOf(uri: string): Promise<string> {
    const endpoint = new S3Endpoint({ access: root });
    const request = { operation: 'bucket', method: 'GET', query: 'lifecycle', changes: false } as const;
    const { reply } = await new S3Place(endpoint, uri).ask(request);
    await endpoint.close();
    return reply.kind === 'answer' ? Buffer.from(reply.body).toString() : reply.code;
  }

  test('is made when it is not there, with a rule for what nobody removes; again changes nothing', async () => {
    const bucket = newName();
    const store = open(`s3://${bucket}/some/where`);
    expect(await store.prepare()).toEqual([]);
    const rules = await rulesOf(`s3://${bucket}`);
    expect(rules).toContain('<Prefix>some/where/v1/shuffle/</Prefix>');
    expect(rules).toContain(`<Days>${limits.s3ShuffleKeepDays}</Days>`);
    expect(await store.prepare()).toEqual([]);
    expect(await rulesOf(`s3://${bucket}`)).toBe(rules);
    expect(await keysOf(store, '')).toEqual([]);
  });

  test('keeps the rules that others have set, and has one for each store in it', async () => {
    const bucket = newName();
    await open(`s3://${bucket}/one`).prepare();
    await open(`s3://${bucket}/two`).prepare();
    await open(`s3://${bucket}/one`).prepare();
    const rules = await rulesOf(`s3://${bucket}`);
    expect(rules.match(/<Rule>/g)).toHaveLength(2);
    expect(rules).toContain('<Prefix>one/v1/shuffle/</Prefix>');
    expect(rules).toContain('<Prefix>two/v1/shuffle/</Prefix>');
  });

  test('whose rules may not be set serves all the same, with a warning', async () => {
    const bucket = await freshBucket(root);
    const objects = {
      Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
      Resource: [`arn:aws:s3:::${bucket}/*`],
    };
    const listing = { Action: ['s3:ListBucket'], Resource: [`arn:aws:s3:::${bucket}`] };
    const store = open(`s3://${bucket}`, await limited(objects, listing));
    const warnings = await prepareStore(store, { name: 'x' });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/no lifecycle rule could be set for s3:.*not allowed/);
  });

  test('that may only be read is refused by name', async () => {
    const bucket = await freshBucket(root);
    const reading = { Action: ['s3:GetObject', 's3:ListBucket'], Resource: ['arn:aws:s3:::*'] };
    const store = open(`s3://${bucket}`, await limited(reading));
    const thrown = await thrownBy(store.put('key', text('x')));
    expect(thrown.code).toBe('store-denied');
    expect(thrown.message).toMatch(
      new RegExp(`not allowed to change s3://${bucket}/key at .*give the access key permission`),
    );
    expect((await thrownBy(prepareStore(store, { name: 'x' }))).code).toBe('store-denied');
  });

  test('that is not there is named by every call but a look at one object', async () => {
    const store = open('s3://not-there-at-all');
    const calls = [
      () => store.get('key'),
      () => store.put('key', text('x')),
      () => keysOf(store, ''),
      () => store.stage('key', 'a'),
    ];
    for (const call of calls) {
      expect((await thrownBy(call())).message).toMatch(
        /there is no bucket not-there-at-all at http.*: create it, or check/,
      );
    }
    expect((await thrownBy(store.head('key'))).message).toMatch(/there is no bucket/);
  });

  test('that is not there and may not be made says both', async () => {
    const store = open(`s3://${newName()}`, await limited({ Action: ['s3:ListBucket'], Resource: ['arn:aws:s3:::*'] }));
    expect((await thrownBy(store.prepare())).message).toMatch(
      /there is no bucket .* may not make it: make it, or check/,
    );
  });

  test('an unknown access key and a wrong secret key are told apart', async () => {
    const bucket = await freshBucket(root);
    const unknown = open(`s3://${bucket}`, { accessKey: 'nobody-knows-it' });
    expect((await thrownBy(unknown.prepare())).message).toMatch(/does not know the access key; check it/);
    const wrong = open(`s3://${bucket}`, { secretKey: 'not-the-secret' });
    expect((await thrownBy(wrong.prepare())).message).toMatch(/secret key is not that of the access key.*check both/);
    expect((await thrownBy(wrong.head('key'))).message).toMatch(/or its keys are wrong|secret key/);
  });

  test('a token that is none is told', async () => {
    const store = open(`s3://${await freshBucket(root)}`, { sessionToken: 'none' });
    expect((await thrownBy(store.prepare())).message).toMatch(/session token is not valid|get new credentials/);
  });

  test('credentials for one prefix serve a store there, and no other', async () => {
    const bucket = await freshBucket(root);
    const given = await limited({ Action: ['s3:*'], Resource: [`arn:aws:s3:::${bucket}/mine/*`] });
    await open(`s3://${bucket}/mine`, given).put('key', text('x'));
    expect(await codeOf(open(`s3://${bucket}/other`, given).put('key', text('x')))).toBe('store-denied');
  });
});
