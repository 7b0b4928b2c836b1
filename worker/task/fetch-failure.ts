/**
 * Fetch failures: a shuffle object that is not there, or not as it was written. Its map attempt is to blame, not the
 * reader. Whatever else goes wrong with a read (a store that is away, a call that is aborted) is no fetch failure.
 */
import { setMaxListeners } from 'node:events';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import type { CallOptions } from '../../shared/store/object-store.js';

interface Written {
  readonly key: string;
  /** The map attempt; where it is not known, whoever asked names it. */
  readonly attempt?: string;
}

export function isFetchFailure(error: unknown): error is GristmillError {
  if (!(error instanceof GristmillError)) return false;
  return error.code === 'object-not-found' || error.code === 'shuffle-missing' || error.code === 'shuffle-corrupt';
}

/** A fetch failure names the object and who wrote it; any other error stays as it is. */
export function asFetchFailure(error: unknown, { key, attempt }: Written): unknown {
  if (!isFetchFailure(error) || error.producers) return error;
  const about = { cause: error, context: { key }, ...(attempt !== undefined && { producers: [attempt] }) };
  if (error.code === 'shuffle-corrupt') return new GristmillError('shuffle-corrupt', error.message, about);
  return new GristmillError('shuffle-missing', 'a shuffle object is gone', about);
}

/**
 * `fetch` for each item, several in flight, with results in order. When any fails to be fetched, all are looked at before it
 * is thrown with the producers of all that cannot be read: what was lost together is made again together. Any other error
 * ends the others, and is thrown as it is once they have ended.
 */
export async function fetchAll<Item, Fetched>(
  items: readonly Item[],
  { signal }: CallOptions,
  fetch: (item: Item, options: CallOptions) => Promise<Fetched>,
): Promise<Fetched[]> {
  const fetched = new Array<Fetched>(items.length);
  const failures: { readonly at: number; readonly error: GristmillError }[] = [];
  const left = items.entries();
  const stop = new AbortController();
  const call = { signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]) };
  // Each read listens to it, some of them twice.
  setMaxListeners(0, call.signal);
  let ended: { readonly by: unknown } | undefined;
  const work = async () => {
    for (const [i, item] of left) {
      try {
        fetched[i] = await fetch(item, call);
      } catch (error) {
        if (isFetchFailure(error)) failures.push({ at: i, error });
        else ended ??= { by: error };
      }
      if (ended === undefined) continue;
      stop.abort();
      return;
    }
  };
  await Promise.all(Array.from({ length: Math.min(items.length, limits.fetchesMax) }, work));
  if (ended !== undefined) throw ended.by;
  const errors = failures.sort((a, b) => a.at - b.at).map(({ error }) => error);
  const [first] = errors;
  if (!first) return fetched;
  const producers = errors.flatMap((error) => error.producers ?? []);
  throw new GristmillError(first.code, first.message, { cause: first, producers });
}
