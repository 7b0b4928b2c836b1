/** What every store promises when it is stopped or fails in the middle of a call. */
import { describe, expect, test } from 'vitest';
import type { ObjectStore, Seal } from '../../../shared/store/object-store.js';
import { eachSubject, codeOf, keysOf, read, staged, text, type Subject } from './subject.js';

export function describeFailure(make: () => Promise<Subject>): void {
  let subject: Subject;
  let store: ObjectStore;
  let other: ObjectStore;
  eachSubject(make, (made) => {
    subject = made;
    store = made.store;
    other = made.other;
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
}
