/**
 * Settles who owns a key that is written once: journal slots, leases, claims.
 *
 * A conditional put whose answer is lost may have landed, or may land later. So the same bytes are put again under the
 * same key until the key is seen occupied, and nothing else is ever put there by this writer. The bytes must hold
 * something that no other writer's bytes hold.
 */
import { delay, type Clock } from '../clock.js';
import { GristmillError, hasCode } from '../errors.js';
import { limits } from '../limits.js';
import type { ObjectStore } from './object-store.js';

export interface PutOnceOptions {
  readonly clock: Clock;
  /** In [0, 1): spreads the waits of several writers. */
  readonly random?: () => number;
  /** Tries before the last error is thrown; default `storeRetriesMax` and the first. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
}

/**
 * `won`: the key holds these bytes. `lost`: it holds another writer's. An error leaves it unknown: these bytes may be
 * there, or land later, so the caller calls again with the same bytes or gives the key up for ever.
 */
export async function putOnce(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  options: PutOnceOptions,
): Promise<'won' | 'lost'> {
  const { clock, random = () => 1, attempts = limits.storeRetriesMax + 1, signal } = options;
  for (let tries = 1; ; tries++) {
    try {
      return await tryOnce(store, key, bytes, signal === undefined ? {} : { signal });
    } catch (thrown) {
      if (tries >= attempts || !isUnsettled(thrown)) throw thrown;
      const backoffMs = Math.min(limits.storeBackoffMs * 2 ** (tries - 1), limits.attemptBackoffMsMax);
      await delay(clock, backoffMs * (0.5 + random() / 2), signal);
    }
  }
}

async function tryOnce(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  call: { readonly signal?: AbortSignal },
): Promise<'won' | 'lost'> {
  try {
    await store.put(key, bytes, { ...call, ifAbsent: true });
    return 'won';
  } catch (thrown) {
    if (!hasCode(thrown, 'object-exists')) throw thrown;
  }
  // Occupied: by ourselves, when the answer to an earlier put was lost.
  const found = await store.get(key, call);
  return Buffer.compare(found, bytes) === 0 ? 'won' : 'lost';
}

/** `object-not-found`: it was there and is deleted; the next put tells. */
function isUnsettled(thrown: unknown): boolean {
  return (
    thrown instanceof GristmillError &&
    (thrown.code === 'store-timeout' || thrown.code === 'store-unavailable' || thrown.code === 'object-not-found')
  );
}
