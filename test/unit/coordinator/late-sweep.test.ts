/** Cleaning up after the end of a job: another job may have taken its output meanwhile. */
import { expect, test } from 'vitest';
import { carryOut } from '../../../coordinator/committer.js';
import type { Job } from '../../../coordinator/scheduler/state.js';
import { systemClock } from '../../../shared/clock.js';
import { jobId, type JobId } from '../../../shared/ids.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { memoryOutputs, owner } from './miniature-cluster.js';

const ours = jobId(new Uint8Array(8).fill(1));
const other = jobId(new Uint8Array(8).fill(2));

/** Whether a staged file survives the sweep of our ended job while `claimant` has the output. */
async function survives(claimant: JobId | undefined): Promise<boolean> {
  const store = new MemoryStore();
  const outputs = memoryOutputs(store);
  if (claimant !== undefined) await outputs.claim({ output: 'memory:out', job: claimant, owner, overwrite: false });
  const staged = await store.stage('out/part-00000.jsonl', 'reduce-00000.1-1');
  await staged.write(Buffer.from('row'));
  const seal = await staged.seal();
  const job = { state: 'cancelled', endedAtMs: 1, id: ours, inspected: { output: 'memory:out' } } as unknown as Job;
  const dropCode = () => Promise.resolve();
  const rest = { owner, clock: systemClock, random: () => 0, dropCode, isPending: () => true, sweepsLate: false };
  const ports = { store, outputs, ...rest };
  const effect = { kind: 'step', step: 'staged-discarded' } as const;
  const result = await carryOut(ports, job, effect, new AbortController().signal);
  expect(result).toEqual({ kind: 'done' });
  return store.publish(seal).then(
    () => true,
    () => false,
  );
}

test('staged files go while the output is the job’s or nobody’s, and stay when another job has it', async () => {
  expect(await survives(ours)).toBe(false);
  expect(await survives(undefined)).toBe(false);
  expect(await survives(other)).toBe(true);
});
