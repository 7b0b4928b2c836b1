/** What every store promises of objects: put and get, exclusive put, listing and deletion. */
import { describe, expect, test } from 'vitest';
import { GristmillError } from '../../../shared/errors.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { openReader } from '../../../shared/store/object-reader.js';
import { eachSubject, codeOf, keysOf, read, staged, text, type Subject } from './subject.js';

function decoded(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}

export function describeObjects(make: () => Promise<Subject>): void {
  let subject: Subject;
  let store: ObjectStore;
  let other: ObjectStore;
  eachSubject(make, (made) => {
    subject = made;
    store = made.store;
    other = made.other;
  });

  describe('put and get', () => {
    test('an object reads back as it was written, durable or not, and replaces what was there', async () => {
      for (const durable of [true, false]) {
        const bytes = text('first');
        const { etag } = await store.put('a/b/c', bytes, { durable });
        bytes.fill(0);
        expect(await read(other, 'a/b/c')).toBe('first');
        expect(await store.head('a/b/c')).toEqual({ key: 'a/b/c', bytes: 5, etag });
        const second = await store.put('a/b/c', text('second'), { durable });
        expect(second.etag).not.toBe(etag);
        expect(await read(store, 'a/b/c')).toBe('second');
      }
    });

    test('a reader that is told an ETag reads that object and no other', async () => {
      const { etag } = await store.put('key', text('first'));
      const other = await store.put('other', text('other'));
      const readAll = async (key: string, etag: string, replace?: string) => {
        const reader = await openReader(store, key, { etag });
        try {
          const pieces = [new Uint8Array(2)];
          expect(await reader.read(pieces)).toBe(2);
          if (replace !== undefined) await store.put(key, text(replace));
          const rest = [new Uint8Array(9)];
          const filled = await reader.read(rest);
          return decoded(pieces[0]) + decoded(rest[0]?.subarray(0, filled));
        } finally {
          await reader.close();
        }
      };
      expect(await readAll('key', etag)).toBe('first');
      await expect(readAll('key', other.etag)).rejects.toMatchObject({ code: 'object-changed' });
      // What has been replaced meanwhile is refused, or read on as it was: never a mixture.
      const halfway = await readAll('key', etag, 'again').catch((thrown: unknown) => GristmillError.from(thrown).code);
      expect(['first', 'object-changed']).toContain(halfway);
      await expect(readAll('key', etag)).rejects.toMatchObject({ code: 'object-changed' });
    });

    test('an empty object is an object', async () => {
      await store.put('empty', text(''));
      expect((await store.get('empty')).length).toBe(0);
      expect((await store.head('empty'))?.bytes).toBe(0);
      expect(await keysOf(store, '')).toEqual(['empty']);
    });

    test('the bytes of a get are the caller’s own', async () => {
      await store.put('key', text('kept'));
      (await store.get('key')).fill(0);
      expect(await read(store, 'key')).toBe('kept');
    });

    test('ranges are cut at the end of the object, and never refuse an empty one', async () => {
      await store.put('key', text('0123456789'));
      const range = async (start: number, end: number) =>
        new TextDecoder().decode(await store.get('key', { range: { start, end } }));
      expect(await range(0, 10)).toBe('0123456789');
      expect(await range(3, 5)).toBe('34');
      expect(await range(8, 100)).toBe('89');
      expect(await range(4, 4)).toBe('');
      expect(await range(10, 12)).toBe('');
      expect(await range(50, 60)).toBe('');
      expect(await codeOf(range(5, 4))).toBe('internal');
      expect(await codeOf(range(-1, 4))).toBe('internal');
      expect(await codeOf(range(0.5, 4))).toBe('internal');
    });

    test('a stream comes in pieces of at most 1 MiB, whole or a range', async () => {
      const bytes = new Uint8Array(2.5 * 1024 * 1024).map((_, i) => i % 251);
      await store.put('large', bytes, { durable: false });
      const gather = async (range?: { start: number; end: number }) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of store.stream('large', range === undefined ? {} : { range })) {
          expect(piece.length).toBeLessThanOrEqual(1024 * 1024);
          expect(piece.length).toBeGreaterThan(0);
          pieces.push(piece.slice());
        }
        return Buffer.concat(pieces);
      };
      expect(Buffer.compare(await gather(), bytes)).toBe(0);
      const part = bytes.subarray(1000, 2_000_000);
      expect(Buffer.compare(await gather({ start: 1000, end: 2_000_000 }), part)).toBe(0);
      expect((await gather({ start: 7, end: 7 })).length).toBe(0);
      expect((await gather({ start: bytes.length, end: bytes.length + 9 })).length).toBe(0);
    });

    test('a reader fills memory of its caller, piece after piece, to the end of the object or range', async () => {
      const bytes = new Uint8Array(300_000).map((_, i) => i % 251);
      await store.put('large', bytes, { durable: false });
      const gather = async (sizes: readonly number[], range?: { start: number; end: number }) => {
        const reader = await openReader(store, 'large', range === undefined ? {} : { range });
        const gathered: Uint8Array[] = [];
        for (let filled = -1; filled !== 0;) {
          const pieces = sizes.map((size) => new Uint8Array(new SharedArrayBuffer(size)));
          filled = await reader.read(pieces);
          gathered.push(Buffer.concat(pieces).subarray(0, filled));
        }
        await reader.close();
        return Buffer.concat(gathered);
      };
      for (const sizes of [[1000], [7, 100_000, 1], [64, 64, 64, 4096], [400_000]]) {
        expect(Buffer.compare(await gather(sizes), bytes)).toBe(0);
        const part = await gather(sizes, { start: 1001, end: 200_003 });
        expect(Buffer.compare(part, bytes.subarray(1001, 200_003))).toBe(0);
        expect(await gather(sizes, { start: 7, end: 7 })).toHaveLength(0);
        expect(await gather(sizes, { start: 299_999, end: 500_000 })).toHaveLength(1);
        expect(await gather(sizes, { start: 400_000, end: 500_000 })).toHaveLength(0);
      }
    });

    test('a reader that is left early closes; what does not exist is not found', async () => {
      await store.put('folder/object', new Uint8Array(100_000), { durable: false });
      const reader = await openReader(store, 'folder/object');
      await reader.read([new Uint8Array(10)]);
      await reader.close();
      await reader.close();
      for (const key of ['nothing', 'folder', 'folder/object/below']) {
        const readOnce = async () => {
          const reader = await openReader(store, key);
          await reader.read([new Uint8Array(10)]).finally(() => reader.close());
        };
        expect(await codeOf(readOnce()), key).toBe('object-not-found');
      }
    });

    test('a stream that is left early can be read again', async () => {
      await store.put('large', new Uint8Array(3 * 1024 * 1024), { durable: false });
      for await (const piece of store.stream('large')) {
        expect(piece.length).toBe(1024 * 1024);
        break;
      }
      expect((await store.get('large')).length).toBe(3 * 1024 * 1024);
    });

    test('what does not exist is not found; a folder is no object', async () => {
      await store.put('folder/object', text('x'));
      for (const key of ['nothing', 'folder', 'folder/object/below', 'no/such/folder']) {
        expect(await codeOf(store.get(key)), key).toBe('object-not-found');
        expect(await codeOf(store.get(key, { range: { start: 0, end: 0 } })), key).toBe('object-not-found');
        expect(await codeOf(store.stream(key)[Symbol.asyncIterator]().next()), key).toBe('object-not-found');
        expect(await store.head(key), key).toBeUndefined();
      }
    });

    test('keys are parsed: none leads out of the store or to its own files', async () => {
      for (const key of ['', '/a', 'a/', 'a//b', '..', 'a/../b', './a', 'a/.', 'a\0b', '\ud800']) {
        expect(await codeOf(store.put(key, text('x'))), key).toBe('invalid-id');
        expect(await codeOf(store.get(key)), key).toBe('invalid-id');
        expect(await codeOf(store.head(key)), key).toBe('invalid-id');
        expect(await codeOf(store.delete([key])), key).toBe('invalid-id');
        expect(await codeOf(store.stage(key, 'attempt')), key).toBe('invalid-id');
      }
      for (const key of ['_staging/x', 'a/_staging', '.gristmill-put-1', 'a/.gristmill-put-1/b']) {
        expect(await codeOf(store.put(key, text('x'))), key).toBe('invalid-id');
        expect(await codeOf(store.stage(key, 'attempt')), key).toBe('invalid-id');
      }
      expect(await codeOf(store.stage('a', '../b'))).toBe('invalid-id');
      expect(await codeOf(keysOf(store, '../'))).toBe('invalid-id');
      const seal = await staged(store, 'a', 'attempt', 'x');
      expect(await codeOf(store.publish({ ...seal, staged: '../a' }))).toBe('invalid-id');
      expect(await codeOf(store.discard({ ...seal, key: '../a' }))).toBe('invalid-id');
    });
  });

  describe('exclusive put', () => {
    test('of 32 concurrent writers exactly one wins, and its bytes are there whole', async () => {
      for (const key of ['v1/lease/1', 'v1/lease/2']) {
        const writers = Array.from({ length: 32 }, (_, i) => text(`${i}:`.padEnd(5000, String(i % 10))));
        const results = await Promise.all(
          writers.map((bytes, i) => codeOf((i % 2 ? other : store).put(key, bytes, { ifAbsent: true }))),
        );
        expect(results.filter((code) => code === 'none').length).toBe(1);
        expect(results.filter((code) => code === 'object-exists').length).toBe(31);
        const winner = writers[results.indexOf('none')];
        expect(Buffer.compare(await store.get(key), winner!)).toBe(0);
      }
      expect(await subject.leftovers()).toEqual(['v1/lease/1', 'v1/lease/2']);
    });

    test('it is refused by an object that was put, and by one that was published', async () => {
      await store.put('put', text('1'));
      await store.publish(await staged(store, 'published', 'attempt', '1'));
      for (const key of ['put', 'published']) {
        expect(await codeOf(other.put(key, text('2'), { ifAbsent: true }))).toBe('object-exists');
        expect(await read(store, key)).toBe('1');
      }
    });

    test('after a deletion the key is free again', async () => {
      await store.put('key', text('1'), { ifAbsent: true });
      await store.delete(['key']);
      await other.put('key', text('2'), { ifAbsent: true });
      expect(await read(store, 'key')).toBe('2');
    });
  });

  describe('listing', () => {
    const keys = [
      'a',
      'a b',
      'a!/x',
      'a-b',
      'a.txt',
      'a/b/c',
      'a/b.d',
      'a/z',
      'a0',
      'b/ä',
      'b/z',
      'b/é',
      'b/\u{ff5e}',
      'b/\u{1f600}',
    ];
    const sorted = () => [...keys].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    const noted = keys.filter((key) => key !== 'a');

    test('ascends by the UTF-8 bytes of the whole key, whatever the folders', async () => {
      for (const key of [...noted].reverse()) await store.put(key, text(key), { durable: false });
      const expected = sorted().filter((key) => key !== 'a');
      expect(await keysOf(store, '')).toEqual(expected);
      for await (const info of store.list('')) expect(info).toEqual(await store.head(info.key));
    });

    test('takes any beginning of a key as prefix, folder or not', async () => {
      for (const key of noted) await store.put(key, text(key), { durable: false });
      for (const prefix of [
        'a',
        'a/',
        'a/b',
        'a/b/',
        'a/b.',
        'b/',
        'b/é',
        'c',
        'a/b/c',
        'a/b/c/',
        'none/at/all',
        'a.',
      ]) {
        const expected = sorted().filter((key) => key !== 'a' && key.startsWith(prefix));
        expect(await keysOf(store, prefix), prefix).toEqual(expected);
      }
    });

    test('goes on when objects vanish meanwhile', async () => {
      for (let i = 0; i < 200; i++) await store.put(`k/${i}`, text('x'), { durable: false });
      let seen = 0;
      for await (const info of store.list('k/')) {
        if (seen === 0) await other.delete(Array.from({ length: 200 }, (_, i) => `k/${i}`));
        expect(info.key).toMatch(/^k\//);
        seen += 1;
      }
      expect(seen).toBeLessThan(200);
      expect(await subject.leftovers()).toEqual([]);
    });
  });

  describe('deletion', () => {
    test('of what is missing is no error', async () => {
      await store.delete(['nothing', 'no/such/folder/either']);
      await store.put('one/two', text('x'));
      await store.delete(['one/two', 'one/two', 'one']);
      expect(await keysOf(store, '')).toEqual([]);
      expect(await subject.leftovers()).toEqual([]);
    });

    test('of one object leaves its neighbours', async () => {
      for (const key of ['x/1', 'x/2', 'y']) await store.put(key, text(key));
      await store.delete(['x/1', 'y']);
      expect(await keysOf(store, '')).toEqual(['x/2']);
    });

    test('races with puts into the same folder without losing any', async () => {
      for (let round = 0; round < 20; round++) {
        await store.put('f/old', text('x'), { durable: false });
        await Promise.all([
          store.delete(['f/old']),
          ...[1, 2, 3].map((i) => other.put(`f/${round}-${i}`, text('x'), { durable: false })),
        ]);
        const kept = [1, 2, 3].map((i) => `f/${round}-${i}`);
        expect(await keysOf(store, 'f/')).toEqual(kept);
        await store.delete(kept);
      }
    });
  });
}
