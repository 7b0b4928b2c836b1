/** Executors whose heap is full: real processes on a worker that counts on little memory. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import type { JobEvent } from '../../../client/job-types.js';
import { Cluster } from '../../harness/cluster.js';
import { eventually } from '../../harness/command.js';

let cluster: Cluster;
afterEach(() => cluster.remove());

/** With it, each executor has the least heap that there is: 256 MiB. */
const LITTLE = ['--memory', '512MiB'];

/** `feast` keeps half as much again as one executor may have; the others keep nothing. */
const hungry = (feastMebibytes: number) => `
  import { agg, defineJob, read, write } from 'gristmill';

  const MEBIBYTE = 131_072;

  export default defineJob({
    name: 'hungry',
    input: read.items(['bread', 'feast', 'soup'], { itemsPerSplit: 1 }),
    map(item, emit) {
      const kept: number[][] = [];
      const wanted = item === 'feast' ? ${feastMebibytes} : 1;
      for (let i = 0; i < wanted; i++) kept.push(new Array<number>(MEBIBYTE).fill(i + 0.5));
      emit(item, kept.length);
    },
    reduce: agg.sum(),
    partitions: 1,
    output: write.jsonl('out'),
  });
`;

async function run(feastMebibytes: number, output = 'out') {
  cluster.place.write('hungry.ts', hungry(feastMebibytes));
  const { events, outcome } = await cluster.watch(await cluster.submit('hungry.ts', { output }));
  return { outcome, attempts: events.filter(isAttemptOfFeast) };
}

function isAttemptOfFeast(event: JobEvent): event is Extract<JobEvent, { readonly type: 'attempt' }> {
  return event.type === 'attempt' && event.attempt.startsWith('map-00001.');
}

describe('a task whose executor runs out of memory', () => {
  test('has twice the heap on two slots next, and the result is right', async () => {
    cluster = await Cluster.start({ workers: 1, slots: 2, workerFlags: LITTLE });
    const { outcome, attempts } = await run(384);
    expect(outcome.state).toBe('completed');
    expect(cluster.place.parts('out')).toEqual({
      'part-00000.jsonl': [
        ['bread', 1],
        ['feast', 384],
        ['soup', 1],
      ]
        .map(([key, value]) => `${JSON.stringify({ key, value })}\n`)
        .join(''),
    });
    expect(attempts).toMatchObject([
      { attempt: 'map-00001.1-1', won: false, failure: { code: 'out-of-memory', class: 'machine' } },
      { attempt: 'map-00001.1-2', won: true, slots: 2 },
    ]);
    expect(attempts[0]?.failure?.message).toMatch(
      /its heap was full \(signal SIGABRT; it had 256 MiB of heap, 1 slot\), saying "FATAL ERROR: .*heap out of memory/,
    );
    const audit = readFileSync(cluster.place.path('out/_audit.jsonl'), 'utf8').split('\n');
    expect(audit.find((line) => line.includes('map-00001.1-2'))).toContain('"slots":2');
    // Both slots have an executor of their own again.
    await eventually(() => cluster.place.executors().length === 2);
    const next = await run(1, 'next');
    expect(next.attempts).toMatchObject([{ won: true }]);
    expect(next.attempts[0]).not.toHaveProperty('slots');
    await cluster.stop();
    expect(cluster.leftovers()).toEqual([]);
  }, 120_000);

  test('that outgrows two slots too fails its job after four attempts, with what it had', async () => {
    cluster = await Cluster.start({ workers: 1, slots: 2, workerFlags: LITTLE });
    const { outcome, attempts } = await run(4096);
    expect(attempts.map(({ failure, slots }) => [failure?.code, slots])).toEqual([
      ['out-of-memory', undefined],
      ...[2, 2, 2].map((slots) => ['out-of-memory', slots]),
    ]);
    expect(outcome).toMatchObject({ state: 'failed', failure: { code: 'out-of-memory' } });
    expect(outcome.reason).toMatch(
      /^map-00001 failed 4 times, last: .*while it mapped item 1: its heap was full .*512 MiB of heap, 2 slots/,
    );
  }, 180_000);

  test('on a worker of one slot has that slot again', async () => {
    cluster = await Cluster.start({ workers: 1, slots: 1, workerFlags: LITTLE });
    const { outcome, attempts } = await run(4096);
    expect(attempts.map(({ failure, slots }) => [failure?.code, slots])).toEqual(
      Array(4).fill(['out-of-memory', undefined]),
    );
    expect(outcome.state).toBe('failed');
  }, 180_000);
});
