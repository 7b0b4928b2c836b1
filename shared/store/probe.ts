/**
 * Whether a store keeps the promises that a journal rests on, found out before anything is entrusted to it. Some servers take
 * conditional writes for plain ones, and some let several of them win under load.
 */
import { GristmillError, hasCode } from '../errors.js';
import { limits } from '../limits.js';
import type { CallOptions, ObjectStore } from './object-store.js';

const PROBE_PREFIX = 'v1/probe/';

export interface ProbeOptions extends CallOptions {
  /** Random, so that coordinators that start at once do not meet. */
  readonly name: string;
}

/**
 * Makes a store ready and probes it: `store-unfit` says what it did. Returns warnings. Removes what it wrote, as far as the
 * store lets it.
 */
export async function prepareStore(store: ObjectStore, options: ProbeOptions): Promise<readonly string[]> {
  const warnings = (await store.prepare?.(callOf(options))) ?? [];
  await probeStore(store, options);
  return warnings;
}

export async function probeStore(store: ObjectStore, options: ProbeOptions): Promise<void> {
  const key = `${PROBE_PREFIX}${options.name}`;
  const call = callOf(options);
  try {
    await probe(store, key, call);
  } catch (thrown) {
    // What is wrong is worth more than what is left.
    await store.delete([key]).catch(() => undefined);
    throw thrown;
  }
  await store.delete([key], call);
  if ((await store.head(key, call)) !== undefined)
    throw unfit(store, key, 'an object is still there after its deletion');
}

async function probe(store: ObjectStore, key: string, call: CallOptions): Promise<void> {
  const texts = Array.from({ length: limits.probeWriters }, (_, writer) => `${key} by writer ${writer}`);
  const ended = await Promise.allSettled(texts.map((text) => puts(store, key, text, call)));
  for (const each of ended) if (each.status === 'rejected') throw each.reason;
  const winners = texts.filter((_, writer) => ended[writer]?.status === 'fulfilled' && ended[writer].value);
  if (winners.length !== 1) {
    const what = `of ${texts.length} writers that each put the key only if it is absent, ${winners.length} were told that they did`;
    throw unfit(store, key, what);
  }
  if (await puts(store, key, 'a late writer', call)) {
    throw unfit(store, key, 'a key that holds an object was put once more, though only if it is absent');
  }
  const found = Buffer.from(await store.get(key, call)).toString();
  if (found !== winners[0]) throw unfit(store, key, 'the key does not hold what its one winner wrote');
  for await (const listed of store.list(PROBE_PREFIX, call)) if (listed.key === key) return;
  throw unfit(store, key, 'a listing does not show an object that was written before it');
}

/** True when the store says that it was written. */
async function puts(store: ObjectStore, key: string, text: string, call: CallOptions): Promise<boolean> {
  try {
    await store.put(key, Buffer.from(text), { ...call, ifAbsent: true });
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'object-exists')) return false;
    throw thrown;
  }
}

function unfit(store: ObjectStore, key: string, what: string): GristmillError {
  return new GristmillError(
    'store-unfit',
    `the store ${store.uri} cannot hold a journal: ${what}; use another server or version, such as the MinIO that the guide names`,
    { where: key },
  );
}

function callOf({ signal }: CallOptions): CallOptions {
  return signal === undefined ? {} : { signal };
}
