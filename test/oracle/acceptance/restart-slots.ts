/** A restart after a long journal, in a directory: how much it reads, and how long that takes beside reading every slot. */
import { replay } from '../../../coordinator/replay.js';
import { limits } from '../../../shared/limits.js';
import { storeKeys } from '../../../shared/plan.js';
import { DirectoryStore } from '../../../shared/store/directory-store.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { writeHistory } from '../../harness/journal-history.js';
import type { Program } from './program.js';

const SLOTS = 100_000;
const FEW_SLOTS = 5_000;

export const restartSlots: Program = async ({ small, folder, verdicts }) => {
  const slots = small ? FEW_SLOTS : SLOTS;
  const store = new DirectoryStore(folder);
  const jobs = await writeHistory(withoutSync(store), slots);
  const reads: string[] = [];
  const beganMs = performance.now();
  const { durable, nextSlot, since } = await replay(counting(store, reads));
  const tookMs = performance.now() - beganMs;
  const snapshots = reads.filter((key) => key.startsWith(storeKeys.snapshotPrefix)).length;
  const slotReads = reads.length - snapshots;
  const readsMax = limits.snapshotSlots + limits.replayReadsMax;
  verdicts.judge(
    `a restart after ${slots} journal slots reads a snapshot and at most the slots since`,
    snapshots === 1 && since.slots <= limits.snapshotSlots && slotReads <= readsMax && nextSlot === slots + 1,
    `${snapshots} snapshot, ${since.slots} slots in ${slotReads} reads, ${Math.round(tookMs)} ms`,
  );
  verdicts.judge('it knows every job', durable.jobs.size === jobs, `${durable.jobs.size} of ${jobs} jobs`);
};

/** The history is made up: a power failure would cost nothing. */
function withoutSync(store: ObjectStore): ObjectStore {
  const put: ObjectStore['put'] = (key, bytes, options) => store.put(key, bytes, { ...options, durable: false });
  return override(store, { put });
}

function counting(store: ObjectStore, reads: string[]): ObjectStore {
  const get: ObjectStore['get'] = (key, options) => {
    reads.push(key);
    return store.get(key, options);
  };
  return override(store, { get });
}

function override(store: ObjectStore, own: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(own, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
