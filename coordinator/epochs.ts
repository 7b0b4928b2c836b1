/** Objects of which there is one for each epoch: leases, and the lists of who was with the leader. */
import { limits } from '../shared/limits.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';

/** The epochs for which there is an object, ascending. */
export async function epochsAt(store: ObjectStore, prefix: string): Promise<readonly number[]> {
  const epochs: number[] = [];
  for await (const { key } of store.list(prefix)) {
    const epoch = Number(key.slice(prefix.length));
    if (Number.isSafeInteger(epoch) && key === `${prefix}${epoch}`) epochs.push(epoch);
  }
  return epochs.sort((a, b) => a - b);
}

/**
 * Removes what is left of earlier epochs. Only the leader of `epoch` may, once it is in the journal: who then takes a lease
 * that is gone for a free one finds the higher epoch there, and goes beyond it.
 */
export async function removeEpochsBefore(store: ObjectStore, epoch: number): Promise<void> {
  const keys: string[] = [];
  for (const prefix of [storeKeys.leasePrefix, storeKeys.sessionsPrefix]) {
    for (const found of await epochsAt(store, prefix)) if (found < epoch) keys.push(`${prefix}${found}`);
  }
  while (keys.length > 0) await store.delete(keys.splice(0, limits.batchItemsMax));
}
