/** Snapshots: what a start reads, what it makes of damage, and that state and text are the same thing. */
import fc from 'fast-check';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { Coordinator } from '../../../coordinator/core.js';
import { decodeSlot, encodeSlot } from '../../../coordinator/journal-format.js';
import { Journal } from '../../../coordinator/journal.js';
import { lead } from '../../../coordinator/leadership.js';
import { replay } from '../../../coordinator/replay.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import { emptyState } from '../../../coordinator/scheduler/state.js';
import { decodeSnapshot, encodeSnapshot, stateLines } from '../../../coordinator/snapshot-format.js';
import { fromTagged, toTagged, type Json } from '../../../coordinator/tagged-json.js';
import { systemClock } from '../../../shared/clock.js';
import type { GristmillError } from '../../../shared/errors.js';
import { limits } from '../../../shared/limits.js';
import { storeKeys } from '../../../shared/plan.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { writeHistory } from '../../harness/journal-history.js';
import { runSeed } from '../../simulation/simulation.js';
import { memoryOutputs, owner, random } from './miniature-cluster.js';

const half = () => 0.5;

function leadAs(store: MemoryStore, writer: string) {
  return lead({ store, clock: systemClock, random: half, writer, host: 'h' });
}

/** What a leader keeps in memory, written as text: equal text is equal state. */
async function stateIn(store: MemoryStore): Promise<string> {
  return stateLines((await replay(store)).durable).text;
}

describe('a start', () => {
  test('after 100,000 journal slots reads a snapshot and at most the slots since', async () => {
    const store = new MemoryStore();
    const jobs = await writeHistory(store, 100_000);
    let reads: string[] = [];
    const counted = store.handle((operation, key) => {
      if (operation === 'get') reads.push(key);
    });
    const core = await Coordinator.start({
      store: counted,
      storeUri: 'memory:',
      outputs: memoryOutputs(new MemoryStore()),
      clock: systemClock,
      random,
      owner,
      log: pino({ level: 'silent' }),
    });
    const snapshots = reads.filter((key) => key.startsWith(storeKeys.snapshotPrefix));
    const slots = reads.filter((key) => key.startsWith(storeKeys.journalPrefix));
    expect(snapshots.length).toBe(1);
    expect(snapshots[0]! > storeKeys.snapshot(100_000 - limits.snapshotSlots)).toBe(true);
    // It learns where the journal ends by reading past it.
    expect(slots.length).toBeLessThanOrEqual(limits.snapshotSlots + limits.replayReadsMax);
    expect(slots.every((key) => key > storeKeys.journal(100_000 - limits.snapshotSlots))).toBe(true);
    expect((await core.list(10_000)).length).toBe(jobs);
    reads = [];
    await core.close();
  }, 120_000);

  test('goes back to the snapshot before when the last is damaged, and comes to the same state', async () => {
    const store = new MemoryStore();
    await writeHistory(store, 2_500);
    const whole = await stateIn(store);
    await store.put(storeKeys.snapshot(2_001), Buffer.from('garbage'));
    const { damaged, since } = await replay(store);
    expect(damaged.join()).toContain('the snapshot up to journal slot 2001 cannot be read: its checksum is wrong');
    expect(since.slots).toBe(1_499);
    expect(await stateIn(store)).toBe(whole);
  });

  test('is refused when slots before the newest snapshot are missing and it is damaged', async () => {
    const store = new MemoryStore();
    await writeHistory(store, 2_500);
    await store.put(storeKeys.snapshot(2_001), Buffer.from('garbage'));
    await store.delete([storeKeys.journal(1_700)]);
    await expect(replay(store)).rejects.toThrow('journal slot 1700 cannot be read: it is not there');
    await expect(leadAs(store, 'b')).rejects.toMatchObject({ code: 'journal-corrupt' });
  });

  test('that stood still while its slot was written, left behind and deleted, does not lead by it', async () => {
    const store = new MemoryStore();
    let isFirst = true;
    const slow = store.handle(async (operation, key) => {
      if (operation !== 'put' || key !== storeKeys.journal(1) || !isFirst) return;
      isFirst = false;
      await writeHistory(store, 1_200);
      await store.delete([storeKeys.journal(1)]);
    });
    const late = await leadAs(slow, 'late');
    expect([late.epoch, late.nextSlot]).toEqual([3, 1_202]);
    expect((await replay(store)).epoch).toBe(3);
  });
});

describe('a leader', () => {
  test('that is followed halts when it looks, though it writes nothing', async () => {
    const store = new MemoryStore();
    const { epoch, nextSlot } = await leadAs(store, 'first');
    let nowMs = 0;
    const halted: GristmillError[] = [];
    const clock = { ...systemClock, monotonic: () => nowMs };
    const options = { store, clock, random: half, epoch, writer: 'first', nextSlot };
    const journal = new Journal({ ...options, onDurable: () => undefined, onHalt: (error) => halted.push(error) });
    await journal.confirm();
    await leadAs(store, 'second');
    await journal.confirm();
    expect(halted).toEqual([]);
    nowMs = limits.leaderConfirmMs + 1;
    await expect(journal.confirm()).rejects.toMatchObject({ code: 'fenced' });
    expect(halted.map(({ code }) => code)).toEqual(['fenced']);
  });
});

describe('a snapshot', () => {
  test('and the slots after it come to what all slots come to, wherever it is taken', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (seed, at) => {
          const { journal } = await runSeed({ seed, steps: 1_500 });
          const slots = journal.map((bytes, i) => decodeSlot(i + 1, bytes));
          const cut = Math.floor(at * slots.length);
          const full = emptyState();
          let resumed = emptyState();
          for (const { slot, records } of slots) {
            for (const record of records) {
              evolve(full, record);
              evolve(resumed, record);
            }
            if (slot === cut) resumed = decodeSnapshot(slot, encodeSnapshot(slot, stateLines(resumed))).durable;
          }
          expect(resumed).toEqual(full);
          expect(stateLines(resumed)).toEqual(stateLines(full));
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);

  test('is refused after a flip of any bit, and under another slot', async () => {
    const { journal } = await runSeed({ seed: 1, steps: 400 });
    const state = emptyState();
    for (const [i, bytes] of journal.slice(0, 8).entries())
      for (const record of decodeSlot(i + 1, bytes).records) evolve(state, record);
    const bytes = encodeSnapshot(8, stateLines(state));
    for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeSnapshot(8, flipped)).toThrow('the snapshot up to journal slot 8 cannot be read');
    }
    expect(() => decodeSnapshot(9, bytes)).toThrow('it was written for slot 8');
    expect(() => decodeSnapshot(8, encodeSlot({ slot: 8, epoch: 1, writer: 'w', records: [] }))).toThrow('no snapshot');
  });

  test('gives back whatever a state may hold', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string().map((rest) => `\0${rest}`),
      fc.constantFrom('\0map', '\0u8', '__proto__'),
    );
    const leaf = fc.oneof(
      text,
      fc.integer(),
      fc.bigInt(),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
      fc.uint32Array(),
      fc.bigUint64Array(),
      fc.float64Array(),
    );
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 4 }, leaf, tie('list'), tie('fields'), tie('map'), tie('set')),
      list: fc.array(fc.oneof(tie('any'), fc.constant(undefined))),
      fields: fc.dictionary(text, tie('any')),
      map: fc.array(fc.tuple(text, tie('any'))).map((entries) => new Map(entries)),
      set: fc.array(leaf).map((values) => new Set(values)),
    })).any;
    fc.assert(
      fc.property(value, (given) => {
        const back = fromTagged(JSON.parse(JSON.stringify(toTagged(given))) as Json);
        expect(back).toEqual(given);
      }),
    );
  });
});
