/** Partitions that are read together, over the life of a worker. */
import { expect, test } from 'vitest';
import { limits } from '../../../shared/limits.js';
import { MovedClock } from '../../harness/moved-clock.js';
import { miniature, MiniatureCluster, request } from './miniature-cluster.js';

test('a worker that comes back after its death reads together again what is left, for what it had read is gone', async () => {
  const clock = new MovedClock();
  const cluster = await new MiniatureCluster().start(clock);
  try {
    let release: () => void = () => undefined;
    let isFirst = true;
    cluster.addWorker('w1', 1, async ({ attempt }, work) => {
      if (attempt.startsWith('reduce-00001') && isFirst) {
        isFirst = false;
        await new Promise<void>((resolve) => (release = resolve));
      }
      return work();
    });
    const maps = 2 * limits.neighbourObjectsMin;
    const many = { ...miniature, inputBytes: Array.from({ length: maps }, () => 20), partitions: 16 };
    const { job } = await cluster.core.submit(request(many));
    const given = () => cluster.assigned.filter(({ index, kind }) => kind === 'reduce' && index === 1);
    await clock.until(() => given().length === 1);
    expect(given()[0]?.together).toEqual({ first: 0, end: 4 });
    await clock.move(limits.leaseDeadMs);
    await clock.until(() => given().length === 2);
    expect(given()[1]?.together).toEqual({ first: 1, end: 4 });
    await clock.until(async () => (await cluster.core.get(job)).outcome !== undefined);
    expect((await cluster.core.get(job)).outcome).toBe('completed');
    release();
  } finally {
    await cluster.core.close();
  }
});
