/** The core from submit to outcome, over stores in memory. */
import { describe, expect, test } from 'vitest';
import type { MemoryStore } from '../../../shared/store/memory-store.js';
import { GristmillError } from '../../../shared/errors.js';
import type { Plan } from '../../../shared/plan.js';
import { expectedParts } from '../../simulation/task-work.js';
import { miniature, MiniatureCluster, request } from './miniature-cluster.js';

async function keysOf(store: MemoryStore, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

async function textOf(store: MemoryStore, key: string): Promise<string> {
  return Buffer.from(await store.get(key)).toString('utf8');
}

describe('a job from submit to outcome', () => {
  test.each(['reduce', 'map-only'] as const)('a %s job publishes every part, and leaves nothing else', async (kind) => {
    const cluster = await new MiniatureCluster().start();
    cluster.addWorker('w1');
    const job = { ...miniature, kind };
    const { job: id } = await cluster.core.submit(request(job));
    const events = await cluster.events(id);
    const last = events.at(-1);
    expect(last).toMatchObject({ type: 'outcome', outcome: { state: 'completed' } });
    await cluster.core.close(1000);
    const plan = JSON.parse(await textOf(cluster.store, `v1/jobs/${id}/plan`)) as Plan;
    for (const [part, text] of expectedParts(job, plan).entries()) {
      expect(await textOf(cluster.outputStore, `out/a/part-0000${part}.jsonl`)).toBe(text);
    }
    const names = (await keysOf(cluster.outputStore)).map((key) => key.slice('out/a/'.length));
    expect(names.filter((name) => !name.startsWith('part-'))).toEqual([
      '_SUCCESS',
      '_audit.jsonl',
      '_job.json',
      '_manifest.json',
    ]);
    expect(await keysOf(cluster.store, 'v1/shuffle/')).toEqual([]);
    const cursors = events.map(({ cursor }) => cursor);
    expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b));
  });

  test('a job without any input byte completes with empty parts', async () => {
    for (const kind of ['reduce', 'map-only'] as const) {
      const cluster = await new MiniatureCluster().start();
      cluster.addWorker('w1');
      const { job } = await cluster.core.submit(request({ ...miniature, kind, inputBytes: [] }));
      const events = await cluster.events(job);
      expect(events.at(-1)).toMatchObject({ type: 'outcome', outcome: { state: 'completed' } });
      const parts = (await keysOf(cluster.outputStore)).filter((key) => key.includes('part-'));
      expect(parts).toHaveLength(kind === 'reduce' ? 3 : 1);
      await cluster.core.close();
    }
  });

  test('a dry run tells its plan, and claims and runs nothing', async () => {
    const cluster = await new MiniatureCluster().start();
    cluster.addWorker('w1');
    const { job } = await cluster.core.submit(request(miniature, { dryRun: true }));
    const events = await cluster.events(job);
    expect(events.filter((event) => event.type === 'notice' && event.code === 'plan')).not.toEqual([]);
    expect(events.at(-1)).toMatchObject({ type: 'outcome', outcome: { state: 'completed', parts: [] } });
    await cluster.core.close(1000);
    expect(await keysOf(cluster.outputStore)).toEqual([]);
    expect(cluster.assigned.map(({ kind }) => kind)).toEqual(['inspect']);
  });

  test('the same request id answers with the same job', async () => {
    const cluster = await new MiniatureCluster().start();
    const once = request(miniature);
    const first = await cluster.core.submit(once);
    expect(await cluster.core.submit(once)).toEqual({ job: first.job, existed: true });
    await cluster.core.close();
  });

  test('a failed attempt is run again, and the fourth failure of a task fails the job and leaves nothing', async () => {
    const cluster = await new MiniatureCluster().start();
    let failures = 0;
    cluster.addWorker('w1', 2, async (assignment, work) => {
      if (assignment.kind === 'map' && assignment.index === 1 && ++failures <= 4) {
        throw new GristmillError('executor-died', 'killed');
      }
      return work();
    });
    const { job } = await cluster.core.submit(request(miniature));
    const events = await cluster.events(job);
    expect(failures).toBe(4);
    expect(events.at(-1)).toMatchObject({
      outcome: { state: 'failed', failedAttempts: 4, failure: { code: 'executor-died' } },
    });
    await cluster.core.close(1000);
    expect(await keysOf(cluster.outputStore)).toEqual([]);
  });

  test('counts that do not balance fail the job, whatever its outputs look like', async () => {
    const cluster = await new MiniatureCluster().start();
    cluster.addWorker('w1', 2, async (assignment, work) => {
      const result = await work();
      if (result.kind !== 'reduce' || assignment.index !== 1) return result;
      return { ...result, counts: { ...result.counts, shuffledInSum: result.counts.shuffledInSum + 1n } };
    });
    const { job } = await cluster.core.submit(request(miniature));
    const events = await cluster.events(job);
    expect(events.at(-1)).toMatchObject({ outcome: { state: 'failed', failure: { code: 'out-of-balance' } } });
    await cluster.core.close(1000);
    expect(await keysOf(cluster.outputStore)).toEqual([]);
  });

  test('an occupied output fails the job before it runs, and --overwrite replaces exactly what the manifest lists', async () => {
    const cluster = await new MiniatureCluster().start();
    cluster.addWorker('w1');
    const first = await cluster.core.submit(request(miniature));
    await cluster.events(first.job);
    const second = await cluster.core.submit(request(miniature));
    expect((await cluster.events(second.job)).at(-1)).toMatchObject({
      outcome: { state: 'failed', failure: { code: 'output-occupied' } },
    });
    const third = await cluster.core.submit(request({ ...miniature, partitions: 1 }, { overwrite: true }));
    expect((await cluster.events(third.job)).at(-1)).toMatchObject({ outcome: { state: 'completed' } });
    const parts = (await keysOf(cluster.outputStore)).filter((key) => key.includes('part-'));
    expect(parts).toEqual(['out/a/part-00000.jsonl']);
    await cluster.core.close();
  });

  test('a new leader shows the same events, and the outcome stays', async () => {
    const cluster = await new MiniatureCluster().start();
    cluster.addWorker('w1');
    const { job } = await cluster.core.submit(request(miniature));
    const before = (await cluster.events(job)).filter(({ type }) => type !== 'progress');
    await cluster.core.close(1000);
    const next = await new MiniatureCluster(cluster.store, cluster.outputStore).start();
    expect(next.core.epoch).toBe(cluster.core.epoch + 1);
    expect(await next.events(job)).toEqual(before);
    await next.core.close();
  });

  test('a cancelled job publishes nothing and gives its output back', async () => {
    const cluster = await new MiniatureCluster().start();
    let cancelled: Promise<unknown> | undefined;
    cluster.addWorker('w1', 1, async (assignment, work) => {
      if (assignment.kind === 'reduce') cancelled ??= cluster.core.cancel(assignment.job, 'enough');
      await cancelled;
      return work();
    });
    const { job } = await cluster.core.submit(request(miniature));
    const events = await cluster.events(job);
    expect(events.at(-1)).toMatchObject({ outcome: { state: 'cancelled', reason: 'enough' } });
    await cluster.core.close(1000);
    expect(await keysOf(cluster.outputStore)).toEqual([]);
  });
});
