/** What a fault proxy promises to the tests that use it: it changes nothing but what it is told to, and says what it did. */
import { Agent } from 'node:http';
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Workplace } from '../../harness/command.js';
import { conflict, FaultProxy, requestsOf, slowDown, tooManyRequests, type Fault } from '../../harness/fault-proxy.js';
import { startFaultProxy } from '../../harness/fault-proxy-process.js';
import { ask, startOrigin, type Origin } from './origin.js';

let origin: Origin;
let proxy: FaultProxy;
beforeEach(async () => {
  origin = await startOrigin();
  proxy = await FaultProxy.start({ server: origin.endpoint });
});
afterEach(async () => {
  await proxy.close();
  await origin.close();
});

const path = '/bucket/folder/object';
const body = randomBytes(200_000);

async function inject(fault: Fault): Promise<void> {
  await proxy.setPlan({ rules: [{ fault, times: 1 }] });
}

/** Of one request through a proxy that injects one fault: it proves that the fault struck. */
async function putThrough(fault: Fault): Promise<Awaited<ReturnType<typeof ask>> | 'broken'> {
  await inject(fault);
  const told = await ask(proxy.endpoint, path, { method: 'PUT', body }).catch(() => 'broken' as const);
  expect((await proxy.counts()).injected).toEqual({ [fault.kind]: 1 });
  return told;
}

describe('a proxy without a plan', () => {
  test('passes requests and answers on byte by byte, with the Host header of the client', async () => {
    const large = randomBytes(5_000_000);
    const headers = { Host: 'store.example:9000' };
    expect(await ask(proxy.endpoint, path, { method: 'PUT', body: large, headers })).toMatchObject({ status: 200 });
    expect((await ask(proxy.endpoint, path)).body.equals(large)).toBe(true);
    expect((await ask(proxy.endpoint, path, { headers: { Range: 'bytes=100-199' } })).body).toEqual(
      large.subarray(100, 200),
    );
    expect(origin.seen[0]).toEqual({ method: 'PUT', url: path, host: 'store.example:9000' });
    expect((await ask(proxy.endpoint, '/bucket/none')).status).toBe(404);
    expect((await proxy.counts()).injected).toEqual({});
  });

  test('keeps its connections on both sides', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 10; i++) await ask(proxy.endpoint, path, { method: 'PUT', body: Buffer.from('x'), agent });
    agent.destroy();
    expect(origin.seen).toHaveLength(10);
    expect(origin.connections).toBe(1);
  });

  test('counts requests and bytes by operation and folder', async () => {
    await ask(proxy.endpoint, path, { method: 'PUT', body });
    await ask(proxy.endpoint, path, { headers: { Range: 'bytes=0-9' } });
    await ask(proxy.endpoint, path, { headers: { Range: 'bytes=10-29' } });
    await ask(proxy.endpoint, '/bucket?list-type=2&prefix=folder%2F');
    await ask(proxy.endpoint, '/bucket/other/object?uploads=', { method: 'POST' });
    const counts = await proxy.counts();
    expect(requestsOf(counts)).toBe(5);
    expect(requestsOf(counts, { operations: ['GetObjectRange'], folderIncludes: 'folder' })).toBe(2);
    expect(requestsOf(counts, { operations: ['ListObjects'] })).toBe(1);
    expect(requestsOf(counts, { operations: ['CreateMultipartUpload'], folderIncludes: 'other' })).toBe(1);
    expect(counts.counts).toContainEqual({
      operation: 'GetObjectRange',
      folder: 'folder',
      requests: 2,
      bytesSent: 0,
      bytesReceived: 30,
    });
    expect(counts.statuses).toEqual({ 200: 2, 206: 2, 404: 1 });
  });

  test('breaks the connection when the server cannot be reached, and counts it', async () => {
    await origin.close();
    await expect(ask(proxy.endpoint, path)).rejects.toThrow('hang up');
    expect((await proxy.counts()).unreached).toBe(1);
    origin = await startOrigin();
  });
});

describe('a connection that breaks', () => {
  test('before the request: the server hears nothing of it', async () => {
    expect(await putThrough({ kind: 'drop-before' })).toBe('broken');
    expect(origin.seen).toEqual([]);
  });

  test('in the middle of the request: the server has a part of it', async () => {
    expect(await putThrough({ kind: 'drop-in-request' })).toBe('broken');
    await origin.until(() => origin.broken.length > 0);
    expect(origin.objects.size).toBe(0);
  });

  test('after the request: the server has all of it', async () => {
    expect(await putThrough({ kind: 'drop-after-request' })).toBe('broken');
    await origin.until(() => origin.objects.size > 0);
    expect(origin.objects.get(path)?.equals(body)).toBe(true);
  });

  test('after the server has answered: the write took effect', async () => {
    expect(await putThrough({ kind: 'lose-answer' })).toBe('broken');
    expect(origin.objects.get(path)?.equals(body)).toBe(true);
    expect((await proxy.counts()).statuses).toEqual({ 200: 1 });
  });

  test('in the middle of the answer: the client has a part of it, and knows', async () => {
    await ask(proxy.endpoint, path, { method: 'PUT', body });
    await inject({ kind: 'drop-in-answer' });
    const cut = await ask(proxy.endpoint, path);
    expect(cut).toMatchObject({ status: 200, isCut: true });
    expect(cut.body.length).toBeLessThan(body.length);
    expect((await ask(proxy.endpoint, path)).body.equals(body)).toBe(true);
  });
});

describe('an answer', () => {
  test('that is truncated looks whole', async () => {
    await ask(proxy.endpoint, path, { method: 'PUT', body });
    await inject({ kind: 'truncate' });
    const short = await ask(proxy.endpoint, path);
    expect(short).toMatchObject({ status: 200, isCut: false });
    expect(short.body.equals(body.subarray(0, body.length / 2))).toBe(true);
  });

  test.each([
    [503, slowDown],
    [429, tooManyRequests],
    [409, conflict],
  ])('of %i comes from the proxy, with the code in it, and the server hears nothing', async (status, fault) => {
    const told = await putThrough(fault);
    expect(told).toMatchObject({ status });
    expect(told !== 'broken' && told.body.toString()).toContain(`<Code>${fault.code}</Code>`);
    expect(origin.seen).toEqual([]);
  });

  test.each([true, false])(
    'of 200 to a completion may carry an error, took it effect or not (%s)',
    async (tookEffect) => {
      const fault = { kind: 'error-in-200', code: 'InternalError', tookEffect } as const;
      await proxy.setPlan({ rules: [{ fault, operations: ['CompleteMultipartUpload'] }] });
      const put = await ask(proxy.endpoint, path, { method: 'PUT', body });
      expect(put.body).toHaveLength(0);
      const told = await ask(proxy.endpoint, `${path}?uploadId=7`, { method: 'POST', body });
      expect(told.status).toBe(200);
      expect(told.body.toString()).toContain('<Code>InternalError</Code>');
      expect(origin.objects.has(`${path}?uploadId=7`)).toBe(tookEffect);
    },
  );
});

describe('a request that is late', () => {
  test('lands when it is told to, over what was written since', async () => {
    expect(await putThrough({ kind: 'late', client: 'dropped' })).toBe('broken');
    expect(origin.seen).toEqual([]);
    await ask(proxy.endpoint, path, { method: 'PUT', body: Buffer.from('newer') });
    expect(origin.objects.get(path)?.toString()).toBe('newer');
    expect(await proxy.deliver()).toEqual([200]);
    expect(origin.objects.get(path)?.equals(body)).toBe(true);
    expect(await proxy.deliver()).toEqual([]);
  });

  test('lands though its client has given up waiting', async () => {
    await inject({ kind: 'late', client: 'waits' });
    const patience = new AbortController();
    const asking = ask(proxy.endpoint, path, { method: 'PUT', body, signal: patience.signal });
    await proxy.struck('late');
    patience.abort();
    await expect(asking).rejects.toThrow('aborted');
    expect(origin.seen).toEqual([]);
    expect(await proxy.deliver()).toEqual([200]);
    expect(origin.objects.get(path)?.equals(body)).toBe(true);
  });

  test('is answered when its client still waits', async () => {
    await inject({ kind: 'late', client: 'waits', afterMs: 1 });
    expect(await ask(proxy.endpoint, path, { method: 'PUT', body })).toMatchObject({ status: 200, isCut: false });
  });

  test('by its latency goes on when that is over, and never when its client leaves before', async () => {
    await proxy.setPlan({ rules: [{ fault: { kind: 'latency', ms: 2 } }] });
    expect(await ask(proxy.endpoint, path, { method: 'PUT', body })).toMatchObject({ status: 200 });
    await proxy.setPlan({ rules: [{ name: 'for ever', fault: { kind: 'latency', ms: 3_600_000 } }] });
    const patience = new AbortController();
    const asking = ask(proxy.endpoint, path, { method: 'DELETE', signal: patience.signal });
    await proxy.struck('for ever');
    patience.abort();
    await expect(asking).rejects.toThrow('aborted');
    await proxy.close();
    expect(origin.seen.map(({ method }) => method)).toEqual(['PUT']);
    proxy = await FaultProxy.start({ server: origin.endpoint });
  });
});

describe('a proxy that is closed', () => {
  test('lets go of what it holds, and never delivers it', async () => {
    await inject({ kind: 'late', client: 'waits' });
    const asking = ask(proxy.endpoint, path, { method: 'PUT', body });
    const broken = expect(asking).rejects.toThrow();
    await proxy.struck('late');
    await proxy.close();
    await broken;
    expect(origin.seen).toEqual([]);
    proxy = await FaultProxy.start({ server: origin.endpoint });
  });
});

describe('a proxy as a process of its own', () => {
  test('does what it is told from outside, and ends with whoever started it', async () => {
    const place = new Workplace();
    try {
      const remote = await startFaultProxy((...how) => place.start(...how), { server: origin.endpoint });
      await remote.setPlan({ rules: [{ fault: { kind: 'late', client: 'dropped' }, operations: ['PutObject'] }] });
      await expect(ask(remote.endpoint, path, { method: 'PUT', body })).rejects.toThrow('hang up');
      await remote.struck('late');
      expect(await remote.deliver()).toEqual([200]);
      expect((await ask(remote.endpoint, path)).body.equals(body)).toBe(true);
      expect(requestsOf(await remote.counts(), { operations: ['GetObject'] })).toBe(1);
      await remote.close();
      expect(place.processes()).toEqual([]);
    } finally {
      place.remove();
    }
  });
});
