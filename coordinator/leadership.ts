/**
 * Who leads. An epoch is a number that only grows; `v1/lease/<epoch>` says whose it is, is written once, and goes under a later leader. A new leader
 * takes the next epoch, replays the journal and writes a fencing record into the next slot: from then on whoever led
 * before loses that slot and halts. The loser of a race for a lease or for the slot re-reads, raises and tries again.
 *
 * A starter that stood still for very long may find that the slot it takes was written and deleted meanwhile. Slots are
 * deleted behind a snapshot, so a snapshot that is not older than the slot says so, and the starter tries again. Of leaders
 * that stood still, the next slot is the first of a successor's, and those are kept.
 *
 * Safety rests on the exclusive slots alone, never on a clock: a sole coordinator that starts again takes over at once.
 */
import { delay, type Clock } from '../shared/clock.js';
import { ERRORS, GristmillError } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { putOnce } from '../shared/store/put-once.js';
import { epochsAt } from './epochs.js';
import { encodeSlot } from './journal-format.js';
import { replay, snapshotSlots, type SinceSnapshot } from './replay.js';
import { evolve } from './scheduler/evolve.js';
import type { JournalRecord } from './scheduler/records.js';
import type { DurableState } from './scheduler/state.js';

export interface LeadershipOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: () => number;
  /** Random, of this process: no two writers ever write the same bytes. */
  readonly writer: string;
  /** For people. */
  readonly host: string;
  readonly signal?: AbortSignal;
}

export interface Leadership {
  readonly epoch: number;
  readonly durable: DurableState;
  readonly nextSlot: number;
  readonly since: SinceSnapshot;
  /** Snapshots that could not be used, with why. */
  readonly damaged: readonly string[];
}

/** Becomes the leader. Waits for a store that is away; any other error of the store is thrown. */
export async function lead(options: LeadershipOptions): Promise<Leadership> {
  const { store, clock, writer, host } = options;
  let epoch = (await patient(options, () => lastLease(store))) + 1;
  for (; ; epoch++) {
    const atMs = clock.now();
    const lease = Buffer.from(`${JSON.stringify({ version: 1, epoch, writer, host, atMs })}\n`);
    if ((await once(options, storeKeys.lease(epoch), lease)) === 'lost') continue;
    const { durable, nextSlot, epoch: last, since, damaged } = await patient(options, () => replay(store));
    if (last > epoch) {
      epoch = last;
      continue;
    }
    const record: JournalRecord = { type: 'leader-elected', epoch, atMs, host, slot: nextSlot };
    const fence = encodeSlot({ slot: nextSlot, epoch, writer, records: [record] });
    if ((await once(options, storeKeys.journal(nextSlot), fence)) === 'lost') continue;
    const newest = (await patient(options, () => snapshotSlots(store))).at(-1) ?? 0;
    if (newest >= nextSlot) continue;
    evolve(durable, record);
    return { epoch, durable, nextSlot: nextSlot + 1, since, damaged };
  }
}

async function lastLease(store: ObjectStore): Promise<number> {
  return (await epochsAt(store, storeKeys.leasePrefix)).at(-1) ?? 0;
}

function once(options: LeadershipOptions, key: string, bytes: Uint8Array): Promise<'won' | 'lost'> {
  const { store, clock, random } = options;
  return patient(options, () => putOnce(store, key, bytes, { clock, random }));
}

async function patient<T>({ clock, random, signal }: LeadershipOptions, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (thrown) {
      if (!(thrown instanceof GristmillError) || !ERRORS[thrown.code].retryable) throw thrown;
    }
    await delay(clock, limits.attemptBackoffMs * (0.5 + random()), signal);
  }
}
