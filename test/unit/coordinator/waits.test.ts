/** Waits of tasks, on a clock that moves on between any two readings, as a real one does. */
import { expect, test } from 'vitest';
import { nextTurn, type Clock } from '../../../shared/clock.js';
import { GristmillError } from '../../../shared/errors.js';
import { limits } from '../../../shared/limits.js';
import { miniature, MiniatureCluster, request } from './miniature-cluster.js';

/** Nothing fires by itself; each reading is a quarter of a millisecond after the one before. */
class SlippingClock implements Clock {
  readonly armed: { readonly dueMs: number; readonly action: () => void }[] = [];
  ms = 1000;

  now(): number {
    return this.ms;
  }

  monotonic(): number {
    this.ms += 0.25;
    return this.ms;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = { dueMs: this.ms + delayMs, action };
    this.armed.push(timer);
    return () => void this.armed.splice(this.armed.indexOf(timer), 1);
  }

  /** Moves to `beforeMs` before the soonest timer is due, as real timers may come a little early, and lets it go off. */
  fireSoonest(beforeMs: number): void {
    const [soonest] = [...this.armed].sort((a, b) => a.dueMs - b.dueMs);
    if (!soonest) throw new Error('nothing is armed');
    this.armed.splice(this.armed.indexOf(soonest), 1);
    this.ms = Math.max(this.ms, soonest.dueMs - beforeMs);
    soonest.action();
  }
}

test('a task whose wait ends while the tick for it is being decided is not forgotten', async () => {
  for (let beforeMs = 0; beforeMs <= 2; beforeMs += 0.125) {
    const clock = new SlippingClock();
    const cluster = await new MiniatureCluster().start(clock);
    cluster.addWorker('w1', 1, async (_assignment, work) => {
      if (cluster.assigned.length === 1) throw new GristmillError('executor-died', 'killed');
      return work();
    });
    await cluster.core.submit(request(miniature, { dryRun: true }));
    await nextTurn();
    expect(cluster.assigned.map(({ attempt }) => attempt)).toEqual(['inspect.1-1']);
    const failedMs = clock.ms;
    clock.fireSoonest(beforeMs);
    // It came too early, so another one has to be on its way.
    while (cluster.assigned.length === 1 && clock.ms < failedMs + limits.attemptBackoffMs * 2) {
      clock.fireSoonest(0);
      await nextTurn();
    }
    expect(cluster.assigned.length, `fired ${beforeMs} ms early`).toBeGreaterThan(1);
    await cluster.core.close();
  }
});
