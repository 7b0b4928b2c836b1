/**
 * What is removed when a job has ended: staged outputs that nobody will publish, shuffle objects, and in the end its folder.
 * A standing coordinator does it once more when writes that came late have landed (`scheduler/late-sweep.ts`); what lets that
 * sweep find them stays until then.
 */
import { claimantOf } from '../shared/formats/output-claim.js';
import { gate } from '../shared/gate.js';
import { limits } from '../shared/limits.js';
import { storeKeys } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import type { OutputPlace, Outputs } from './outputs.js';
import { hasResult, isEnded, type Job } from './scheduler/state.js';

export interface SweepPorts {
  readonly store: ObjectStore;
  readonly outputs: Outputs;
  /** Each ended job is swept once more later. */
  readonly sweepsLate: boolean;
}

/** What attempts have staged below the output. */
export async function discardStaged(ports: SweepPorts, job: Job, output: string): Promise<void> {
  const place = ports.outputs.storeFor(output);
  const claimant = isEnded(job) ? await claimantOf(place.store, place.prefix) : undefined;
  await discardUnlessTaken(place, job, claimant, ports.sweepsLate);
}

/** After its end another job may have taken the output, and stage there: what is left of ours that one sweeps at its end. */
async function discardUnlessTaken(
  { store, prefix }: OutputPlace,
  job: Job,
  claimant: string | undefined,
  willRepeat: boolean,
): Promise<void> {
  if (claimant === undefined || claimant === job.id) await store.discardStaged(prefix, { willRepeat });
}

/** Shuffle objects, and what killed attempts have staged of them. */
export async function sweepShuffle({ store, sweepsLate }: SweepPorts, job: Job): Promise<void> {
  const willRepeat = sweepsLate && job.state !== 'archived';
  await sweep(store, storeKeys.shufflePrefix(job.id), { willRepeat });
}

/** Everything again that is removed at a job's end and may have come back: by now nothing of it lands any more. */
export async function sweepLate({ store, outputs }: SweepPorts, job: Job, output: string): Promise<void> {
  await gate('late-sweep');
  const place = outputs.storeFor(output);
  const claimant = await claimantOf(place.store, place.prefix);
  if (claimant === job.id && isEnded(job) && !hasResult(job)) await outputs.release({ output, job: job.id });
  await discardUnlessTaken(place, job, claimant, false);
  if (job.steps.has('shuffle-swept')) await sweep(store, storeKeys.shufflePrefix(job.id));
}

interface SweepOptions {
  readonly but?: string;
  readonly willRepeat?: boolean;
}

/** Everything below the prefix but one key. */
export async function sweep(
  store: ObjectStore,
  prefix: string,
  { but, willRepeat = false }: SweepOptions = {},
): Promise<void> {
  await store.discardStaged(prefix, { deep: true, willRepeat });
  let keys: string[] = [];
  for await (const { key } of store.list(prefix)) if (key !== but) keys.push(key);
  while (keys.length > 0) {
    await store.delete(keys.slice(0, limits.s3DeleteBatch));
    keys = keys.slice(limits.s3DeleteBatch);
  }
}
