/**
 * A coordinator's first contact with its store. A store that does not answer may be starting, as when everything of a cluster
 * starts at once, and is waited for; one that refuses, or is not fit, is not.
 */
import type { Logger } from 'pino';
import { delay, type Clock } from '../shared/clock.js';
import { GristmillError, hasCode } from '../shared/errors.js';
import { limits } from '../shared/limits.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { prepareStore } from '../shared/store/probe.js';

export interface FirstContact {
  /** How long to wait for a store that does not answer, milliseconds. */
  readonly forMs: number;
  /** Ends the wait: `contactStore` then throws `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

interface Contacting extends FirstContact {
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly log: Logger;
  /** Told why it waits, each time that the store has not answered. */
  readonly onWaiting: (reason: string) => void;
}

/** Prepares and probes the store; throws what it says of itself, or `store-unavailable` once it has been waited for. */
export async function contactStore(store: ObjectStore, contacting: Contacting): Promise<void> {
  const { clock, random, log, forMs, signal, onWaiting } = contacting;
  const deadlineMs = clock.monotonic() + forMs;
  for (;;) {
    try {
      const name = Buffer.from(random(8)).toString('hex');
      for (const warning of await prepareStore(store, { name, ...(signal && { signal }) })) log.warn(warning);
      return;
    } catch (thrown) {
      const isAway = hasCode(thrown, 'store-unavailable') || hasCode(thrown, 'store-timeout');
      if (!isAway || clock.monotonic() >= deadlineMs) throw thrown;
      const reason = GristmillError.from(thrown).message;
      log.warn({ store: store.uri, reason }, 'the coordinator waits for its store');
      onWaiting(reason);
    }
    await delay(clock, limits.storeContactMs, signal);
  }
}
