/**
 * Deletes what the journal no longer needs. What that is was decided and is durable (`journal-collected`), so that whoever
 * deletes it, and however often, deletes the same.
 */
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { snapshotSlots } from './replay.js';
import type { Command } from './scheduler/events.js';

export type Collect = Extract<Command, { readonly type: 'collect-journal' }>;

const DELETE_BATCH = 1000;
/** The newest may turn out to be damaged. */
const NEWEST_KEPT = 2;

export async function collectJournal(store: ObjectStore, { upTo, fences, snapshots }: Collect): Promise<void> {
  const kept = new Set(snapshots);
  const old = (await snapshotSlots(store)).slice(0, -NEWEST_KEPT).filter((slot) => !kept.has(slot));
  if (old.length > 0) await store.delete(old.map(storeKeys.snapshot));
  const fenceKeys = new Set(fences.map(storeKeys.journal));
  const last = storeKeys.journal(upTo);
  let keys: string[] = [];
  for await (const { key } of store.list(storeKeys.journalPrefix)) {
    if (key > last) break;
    if (!fenceKeys.has(key)) keys.push(key);
    if (keys.length < DELETE_BATCH) continue;
    await store.delete(keys);
    keys = [];
  }
  if (keys.length > 0) await store.delete(keys);
}
