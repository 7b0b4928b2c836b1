/** The journal and who may write it. */
import { describe, expect, test } from 'vitest';
import { decodeSlot, encodeSlot } from '../../../coordinator/journal-format.js';
import { Journal } from '../../../coordinator/journal.js';
import { lead } from '../../../coordinator/leadership.js';
import { replay } from '../../../coordinator/replay.js';
import type { JournalRecord } from '../../../coordinator/scheduler/records.js';
import { systemClock } from '../../../shared/clock.js';
import { GristmillError } from '../../../shared/errors.js';
import type { JobId } from '../../../shared/ids.js';
import { storeKeys } from '../../../shared/plan.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { miniature, request } from './miniature-cluster.js';

const half = () => 0.5;
const job = 'job000000001' as JobId;
const submitted = (name: string): JournalRecord => ({
  type: 'job-submitted',
  job: name as JobId,
  atMs: 1,
  request: request(miniature),
});

function leadAs(store: MemoryStore, writer: string) {
  return lead({ store, clock: systemClock, random: half, writer, host: 'h' });
}

function open(store: MemoryStore, writer: string, epoch: number, nextSlot: number) {
  const durable: number[] = [];
  const halted: GristmillError[] = [];
  const journal = new Journal({
    store,
    clock: systemClock,
    random: half,
    epoch,
    writer,
    nextSlot,
    onDurable: (count) => durable.push(count),
    onHalt: (error) => halted.push(error),
  });
  return { journal, durable, halted };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a slot', () => {
  const records: JournalRecord[] = [
    {
      type: 'task-won',
      job,
      atMs: 1,
      attempt: 'inspect.1-1' as never,
      worker: 'w',
      elapsedMs: 2,
      result: { kind: 'inspect', key: '\0nope', xxh64: 0xffff_ffff_ffff_ffffn },
    },
    { type: 'noticed', job, atMs: 1, code: '\0', message: 'ü\n\0s' },
  ];

  test('gives back what was written, bigints and strange strings included', () => {
    const slot = { slot: 3, epoch: 2, writer: 'w', records };
    expect(decodeSlot(3, encodeSlot(slot))).toEqual(slot);
  });

  test('is refused after a flip of any bit, and under another number', () => {
    const bytes = encodeSlot({ slot: 3, epoch: 2, writer: 'w', records });
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeSlot(3, flipped)).toThrow('journal slot 3 cannot be read');
    }
    expect(() => decodeSlot(4, bytes)).toThrow('it was written for slot 3');
    expect(() => decodeSlot(3, bytes.subarray(0, 5))).toThrow('checksum');
  });

  test('has these bytes', () => {
    const text = Buffer.from(encodeSlot({ slot: 1, epoch: 1, writer: 'ab', records: records.slice(1) })).toString();
    expect(text).toBe(
      '{"format":"gristmill-journal","version":1,"slot":1,"epoch":1,"writer":"ab","records":1}\n' +
        '{"type":"noticed","job":"job000000001","atMs":1,"code":"\\u0000s\\u0000","message":"ü\\n\\u0000s"}\n' +
        text.slice(-17),
    );
  });
});

describe('the journal', () => {
  test('has one append in flight, which takes whatever waited', async () => {
    let letGo: () => void = () => undefined;
    let puts = 0;
    const store = new MemoryStore({
      before: (operation) => {
        if (operation === 'put' && puts++ === 0) return new Promise<void>((resolve) => (letGo = resolve));
        return undefined;
      },
    });
    const { journal, durable } = open(store, 'a', 1, 1);
    for (const name of ['a', 'b', 'c', 'd']) journal.append([submitted(name)]);
    await until(() => puts === 1);
    expect(durable).toEqual([]);
    letGo();
    await until(() => durable.length === 2);
    expect(durable).toEqual([1, 4]);
    expect([...(await replay(store)).durable.jobs.keys()]).toEqual(['a', 'b', 'c', 'd']);
    await journal.close();
  });

  test('settles an append whose answer was lost before it writes anything else', async () => {
    let fail = 2;
    const landed = new MemoryStore();
    const store = new Proxy(landed, {
      get(target, name: keyof MemoryStore) {
        if (name !== 'put') return (target[name] as (...args: unknown[]) => unknown).bind(target);
        return async (...args: Parameters<MemoryStore['put']>) => {
          const done = await target.put(...args);
          if (fail-- > 0) throw new GristmillError('store-timeout', 'lost');
          return done;
        };
      },
    });
    const { journal, durable, halted } = open(store, 'a', 1, 1);
    journal.append([submitted('a')]);
    await until(() => durable.length > 0);
    expect([durable, halted]).toEqual([[1], []]);
    expect((await replay(landed)).nextSlot).toBe(2);
    await journal.close();
  });

  test('a writer that loses its slot to a higher epoch halts, and what waited is never durable', async () => {
    const store = new MemoryStore();
    const first = await leadAs(store, 'first');
    const old = open(store, 'first', first.epoch, first.nextSlot);
    const second = await leadAs(store, 'second');
    expect(second.epoch).toBe(first.epoch + 1);
    old.journal.append([submitted('a')]);
    old.journal.append([submitted('b')]);
    await until(() => old.halted.length > 0);
    expect(old.halted[0]?.code).toBe('fenced');
    expect(old.durable).toEqual([]);
    expect((await replay(store)).durable.jobs.size).toBe(0);
  });
});

describe('leadership', () => {
  test('of many that race, each gets an epoch of its own and one slot, in order', async () => {
    const store = new MemoryStore();
    const leaders = await Promise.all(Array.from({ length: 8 }, (_, i) => leadAs(store, `w${i}`)));
    const epochs = leaders.map(({ epoch }) => epoch);
    expect(new Set(epochs).size).toBe(8);
    const slots = leaders.sort((a, b) => a.nextSlot - b.nextSlot).map(({ epoch }) => epoch);
    expect(slots).toEqual([...slots].sort((a, b) => a - b));
    expect((await replay(store)).epoch).toBe(Math.max(...epochs));
  });

  test('a journal that was damaged is refused, naming the slot', async () => {
    const store = new MemoryStore();
    await leadAs(store, 'a');
    await store.put(storeKeys.journal(1), Buffer.from('garbage'));
    await expect(leadAs(store, 'b')).rejects.toMatchObject({ code: 'journal-corrupt' });
  });
});
