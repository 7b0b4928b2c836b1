/** A reader against the bytes themselves: whatever is asked for, in whatever pieces, with or without room to read ahead. */
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { limits } from '../../../shared/limits.js';
import { S3Endpoint } from '../../../shared/store/s3/endpoint.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { scriptedS3, type ScriptedS3 } from '../../harness/scripted-s3.js';

const whole = new Uint8Array(5 * limits.s3ReadBytes + 12_345).map((_, i) => (i * 31 + (i >> 8)) % 251);

let server: ScriptedS3;
let endpoint: S3Endpoint;
let size: number;
/** Answers to ranges from here on wait until there are so many, and are then given together. */
let holding: { readonly from: number; readonly count: number } | undefined;
let held: (() => void)[] = [];
let ranges: number[] = [];

beforeAll(async () => {
  server = await scriptedS3(({ method, headers }, response) => {
    const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
    const etag = '"e"';
    if (method === 'HEAD') response.writeHead(200, { etag, 'content-length': size }).end();
    else if (Number(start) >= size) response.writeHead(416).end();
    else {
      const end = Math.min(Number(last) + 1, size);
      ranges.push(end - Number(start));
      response.writeHead(206, {
        etag,
        'content-range': `bytes ${start}-${end - 1}/${size}`,
        'content-length': end - Number(start),
      });
      const answer = (): void => {
        response.end(whole.subarray(Number(start), end));
      };
      if (holding === undefined || Number(start) < holding.from) {
        answer();
        return;
      }
      held.push(answer);
      if (held.length < holding.count) return;
      holding = undefined;
      for (const each of held) each();
    }
  });
  endpoint = new S3Endpoint({ access: server.access });
});
afterAll(async () => {
  await endpoint.close();
  await server.close();
});
beforeEach(() => {
  holding = undefined;
  held = [];
  ranges = [];
});

test('gives the very bytes, by reads that are bounded, and gives back what it took of the budget', async () => {
  const store = new S3Store({ uri: 's3://bucket', access: server.access, endpoint });
  const piece = fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 3 * limits.s3ReadBytes }));
  const reads = fc.array(fc.array(piece, { minLength: 1, maxLength: 3 }), { maxLength: 12 });
  const at = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: whole.length + 10 }));
  const room = fc.constantFrom(limits.s3ReadAheadBytesMax, limits.s3ReadBytes, 0);
  await fc.assert(
    fc.asyncProperty(at, at, at, reads, room, async (objectBytes, a, b, calls, free) => {
      size = Math.min(objectBytes, whole.length);
      const range = { start: Math.min(a, b), end: Math.max(a, b) };
      const expected = whole.subarray(Math.min(range.start, size), Math.min(range.end, size));
      expect(endpoint.readAhead.take(limits.s3ReadAheadBytesMax - free)).toBe(true);
      const reader = await store.open('key', { range });
      let taken = 0;
      for (const sizes of calls) {
        const pieces = sizes.map((bytes) => new Uint8Array(bytes));
        const filled = await reader.read(pieces);
        const asked = sizes.reduce((sum, bytes) => sum + bytes, 0);
        expect(filled).toBe(Math.min(asked, expected.length - taken));
        const got = Buffer.concat(pieces).subarray(0, filled);
        expect(Buffer.compare(got, expected.subarray(taken, taken + filled))).toBe(0);
        taken += filled;
      }
      await reader.close();
      expect(endpoint.readAhead.take(free)).toBe(true);
      endpoint.readAhead.give(limits.s3ReadAheadBytesMax);
    }),
    { numRuns: 60 },
  );
  expect(Math.max(...ranges)).toBeLessThanOrEqual(limits.s3ReadBytes);
});

test('a small range is one request, and a reader that is closed early has asked for little', async () => {
  const store = new S3Store({ uri: 's3://bucket', access: server.access, endpoint });
  size = whole.length;
  const small = await store.open('key', { range: { start: 1000, end: 101_000 } });
  for (let filled = -1; filled !== 0;) filled = await small.read([new Uint8Array(30_000)]);
  await small.close();
  expect(ranges).toHaveLength(2);
  ranges = [];
  const early = await store.open('key');
  await early.read([new Uint8Array(10)]);
  await early.close();
  expect(ranges.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(
    20 + limits.s3ReadsInFlight * limits.s3ReadBytes,
  );
});

test('several ranges are on their way at a time, once it is seen that more is read', async () => {
  const store = new S3Store({ uri: 's3://bucket', access: server.access, endpoint });
  size = whole.length;
  // Were they asked for one after the other, the first of them would wait for ever.
  holding = { from: 2 * limits.s3ReadBytes + 20, count: limits.s3ReadsInFlight - 1 };
  const gathered: Uint8Array[] = [];
  const reader = await store.open('key');
  for (let filled = -1; filled !== 0;) {
    const piece = new Uint8Array(gathered.length === 0 ? 10 : limits.s3ReadBytes);
    filled = await reader.read([piece]);
    gathered.push(piece.subarray(0, filled));
  }
  await reader.close();
  expect(holding).toBeUndefined();
  expect(Buffer.compare(Buffer.concat(gathered), whole)).toBe(0);
});
