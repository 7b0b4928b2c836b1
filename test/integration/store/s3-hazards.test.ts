/** What clients and servers get wrong, each against a real MinIO. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { hasCode } from '../../../shared/errors.js';
import { limits } from '../../../shared/limits.js';
import type { S3Access } from '../../../shared/store/s3/access.js';
import { S3Endpoint } from '../../../shared/store/s3/endpoint.js';
import { S3Place } from '../../../shared/store/s3/place.js';
import { S3Store } from '../../../shared/store/s3/s3-store.js';
import { beginUpload } from '../../../shared/store/s3/s3-uploads.js';
import { probeStore } from '../../../shared/store/probe.js';
import { putOnce } from '../../../shared/store/put-once.js';
import { systemClock } from '../../../shared/clock.js';
import { codeOf, keysOf, read, staged, text } from '../../contract/store/subject.js';
import { brokenAfter, failingRequests } from '../../harness/failing-requests.js';
import { freshBucket } from '../../harness/minio.js';
import { describeWithMinio, sharedMinio } from '../../harness/minio-suite.js';
import { everythingInBucket } from '../../harness/s3-contents.js';

describeWithMinio('on a real MinIO', () => {
  let access: S3Access;
  let endpoint: S3Endpoint;
  let uri: string;
  let store: S3Store;
  const opened: S3Endpoint[] = [];
  beforeAll(async () => {
    access = await sharedMinio();
    endpoint = new S3Endpoint({ access });
    opened.push(endpoint);
  });
  beforeEach(async () => {
    uri = `s3://${await freshBucket(access)}`;
    store = new S3Store({ uri, access, endpoint });
  });
  afterAll(async () => {
    for (const each of opened) await each.close();
  });
  /** Another process's store, some of whose requests go wrong. */
  function storeWith(options: Partial<ConstructorParameters<typeof S3Endpoint>[0]>): S3Store {
    const own = new S3Endpoint({ access, ...options });
    opened.push(own);
    return new S3Store({ uri, access, endpoint: own });
  }
  const filled = (bytes: number, value: number) => new Uint8Array(bytes).fill(value);

  describe('staged outputs', () => {
    test('of two attempts that stage one key in turns never share a part', async () => {
      const bytes = limits.s3PartBytes + 1000;
      const [a, b] = [await store.stage('key', 'a.1-1'), await store.stage('key', 'a.1-2')];
      for (const [stage, value] of [
        [a, 1],
        [b, 2],
        [a, 1],
        [b, 2],
      ] as const)
        await stage.write(filled(bytes, value));
      const [first, second] = [await a.seal(), await b.seal()];
      await store.publish(second);
      expect(Buffer.compare(await store.get('key'), filled(2 * bytes, 2))).toBe(0);
      expect(await codeOf(store.publish(first))).toBe('publish-lost');
      await store.discard(first);
      expect(await everythingInBucket(endpoint, uri)).toEqual(['key']);
    });

    test('of many parts are listed again when they are published, and are whole', async () => {
      const stage = await store.stage('key', 'a');
      const pieces = Array.from({ length: limits.s3SealPartsMax + 2 }, (_, i) => filled(limits.s3PartBytes, i));
      for (const piece of pieces) await stage.write(piece);
      const seal = await stage.seal();
      expect(seal.staged.length).toBeLessThan(400);
      await store.publish(seal);
      expect(Buffer.compare(await store.get('key'), Buffer.concat(pieces))).toBe(0);
    });

    test('of 16 attempts that publish one key at once, one is there whole and the others are told', async () => {
      for (let round = 0; round < 10; round++) {
        const key = `key-${round}`;
        const seals = await Promise.all(
          Array.from({ length: 16 }, (_, i) => staged(store, key, `a.1-${i}`, `text ${i}`)),
        );
        const codes = await Promise.all(seals.map((seal) => codeOf(store.publish(seal))));
        expect(codes.filter((code) => code === 'none')).toHaveLength(1);
        expect(codes.filter((code) => code === 'publish-lost')).toHaveLength(15);
        expect(await read(store, key)).toBe(`text ${codes.indexOf('none')}`);
      }
    });

    test('whose beginning was lost are found and removed by whoever clears up', async () => {
      let begins = 0;
      const unlucky = storeWith({
        send: (options) => {
          if (!String(options.path).endsWith('?uploads')) return failingRequests(0, 'after').send(options);
          begins += 1;
          return failingRequests(begins === 1 ? 1 : 0, 'after').send(options);
        },
      });
      const seal = await staged(unlucky, 'out/key', 'a', 'abc');
      await unlucky.publish(seal);
      expect(begins).toBe(2);
      // The twin, and the mark by which it is found.
      expect((await everythingInBucket(endpoint, uri)).filter((name) => name.startsWith('uploading'))).toHaveLength(1);
      await store.discardStaged('out/');
      expect(await everythingInBucket(endpoint, uri)).toEqual(['out/key']);
    });

    test('that somebody began without a mark are aborted with those of the same key', async () => {
      await beginUpload(new S3Place(endpoint, uri), 'out/key', { writer: 'w', attempt: 'lost' }, {});
      await staged(store, 'out/key', 'a', 'abc');
      await store.discardStaged('out', {});
      expect(await everythingInBucket(endpoint, uri)).toEqual([]);
    });

    test('whose completion was lost are found to be published', async () => {
      const seal = await staged(store, 'key', 'a', 'abc');
      let lost = 0;
      const unlucky = storeWith({
        send: (options) => {
          if (options.method !== 'POST') return failingRequests(0, 'after').send(options);
          lost += 1;
          return lost === 1 ? brokenAfter(options) : failingRequests(0, 'after').send(options);
        },
      });
      await unlucky.publish(seal);
      expect(lost).toBeGreaterThan(0);
      expect(await read(store, 'key')).toBe('abc');
    });
  });

  describe('conditional puts', () => {
    test('whose answer is lost are settled: no success is taken for another’s', async () => {
      for (let n = 0; n < 20; n++) {
        const unlucky = storeWith({ send: failingRequests(1, 'after').send });
        await unlucky.put(`key-${n}`, text('mine'), { ifAbsent: true });
        expect(await codeOf(unlucky.put(`key-${n}`, text('mine'), { ifAbsent: true }))).toBe('object-exists');
      }
    });

    test('of writers whose answers are lost, putOnce knows the one whose bytes are there', async () => {
      for (let n = 0; n < 10; n++) {
        const writers = Array.from({ length: 4 }, (_, i) => ({ bytes: text(`writer ${i}`), store: unluckyOnce(i) }));
        const results = await Promise.all(
          writers.map((writer) => putOnce(writer.store, `slot-${n}`, writer.bytes, { clock: systemClock })),
        );
        expect(results.filter((result) => result === 'won')).toHaveLength(1);
        const winner = writers[results.indexOf('won')];
        expect(Buffer.compare(await store.get(`slot-${n}`), winner?.bytes ?? text(''))).toBe(0);
      }
    });
    const unluckyOnce = (i: number) => storeWith({ retriesMax: 0, send: failingRequests(i % 2 ? 1 : 0, 'after').send });
  });

  describe('names', () => {
    const odd = [
      '007',
      '1e5',
      '0x10',
      'true',
      ' x ',
      'a+b',
      'a%2Fb',
      '%41',
      'a&b<c>"\'',
      'a\u0001b',
      'a\u{1f600}',
      'q?#[]',
      'é',
    ];

    test('that look like numbers, markup or escapes are listed, read and deleted as they were written', async () => {
      for (const key of [...odd, ...odd.map((name) => `folder/${name}`)]) await store.put(key, text(key));
      const sorted = (keys: readonly string[]) =>
        [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await keysOf(store, '')).toEqual(sorted([...odd, ...odd.map((name) => `folder/${name}`)]));
      for (const key of odd) expect(await read(store, key)).toBe(key);
      await store.delete(odd);
      expect(await keysOf(store, '')).toEqual(sorted(odd.map((name) => `folder/${name}`)));
      for (const name of odd) {
        await store.publish(await staged(store, `staged/${name}`, `attempt ${name.replaceAll('/', '')}`, name));
        await staged(store, `staged/${name}`, 'left', name);
      }
      await store.discardStaged('staged/');
      await store.delete(odd.flatMap((name) => [`folder/${name}`, `staged/${name}`]));
      expect(await everythingInBucket(endpoint, uri)).toEqual([]);
    });

    test('of many objects are listed page after page, all of them and each once', async () => {
      const keys = Array.from({ length: 123 }, (_, i) => `many/${String(i).padStart(3, '0')}`);
      await Promise.all(keys.map((key) => store.put(key, text('x'))));
      for (const keysPerPage of [1, 41, 50, 123, 124]) {
        const paged = new S3Store({ uri, access, endpoint, keysPerPage });
        expect(await keysOf(paged, 'many/')).toEqual(keys);
      }
    });

    test('that the server does not take are refused, and name no secret', async () => {
      expect(await codeOf(store.put('x'.repeat(300), text('x')))).toBe('store-denied');
    });
  });

  describe('reading', () => {
    test('notices an object that is replaced while it is read', async () => {
      const bytes = 6 * limits.s3ReadBytes;
      await store.put('key', filled(bytes, 1));
      const reader = await store.open('key');
      await reader.read([new Uint8Array(1000)]);
      await store.put('key', filled(bytes, 2));
      const drain = async () => {
        for (;;) if ((await reader.read([new Uint8Array(limits.s3ReadBytes)])) === 0) return;
      };
      expect(await codeOf(drain())).toBe('object-changed');
      await reader.close();
    });

    test('has several ranges on their way, and gives back what it read ahead', async () => {
      const own = new S3Endpoint({ access });
      opened.push(own);
      const reading = new S3Store({ uri, access, endpoint: own });
      const bytes = new Uint8Array(9 * limits.s3ReadBytes + 17).map((_, i) => i % 253);
      await store.put('key', bytes);
      const reader = await reading.open('key', { range: { start: 5, end: bytes.length } });
      const first = new Uint8Array(200_000);
      await reader.read([first]);
      await reader.read([new Uint8Array(limits.s3ReadBytes)]);
      await reader.close();
      expect(own.readAhead.take(limits.s3ReadAheadBytesMax)).toBe(true);
      // Nothing is left of the budget: it reads all the same, only not ahead.
      expect(Buffer.compare(await reading.get('key'), bytes)).toBe(0);
      const pieces: Uint8Array[] = [];
      for await (const piece of reading.stream('key')) pieces.push(piece.slice());
      expect(Buffer.compare(Buffer.concat(pieces), bytes)).toBe(0);
    });
  });

  test('a signal that fires ends a large read, and leaves nothing on its way', async () => {
    await store.put('key', filled(4 * limits.s3ReadBytes, 1));
    const stop = new AbortController();
    const reader = await store.open('key', { signal: stop.signal });
    await reader.read([new Uint8Array(10)]);
    stop.abort();
    const thrown = await reader.read([new Uint8Array(10)]).catch((error: unknown) => error);
    expect(hasCode(thrown, 'aborted')).toBe(true);
    await reader.close();
    expect(endpoint.readAhead.take(limits.s3ReadAheadBytesMax)).toBe(true);
    endpoint.readAhead.give(limits.s3ReadAheadBytesMax);
  });

  test('the store passes the probe, which leaves nothing', async () => {
    for (let n = 0; n < 5; n++) await probeStore(store, { name: `probe-${n}` });
    expect(await everythingInBucket(endpoint, uri)).toEqual([]);
  });

  test('requests are counted, by operation', async () => {
    const own = new S3Endpoint({ access });
    opened.push(own);
    const counted = new S3Store({ uri, access, endpoint: own });
    await counted.put('key', text('four'));
    await codeOf(counted.put('key', text('more'), { ifAbsent: true }));
    await counted.get('key');
    await counted.publish(await staged(counted, 'other', 'a', 'abc'));
    const counts = own.counters.snapshot();
    expect(Object.fromEntries([...counts].map(([name, { requests }]) => [name, requests]))).toEqual({
      delete: 1,
      get: 1,
      head: 1,
      put: 2, // one is the mark of the staged output
      'put-absent': 1,
      'upload-begin': 1,
      'upload-complete': 1,
      'upload-part': 1,
    });
    expect(counts.get('get')).toMatchObject({ bytesIn: 4, retries: 0, errors: 0 });
    expect(counts.get('upload-part')).toMatchObject({ bytesOut: 3 });
  });
});
