/** What every store promises of staged outputs: invisible until published, and then nobody else's. */
import { describe, expect, test } from 'vitest';
import type { ObjectStore, Seal } from '../../../shared/store/object-store.js';
import { eachSubject, codeOf, keysOf, read, staged, text, type Subject } from './subject.js';

export function describeStaging(make: () => Promise<Subject>): void {
  let subject: Subject;
  let store: ObjectStore;
  let other: ObjectStore;
  eachSubject(make, (made) => {
    subject = made;
    store = made.store;
    other = made.other;
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
      expect(await codeOf(stage.seal())).toBe('aborted');
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

    test('discardStaged with `deep` removes those of all folders below as well, and nothing beside', async () => {
      const seals = [
        await staged(store, 'job/a', 'x.1-1', 'a'),
        await staged(store, 'job/00/b', 'x.1-2', 'b'),
        await staged(store, 'job/00/below/c', 'x.1-3', 'c'),
      ];
      const beside = await staged(store, 'job-2/d', 'x.1-4', 'd');
      await store.put('job/00/kept', text('kept'));
      await other.discardStaged('job/', { deep: true });
      for (const seal of seals) expect(await codeOf(store.publish(seal))).toBe('staged-missing');
      await store.publish(beside);
      await store.discardStaged('nothing/here/', { deep: true });
      expect(await subject.leftovers()).toEqual(['job-2/d', 'job/00/kept']);
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
}
