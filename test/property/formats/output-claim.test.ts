import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Clock } from '../../../shared/clock.js';
import { hasCode } from '../../../shared/errors.js';
import { claimOutput } from '../../../shared/formats/output-claim.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { Owner } from '../../../shared/store/owner.js';
import { keysOf, text } from '../../contract/store/subject.js';

/** Waits end at once: the order of calls is the scheduler's. */
const clock: Clock = {
  now: () => 0,
  monotonic: () => 0,
  after: (_, action) => {
    queueMicrotask(action);
    return () => undefined;
  },
};

const owner = (pid: number): Owner => ({ host: 'host', pid, startTime: '1', private: true });

test('whatever the order of their calls, at most one of several takers owns a dead job’s output', async () => {
  let won = 0;
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 4 }), async (scheduler, count) => {
      const store = new MemoryStore();
      const base = { output: 'file:///out', overwrite: false, clock, isOwnerDead: ({ pid }: Owner) => pid === 1 };
      await claimOutput({ ...base, job: 'dead', owner: owner(1), place: { store, key: 'out' } });
      await store.put('out/part-00000.jsonl', text('left'));
      const jobs = Array.from({ length: count }, (_, i) => `job${i}`);
      const claims = jobs.map((job, i) =>
        claimOutput({
          ...base,
          job,
          owner: owner(i + 2),
          place: { store: store.handle(() => scheduler.schedule(Promise.resolve())), key: 'out' },
        }),
      );
      const outcomes = await scheduler.waitFor(Promise.allSettled(claims));
      const winners = jobs.filter((_, i) => outcomes[i]?.status === 'fulfilled');
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(hasCode(outcome.reason, 'output-occupied')).toBe(true);
      }
      expect(winners.length).toBeLessThanOrEqual(1);
      if (winners.length === 1) {
        won += 1;
        expect(await keysOf(store, 'out/')).toEqual(['out/_job.json']);
        expect(new TextDecoder().decode(await store.get('out/_job.json'))).toContain(`"${winners[0]}"`);
      }
    }),
    { numRuns: 300 },
  );
  expect(won).toBeGreaterThan(100);
});
