/** What is left to be done of a job: that the list stays short, and that nothing is left out of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isPending, pendingEffects, type Effect } from '../../../coordinator/scheduler/effects.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import type { CommittingJob, Job } from '../../../coordinator/scheduler/state.js';
import { limits } from '../../../shared/limits.js';
import { FleetState } from './fleet-state.js';

/** A map-only job all of whose tasks are won: its parts are to be published. */
function committing(fleet: FleetState, parts: number): CommittingJob {
  fleet.worker('w1', parts);
  const id = fleet.submit(1, parts);
  for (const running of fleet.running(id)) fleet.win('w1', id, running.replace('@w1', ''));
  const job = fleet.job(id);
  if (job.state !== 'committing') throw new Error(`the job is ${job.state}`);
  return job;
}

/** Counts how often it is asked. */
class Asked extends Set<number> {
  times = 0;

  override has(part: number): boolean {
    this.times++;
    return super.has(part);
  }
}

function publish(fleet: FleetState, job: CommittingJob, part: number): CommittingJob {
  evolve(fleet.state.durable, { type: 'part-published', job: job.id, atMs: 1, part });
  return fleet.job(job.id) as CommittingJob;
}

test('listing what is left to publish, after each part again, asks for each part a few times, however many there are', () => {
  const parts = 600;
  const fleet = new FleetState();
  const published = new Asked();
  let job: CommittingJob = { ...committing(fleet, parts), published };
  (fleet.state.durable.jobs as Map<typeof job.id, Job>).set(job.id, job);
  let listed = 0;
  for (let part = 0; part < parts; part++) {
    const pending = pendingEffects(job);
    listed += pending.length;
    expect(pending[0]).toEqual({ kind: 'publish', part });
    job = publish(fleet, job, part);
  }
  expect(listed).toBeLessThanOrEqual(limits.publishesListedMax * parts);
  expect(published.times).toBeLessThanOrEqual((limits.publishesListedMax + 2) * parts);
  expect(pendingEffects(job)).toEqual([{ kind: 'step', step: 'staged-discarded' }]);
});

test('whatever is published in whatever order, the next parts are those that are not, and each stays pending until it is', () => {
  const seeds = fc.record({ parts: fc.integer({ min: 1, max: 120 }), order: fc.infiniteStream(fc.nat()) });
  fc.assert(
    fc.property(seeds, ({ parts, order }) => {
      const fleet = new FleetState();
      let job = committing(fleet, parts);
      const left = Array.from({ length: parts }, (_, part) => part);
      for (const draw of order) {
        const next = left.slice(0, limits.publishesListedMax).map((part): Effect => ({ kind: 'publish', part }));
        expect(pendingEffects(job)).toEqual(next);
        const [part = 0] = left.splice(draw % left.length, 1);
        expect(isPending(job, { kind: 'publish', part })).toBe(true);
        job = publish(fleet, job, part);
        expect(isPending(job, { kind: 'publish', part })).toBe(false);
        if (left.length === 0) break;
      }
      expect(pendingEffects(job)).toEqual([{ kind: 'step', step: 'staged-discarded' }]);
    }),
    { numRuns: 30 },
  );
});

test('a job of an earlier release, which did not note how far it had come, is listed from its first part', () => {
  const fleet = new FleetState();
  const job = publish(fleet, committing(fleet, 4), 0);
  expect(pendingEffects({ ...job, publishedTo: undefined })).toEqual(pendingEffects(job));
  expect(pendingEffects(job).map((effect) => effect.kind === 'publish' && effect.part)).toEqual([1, 2, 3]);
});
