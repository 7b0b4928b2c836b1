/** Deadlines: what is finished is published, the rest is not, and nobody forgets. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseManifest } from '../../../shared/codec/manifest.js';
import { GristmillError } from '../../../shared/errors.js';
import type { JobId } from '../../../shared/ids.js';
import type { TaskResult } from '../../../shared/protocol.js';
import { MovedClock } from '../../harness/moved-clock.js';
import { miniature, MiniatureCluster, request, type Behaviour } from './miniature-cluster.js';

const DEADLINE_MS = 65_000;
const withDeadline = { ...miniature, deadlineMs: DEADLINE_MS };
let clock: MovedClock;
let cluster: MiniatureCluster;
let cancelled = 0;

beforeEach(async () => {
  cancelled = 0;
  clock = new MovedClock();
  cluster = await new MiniatureCluster().start(clock);
});
afterEach(() => cluster.core.close());

/** Attempts that `holds` names run until they are cancelled. */
function holding(holds: (attempt: string) => boolean): Behaviour {
  return ({ attempt }, work) =>
    holds(attempt)
      ? new Promise<TaskResult>((_resolve, reject) =>
          cluster.onCancel.set(attempt, () => {
            cancelled++;
            reject(new GristmillError('aborted', 'cancelled'));
          }),
        )
      : work();
}

async function submit(): Promise<JobId> {
  const { job } = await cluster.core.submit(request(withDeadline));
  return job;
}

async function outcomeOf(job: JobId) {
  await clock.until(async () => (await cluster.core.get(job)).outcome !== undefined, 50);
  return cluster.core.get(job);
}

async function output(): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of cluster.outputStore.list('out/a/')) names.push(key.slice('out/a/'.length));
  return names;
}

describe('when a deadline passes', () => {
  test('partitions that are finished are published, the manifest says that it is not all, and there is no _SUCCESS', async () => {
    cluster.addWorker(
      'w1',
      4,
      holding((attempt) => attempt.startsWith('reduce-00001')),
    );
    const job = await submit();
    await clock.until(async () => (await cluster.core.get(job)).stages[1]?.tasksDone === 2);
    await clock.move(DEADLINE_MS - 10_000);
    expect((await cluster.core.get(job)).state).toBe('in_progress');
    const view = await outcomeOf(job);
    expect(view).toMatchObject({ state: 'expired', outcome: 'expired', failure: { code: 'deadline-passed' } });
    expect(view.failure?.message).toContain(
      'the deadline of 1 min 5 s passed before the job was done; 2 of 3 partitions',
    );
    expect(view.parts.map((part) => part.split('/').at(-1))).toEqual(['part-00000.jsonl', 'part-00002.jsonl']);
    expect(view.balance).toMatch(/^ok {2}declared = found in every partition: \d+ = \d+$/);
    expect(await output()).toEqual([
      '_audit.jsonl',
      '_job.json',
      '_manifest.json',
      'part-00000.jsonl',
      'part-00002.jsonl',
    ]);
    const manifest = parseManifest(await cluster.outputStore.get('out/a/_manifest.json'));
    expect(manifest).toMatchObject({
      complete: false,
      parts: [{ key: 'part-00000.jsonl' }, { key: 'part-00002.jsonl' }],
    });
    // No attempt is left that goes on for nobody.
    expect(cancelled).toBeGreaterThan(0);
  });

  test('of a job with nothing finished, nothing is published and its claim is released', async () => {
    cluster.addWorker(
      'w1',
      4,
      holding((attempt) => attempt.startsWith('map-00001')),
    );
    const job = await submit();
    const view = await outcomeOf(job);
    expect(view).toMatchObject({ state: 'expired', parts: [] });
    expect(view.failure?.message).toContain('nothing was published');
    await clock.until(async () => (await output()).length === 0);
  });

  test('while no leader lives, the next one honours it', async () => {
    cluster.addWorker(
      'w1',
      4,
      holding((attempt) => attempt.startsWith('reduce-00001')),
    );
    const job = await submit();
    await clock.until(async () => (await cluster.core.get(job)).stages[1]?.tasksDone === 2);
    await cluster.core.close();
    await clock.move(DEADLINE_MS);
    const given = cluster.assigned.length;
    await cluster.start(clock);
    cluster.addWorker('w2', 4);
    expect(await outcomeOf(job)).toMatchObject({ state: 'expired', parts: [{}, {}] });
    expect(cluster.assigned.length).toBe(given);
  });

  test('a job that is committing completes', async () => {
    let letGo: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (letGo = resolve));
    const storeFor = cluster.outputs.storeFor.bind(cluster.outputs);
    const slow: typeof cluster.outputs.storeFor = (place) => ({
      ...storeFor(place),
      store: cluster.outputStore.handle((operation) => (operation === 'publish' ? held : undefined)),
    });
    await cluster.core.close();
    await cluster.start(clock, { outputs: { ...cluster.outputs, storeFor: slow } });
    cluster.addWorker('w1', 4);
    const job = await submit();
    await clock.until(async () => (await cluster.core.get(job)).state === 'committing');
    await clock.move(2 * DEADLINE_MS);
    expect((await cluster.core.get(job)).state).toBe('committing');
    letGo();
    expect(await outcomeOf(job)).toMatchObject({ state: 'completed', failure: undefined });
    expect(await output()).toContain('_SUCCESS');
  });
});
