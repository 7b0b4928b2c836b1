/**
 * From the store to the durable state: the newest snapshot that is whole, then every slot after it, several read at once
 * and applied in order. A snapshot that is damaged costs a longer replay from the one before.
 *
 * Slots are only ever deleted behind snapshots that are older than those kept here, so an end of the journal that lies
 * before the newest snapshot is no end: slots are missing, and nothing may be built on what is left.
 */
import { GristmillError, hasCode } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { corrupt, decodeSlot, type Slot } from './journal-format.js';
import { evolve } from './scheduler/evolve.js';
import { emptyState, type DurableState } from './scheduler/state.js';
import { decodeSnapshot, type Snapshot } from './snapshot-format.js';

/** What has been written since the last snapshot. */
export interface SinceSnapshot {
  readonly slots: number;
  readonly bytes: number;
}

export interface Replayed {
  readonly durable: DurableState;
  readonly nextSlot: number;
  /** Of the last slot. */
  readonly epoch: number;
  readonly since: SinceSnapshot;
  /** Snapshots that could not be used, with why. */
  readonly damaged: readonly string[];
}

export async function replay(store: ObjectStore): Promise<Replayed> {
  for (;;) {
    const listed = await snapshotSlots(store);
    const { snapshot, damaged, isGone } = await newestWhole(store, listed);
    // It was deleted since the list was made, so there are newer ones.
    if (isGone) continue;
    const replayed = await replayFrom(store, snapshot);
    const newest = listed.at(-1) ?? 0;
    if (replayed.nextSlot <= newest) {
      const why = damaged.length === 0 ? '' : `; ${damaged.join('; ')}`;
      throw corrupt(replayed.nextSlot, `it is not there, and there is a snapshot up to slot ${newest}${why}`);
    }
    return { ...replayed, damaged };
  }
}

/** The slots up to which there are snapshots, ascending. */
export async function snapshotSlots(store: ObjectStore): Promise<readonly number[]> {
  const slots: number[] = [];
  for await (const { key } of store.list(storeKeys.snapshotPrefix)) {
    const slot = Number(key.slice(storeKeys.snapshotPrefix.length));
    if (Number.isSafeInteger(slot) && key === storeKeys.snapshot(slot)) slots.push(slot);
  }
  return slots;
}

async function newestWhole(store: ObjectStore, slots: readonly number[]) {
  const damaged: string[] = [];
  for (const slot of [...slots].reverse()) {
    try {
      return { snapshot: decodeSnapshot(slot, await store.get(storeKeys.snapshot(slot))), damaged, isGone: false };
    } catch (thrown) {
      if (hasCode(thrown, 'object-not-found')) return { snapshot: undefined, damaged, isGone: true };
      if (!hasCode(thrown, 'journal-corrupt')) throw thrown;
      damaged.push(GristmillError.from(thrown).message);
    }
  }
  return { snapshot: undefined, damaged, isGone: false };
}

async function replayFrom(store: ObjectStore, snapshot: Snapshot | undefined) {
  const durable = snapshot?.durable ?? emptyState();
  const first = (snapshot?.slot ?? 0) + 1;
  let { epoch } = durable;
  let nextSlot = first;
  let bytes = 0;
  for await (const found of slotsFrom(store, first)) {
    if (found.epoch < epoch) {
      throw corrupt(found.slot, `its epoch ${found.epoch} is lower than the one before, ${epoch}`);
    }
    epoch = found.epoch;
    bytes += found.bytes;
    nextSlot = found.slot + 1;
    for (const record of found.records) evolve(durable, record);
  }
  return { durable, nextSlot, epoch, since: { slots: nextSlot - first, bytes } };
}

export interface FoundSlot extends Slot {
  readonly bytes: number;
}

/** Slots in order up to the first that is not there. Reads further ahead the more it finds. */
async function* slotsFrom(store: ObjectStore, first: number): AsyncGenerator<FoundSlot> {
  const ahead: Promise<FoundSlot | undefined>[] = [];
  let next = first;
  let width = 1;
  try {
    for (;;) {
      while (ahead.length < width) {
        const reading = readSlot(store, next++);
        // Waited for in its turn; should an earlier one fail, nobody asks for this one.
        reading.catch(() => undefined);
        ahead.push(reading);
      }
      const found = await ahead.shift();
      if (!found) return;
      yield found;
      width = Math.min(2 * width, limits.replayReadsMax);
    }
  } finally {
    await Promise.allSettled(ahead);
  }
}

/** Undefined: there is no such slot. */
export async function readSlot(store: ObjectStore, slot: number): Promise<FoundSlot | undefined> {
  try {
    const bytes = await store.get(storeKeys.journal(slot));
    return { ...decodeSlot(slot, bytes), bytes: bytes.length };
  } catch (thrown) {
    if (hasCode(thrown, 'object-not-found')) return undefined;
    throw thrown;
  }
}
