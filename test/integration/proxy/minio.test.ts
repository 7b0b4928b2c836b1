/** The proxy before a real MinIO: signatures stay right, and faults strike what the client of S3 sends. */
import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { Client } from 'minio';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { S3Access } from '../../../shared/store/s3/access.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { conflict, FaultProxy, requestsOf, slowDown, type Rule } from '../../harness/fault-proxy.js';
import { freshBucket } from '../../harness/minio.js';
import { describeWithMinio, sharedMinio } from '../../harness/minio-suite.js';

let access: S3Access;
let bucket: string;
let proxy: FaultProxy;
let agent: Agent;
/** The plain client, whose requests are as it signs them. */
let client: Client;
beforeEach(async () => {
  access = await sharedMinio();
  bucket = await freshBucket(access);
  proxy = await FaultProxy.start({ server: access.endpoint });
  agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(proxy.endpoint);
  const { accessKey, secretKey, region } = access;
  const place = { endPoint: hostname, port: Number(port), useSSL: false, region, transportAgent: agent };
  client = new Client({ ...place, accessKey, secretKey, retryOptions: { disableRetry: true } });
});
afterEach(async () => {
  agent.destroy();
  await proxy.close();
});

const key = 'folder/an object, 100 % ü';

async function read(...range: readonly [number, number] | readonly []): Promise<Buffer> {
  const [offset, length] = range;
  const stream =
    offset === undefined
      ? await client.getObject(bucket, key)
      : await client.getPartialObject(bucket, key, offset, length);
  const pieces: Buffer[] = [];
  for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

describeWithMinio('a client of S3 behind the proxy', () => {
  test('is known by its signature, whatever it asks, and everything is counted', async () => {
    const body = randomBytes(200_000);
    await client.putObject(bucket, key, body);
    expect((await read()).equals(body)).toBe(true);
    expect((await read(1000, 500)).equals(body.subarray(1000, 1500))).toBe(true);
    expect((await client.statObject(bucket, key)).size).toBe(body.length);
    const upload = await client.initiateNewMultipartUpload(bucket, 'folder/parts', {});
    const query = `uploadId=${upload}&partNumber=1`;
    const part = { method: 'PUT', bucketName: bucket, objectName: 'folder/parts', query };
    const { headers } = await client.makeRequestAsyncOmit(part, body, [200]);
    const etag = String(headers['etag']).replaceAll('"', '');
    await client.completeMultipartUpload(bucket, 'folder/parts', upload, [{ part: 1, etag }]);
    const listed: (string | undefined)[] = [];
    for await (const found of client.listObjectsV2(bucket, 'folder/', true))
      listed.push((found as { name: string }).name);
    expect(listed).toEqual([key, 'folder/parts']);
    await client.removeObjects(bucket, [key, 'folder/parts']);
    const counts = await proxy.counts();
    const once = [
      'PutObject',
      'GetObject',
      'GetObjectRange',
      'HeadObject',
      'CreateMultipartUpload',
      'UploadPart',
    ] as const;
    for (const operation of [...once, 'CompleteMultipartUpload', 'ListObjects', 'DeleteObjects'] as const) {
      expect(requestsOf(counts, { operations: [operation] }), operation).toBe(1);
    }
    expect(counts.unreached).toBe(0);
  });

  test('is told what the server never said, and not told of a write that took effect', async () => {
    await proxy.setPlan({
      rules: [
        { fault: slowDown, nth: 1 },
        { fault: conflict, nth: 1 },
      ],
    });
    await expect(client.putObject(bucket, key, Buffer.from('one'))).rejects.toThrow('503');
    await expect(client.putObject(bucket, key, Buffer.from('one'))).rejects.toMatchObject({ code: conflict.code });
    await expect(client.statObject(bucket, key)).rejects.toMatchObject({ code: 'NotFound' });
    await proxy.setPlan({ rules: [{ fault: { kind: 'lose-answer' }, times: 1 }] });
    await expect(client.putObject(bucket, key, Buffer.from('one'))).rejects.toThrow('hang up');
    expect((await read()).toString()).toBe('one');
  });

  test('has given up a conditional write that lands later, and wins', async () => {
    await proxy.setPlan({ rules: [{ fault: { kind: 'late', client: 'dropped' }, times: 1 }] });
    const condition = { 'If-None-Match': '*' };
    await expect(client.putObject(bucket, key, Buffer.from('late'), 4, condition)).rejects.toThrow('hang up');
    await expect(client.statObject(bucket, key)).rejects.toMatchObject({ code: 'NotFound' });
    expect(await proxy.deliver()).toEqual([200]);
    await expect(client.putObject(bucket, key, Buffer.from('next'), 4, condition)).rejects.toMatchObject({
      code: 'PreconditionFailed',
    });
    expect((await read()).toString()).toBe('late');
  });
});

describeWithMinio("Gristmill's store behind the proxy", () => {
  const rules: readonly Rule[] = [
    { fault: slowDown, rate: 0.05 },
    { fault: { kind: 'drop-before' }, rate: 0.05 },
    { fault: { kind: 'drop-after-request' }, rate: 0.03 },
    { fault: { kind: 'lose-answer' }, rate: 0.05 },
    { fault: { kind: 'drop-in-answer' }, rate: 0.05 },
    { fault: { kind: 'drop-in-request' }, rate: 0.05, methods: ['PUT'] },
  ];

  test.each([1, 2, 3])('keeps what it is given through many faults (seed %i)', async (seed) => {
    const store = new S3Store({ uri: `s3://${bucket}/run`, access: { ...access, endpoint: proxy.endpoint } });
    try {
      await proxy.setPlan({ seed, rules });
      for (let i = 0; i < 40; i++) {
        const bytes = randomBytes(20_000);
        await store.put(`objects/${i}`, bytes, i % 2 === 0 ? { ifAbsent: true } : {});
        expect(Buffer.from(await store.get(`objects/${i}`)).equals(bytes)).toBe(true);
      }
      const struck = (await proxy.counts()).injected;
      expect(Object.keys(struck).length).toBeGreaterThan(3);
    } finally {
      await store.close();
    }
  });
});
