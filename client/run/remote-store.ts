/**
 * The private store of a run whose `--store` is in a bucket: `<that>/<run>/`. The run's own folder here has a file that says
 * so, by which later commands find it, and by which a later run takes it away together with that folder.
 */
import { readFile } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.js';
import { limits } from '../../shared/limits.js';
import { STORE_ROOT } from '../../shared/plan.js';
import type { Stores } from '../../shared/store/stores.js';

const STORE_FILE = 'store.json';

export function noteRemoteStore(path: string, uri: string): void {
  writeFileSync(join(path, STORE_FILE), `${JSON.stringify({ uri })}\n`);
}

/** The store of the run whose folder that is, where it is not the folder itself. */
export async function remoteStoreOf(path: string): Promise<string | undefined> {
  try {
    const { uri } = JSON.parse(await readFile(join(path, STORE_FILE), 'utf8')) as { readonly uri?: unknown };
    return typeof uri === 'string' ? uri : undefined;
  } catch {
    return undefined;
  }
}

export interface Sweep {
  readonly stores: Stores;
  readonly clock: Clock;
  readonly uri: string;
  /** Of keys; absent: all that a coordinator wrote. */
  readonly prefix?: string;
}

/** What cannot be removed in time is kept, as in folders: it is in nobody's way. */
export async function sweepRemoteStore({ stores, clock, uri, prefix = `${STORE_ROOT}/` }: Sweep): Promise<void> {
  const over = new AbortController();
  const cancel = clock.after(limits.closeMsMax, () => over.abort());
  const options = { signal: over.signal };
  try {
    const store = stores.open(uri);
    await store.discardStaged(prefix, { ...options, deep: true });
    const keys: string[] = [];
    for await (const { key } of store.list(prefix, options)) keys.push(key);
    await store.delete(keys, options);
  } catch {
    // Its URI stays in the bucket for whoever looks there.
  } finally {
    cancel();
  }
}
