/** What every store promises: one suite, run over each implementation. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasCode, type ErrorCode } from '../../../shared/errors.js';
import type { ObjectStore, Seal } from '../../../shared/store/object-store.js';

export interface Subject {
  readonly store: ObjectStore;
  /** Another writer on the same objects, as another process would have. */
  readonly other: ObjectStore;
  /** A handle whose `n`th inner call fails; `calls` counts those made. */
  failing(n: number): { readonly store: ObjectStore; readonly calls: () => number };
  /** Everything there is, hidden or not, as a person sees it. */
  leftovers(): Promise<string[]>;
  dispose(): Promise<void>;
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const read = async (store: ObjectStore, key: string): Promise<string> =>
  new TextDecoder().decode(await store.get(key));

export async function keysOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'none'> {
  try {
    await promise;
    return 'none';
  } catch (thrown) {
    const code = (thrown as { code: ErrorCode }).code;
    if (!hasCode(thrown, code)) throw thrown;
    return code;
  }
}

async function staged(store: ObjectStore, key: string, attempt: string, content: string): Promise<Seal> {
  const stage = await store.stage(key, attempt);
  const bytes = text(content);
  const half = bytes.length >> 1;
  await stage.write(bytes.subarray(0, half));
  await stage.write(bytes.subarray(half));
  return stage.seal();
}

export function describeStore(name: string, make: () => Promise<Subject>): void {
  describe(name, () => {
    let subject: Subject;
    let store: ObjectStore;
    let other: ObjectStore;
    beforeEach(async () => {
      subject = await make();
      ({ store, other } = subject);
    });
    afterEach(async () => {
      await store.close();
      await subject.dispose();
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

    describe('staging', () => {
      test('nothing is visible before it is published, and then all of it', async () => {
        for (const durable of [true, false]) {
          const key = `out/part-${durable}`;
          const stage = await store.stage(key, 'reduce-00000.1-1', { durable });
          const bytes = text('12345');
          await stage.write(bytes);
          bytes.fill(0);
          await stage.write(text('67'));
          expect(await keysOf(other, 'out/part')).toEqual([]);
          const seal = await stage.seal();
          expect(await stage.seal()).toEqual(seal);
          expect(seal).toMatchObject({ key, bytes: 7, attempt: 'reduce-00000.1-1' });
          expect(await keysOf(other, 'out/part')).toEqual([]);
          expect(await other.head(key)).toBeUndefined();
          expect(await codeOf(other.get(key))).toBe('object-not-found');
          await other.publish(seal);
          expect(await read(store, key)).toBe('1234567');
          expect(await subject.leftovers()).toEqual([key]);
          await store.delete([key]);
        }
      });

      test('the seal survives a journal, and names length and xxh64 of the bytes', async () => {
        const seal = await staged(store, 'key', 'attempt', 'abc');
        expect(seal.xxh64).toBe(0x44bc2cf5ad770999n);
        const json = JSON.stringify({ ...seal, xxh64: seal.xxh64.toString() });
        const again = JSON.parse(json) as Omit<Seal, 'xxh64'> & { xxh64: string };
        await other.publish({ ...again, xxh64: BigInt(again.xxh64) });
        expect(await read(store, 'key')).toBe('abc');
      });

      test('publishing again changes nothing', async () => {
        const seal = await staged(store, 'key', 'attempt', 'abc');
        await store.publish(seal);
        await other.publish(seal);
        await Promise.all([store.publish(seal), other.publish(seal)]);
        expect(await read(store, 'key')).toBe('abc');
        expect(await subject.leftovers()).toEqual(['key']);
      });

      test('concurrent publishers of one seal all succeed', async () => {
        const seal = await staged(store, 'key', 'attempt', 'abc');
        await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? other : store).publish(seal)));
        expect(await subject.leftovers()).toEqual(['key']);
      });

      test('somebody else’s object is never overwritten, and the loss is told', async () => {
        const seal = await staged(store, 'key', 'attempt', 'mine');
        await other.put('key', text('whose'));
        expect(await codeOf(store.publish(seal))).toBe('publish-lost');
        const sameLength = await staged(store, 'key', 'other', 'xhose');
        expect(await codeOf(store.publish(sameLength))).toBe('publish-lost');
        expect(await read(store, 'key')).toBe('whose');
        await store.discard(seal);
        await store.discard(sameLength);
        expect(await read(store, 'key')).toBe('whose');
        expect(await subject.leftovers()).toEqual(['key']);
        expect(await codeOf(store.publish(seal))).toBe('publish-lost');
      });

      test('of two attempts that publish one key, one wins and the other is told', async () => {
        const seals = [await staged(store, 'key', 'a.1-1', 'one'), await staged(other, 'key', 'a.1-2', 'two')];
        const codes = await Promise.all(seals.map((seal, i) => codeOf((i ? other : store).publish(seal))));
        expect([...codes].sort()).toEqual(['none', 'publish-lost']);
        expect(await read(store, 'key')).toBe(codes[0] === 'none' ? 'one' : 'two');
      });

      test('staged bytes that are gone are told, so that the task runs again', async () => {
        const seal = await staged(store, 'out/key', 'attempt', 'abc');
        await other.discardStaged('out/');
        expect(await codeOf(store.publish(seal))).toBe('staged-missing');
        expect(await subject.leftovers()).toEqual([]);
      });

      test('a write that comes after the abort does nothing', async () => {
        const stage = await store.stage('key', 'attempt');
        await stage.write(text('abc'));
        const late = stage.write(text('def'));
        await stage.abort();
        await late;
        await stage.write(text('ghi'));
        await stage.abort();
        expect(await codeOf(stage.seal())).toBe('aborted');
        expect(await subject.leftovers()).toEqual([]);
      });

      test('a sealed stage takes no more bytes, and can still be aborted', async () => {
        const stage = await store.stage('key', 'attempt');
        const seal = await stage.seal();
        expect(await codeOf(stage.write(text('x')))).toBe('internal');
        await stage.abort();
        expect(await codeOf(store.publish(seal))).toBe('staged-missing');
        expect(await subject.leftovers()).toEqual([]);
      });

      test('discard removes what a seal names: staged, published or neither', async () => {
        const seal = await staged(store, 'out/key', 'attempt', 'abc');
        await other.discard(seal);
        expect(await subject.leftovers()).toEqual([]);
        await other.discard(seal);
        const again = await staged(store, 'out/key', 'attempt', 'abc');
        await store.publish(again);
        await other.discard(again);
        expect(await subject.leftovers()).toEqual([]);
        expect(await codeOf(store.publish(again))).toBe('staged-missing');
      });

      test('discardStaged removes the staged writes of its folder alone, sealed or open', async () => {
        const seal = await staged(store, 'out/a', 'x.1-1', 'a');
        const open = await store.stage('out/b', 'x.1-2');
        const elsewhere = await staged(store, 'out/below/c', 'x.1-3', 'c');
        const beside = await staged(store, 'other/d', 'x.1-4', 'd');
        await store.put('out/e', text('e'));
        await other.discardStaged('out/');
        expect(await codeOf(store.publish(seal))).toBe('staged-missing');
        await open.write(text('late'));
        expect(await codeOf(store.publish(await open.seal()))).toBe('staged-missing');
        await store.publish(elsewhere);
        await store.publish(beside);
        expect(await keysOf(store, '')).toEqual(['other/d', 'out/below/c', 'out/e']);
        await store.discardStaged('nothing/here/');
        await store.discardStaged('');
        expect(await subject.leftovers()).toEqual(['other/d', 'out/below/c', 'out/e']);
      });

      test('an attempt may stage several keys, and several attempts one', async () => {
        const seals = [
          await staged(store, 'out/a', 'x.1-1', 'a1'),
          await staged(store, 'out/b', 'x.1-1', 'b1'),
          await staged(other, 'out/a', 'x.1-2', 'a2'),
        ];
        await store.publish(seals[2]!);
        await store.publish(seals[1]!);
        await store.discard(seals[0]!);
        expect(await read(store, 'out/a')).toBe('a2');
        expect(await read(store, 'out/b')).toBe('b1');
        expect(await subject.leftovers()).toEqual(['out/a', 'out/b']);
      });
    });

    describe('abort', () => {
      test('every call honours a signal that has fired, and does nothing', async () => {
        await store.put('there', text('x'));
        const seal = await staged(store, 'key', 'attempt', 'abc');
        const signal = AbortSignal.abort();
        const range = { start: 0, end: 1 };
        const calls: Record<string, () => Promise<unknown>> = {
          put: () => store.put('new', text('x'), { signal }),
          exclusive: () => store.put('new', text('x'), { signal, ifAbsent: true }),
          get: () => store.get('there', { signal, range }),
          stream: () => store.stream('there', { signal })[Symbol.asyncIterator]().next(),
          head: () => store.head('there', { signal }),
          list: () => store.list('', { signal })[Symbol.asyncIterator]().next(),
          delete: () => store.delete(['there'], { signal }),
          stage: () => store.stage('new', 'attempt', { signal }),
          publish: () => store.publish(seal, { signal }),
          discard: () => store.discard(seal, { signal }),
          discardStaged: () => store.discardStaged('', { signal }),
        };
        for (const [name, call] of Object.entries(calls)) expect(await codeOf(call()), name).toBe('aborted');
        expect(await keysOf(store, '')).toEqual(['there']);
        await store.publish(seal);
        expect(await subject.leftovers()).toEqual(['key', 'there']);
      });

      test('a signal that fires ends a stream, a listing and a staged write where they are', async () => {
        for (let i = 0; i < 200; i++) await store.put(`k/${i}`, text('x'), { durable: false });
        await store.put('large', new Uint8Array(3 * 1024 * 1024), { durable: false });
        const drain = async (start: (signal: AbortSignal) => AsyncIterable<unknown>) => {
          const controller = new AbortController();
          for await (const _ of start(controller.signal)) controller.abort();
        };
        expect(await codeOf(drain((signal) => store.stream('large', { signal })))).toBe('aborted');
        expect(await codeOf(drain((signal) => store.list('k/', { signal })))).toBe('aborted');
        const controller = new AbortController();
        const stage = await store.stage('new', 'attempt', { signal: controller.signal });
        await stage.write(text('x'));
        controller.abort();
        expect(await codeOf(stage.write(text('y')))).toBe('aborted');
        expect(await codeOf(stage.seal())).toBe('aborted');
        await stage.abort();
        expect((await subject.leftovers()).filter((name) => name.includes('staging'))).toEqual([]);
      });
    });

    describe('a writer that fails at any call', () => {
      /** Runs `action` with a failure at call 1, 2, ... until it needs fewer calls than that. */
      async function failEverywhere(
        action: (store: ObjectStore) => Promise<unknown>,
        check: (code: string) => Promise<void>,
      ) {
        let failures = 0;
        for (let n = 1; ; n++) {
          const { store: failing, calls } = subject.failing(n);
          const code = await codeOf(action(failing));
          await check(code);
          if (calls() < n) return failures;
          failures += 1;
          expect(n).toBeLessThan(200);
        }
      }

      test.each([{ ifAbsent: true }, { ifAbsent: false }, { ifAbsent: true, durable: false }])(
        'leaves nothing or the complete object: put %o',
        async (options) => {
          const content = 'complete'.repeat(1000);
          const failures = await failEverywhere(
            (failing) => failing.put('a/key', text(content), options),
            async (code) => {
              const visible = await keysOf(store, '');
              if (visible.length > 0) expect(await read(store, 'a/key')).toBe(content);
              if (code === 'none') expect(visible).toEqual(['a/key']);
              if (code === 'store-unavailable') expect(visible).toEqual([]);
              await store.delete(['a/key']);
              await store.discardStaged('a/');
              expect(await subject.leftovers()).toEqual([]);
            },
          );
          expect(failures).toBeGreaterThan(0);
        },
      );

      test('leaves nothing or the complete object: stage, seal and publish, and a successor finishes', async () => {
        const content = 'complete'.repeat(1000);
        let seal: Seal | undefined;
        const failures = await failEverywhere(
          async (failing) => {
            seal = undefined;
            seal = await staged(failing, 'a/key', 'attempt', content);
            await failing.publish(seal);
          },
          async (code) => {
            const visible = await keysOf(store, '');
            if (visible.length > 0) expect(await read(store, 'a/key')).toBe(content);
            if (code === 'none') expect(visible).toEqual(['a/key']);
            if (seal !== undefined) {
              await other.publish(seal);
              expect(await read(store, 'a/key')).toBe(content);
              await other.discard(seal);
            }
            await other.discardStaged('a/');
            expect(await subject.leftovers()).toEqual([]);
          },
        );
        expect(failures).toBeGreaterThan(3);
      });

      test('a discard that fails can be repeated', async () => {
        let seal: Seal | undefined;
        await failEverywhere(
          async (failing) => {
            seal = await staged(store, 'a/key', 'attempt', 'abc');
            await store.publish(seal);
            await failing.discard(seal);
          },
          async () => {
            await store.discard(seal!);
            expect(await subject.leftovers()).toEqual([]);
          },
        );
      });

      test('after a failed write no seal can be had', async () => {
        await failEverywhere(
          async (failing) => {
            const stage = await failing.stage('key', 'attempt');
            const code = await codeOf(stage.write(text('abc')));
            if (code !== 'none') {
              expect(await codeOf(stage.seal())).toBe('internal');
              expect(await codeOf(stage.write(text('def')))).toBe('internal');
            }
            await stage.abort();
          },
          async () => {
            await store.discardStaged('');
            expect(await subject.leftovers()).toEqual([]);
          },
        );
      });
    });
  });
}
