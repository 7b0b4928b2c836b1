/** The job that tests of clusters run: it prints, counts and sums, and what comes out of it is counted here as well. */
import { expect } from 'vitest';
import type { Bucket } from './bucket.js';
import { Cluster, type ClusterOptions, type Watched } from './cluster.js';

const lines = Array.from({ length: 500 }, (_, i) => `word${i % 37} word${i % 11} the end`);
const inputs = { 'a.txt': `${lines.slice(0, 300).join('\n')}\n`, 'b.txt': `${lines.slice(300).join('\n')}\n` };

/** A cluster whose workers are soon dead when they are silent. */
export async function startTalk(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await Cluster.start({ coordinatorFlags: ['--lease-ms', '1500'], ...options });
  cluster.prepare(inputs, 'faults/talk.ts');
  await cluster.upload();
  return cluster;
}

/** Counted by the plainest program there is. */
function expected(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of lines.flatMap((line) => line.split(' '))) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function found(cluster: Cluster, output: string): Map<string, number> {
  const parts = Object.values(cluster.place.parts(output));
  const rows = parts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
  return new Map(rows.map((row) => Object.values(JSON.parse(row) as object) as [string, number]));
}

export function expectRight(cluster: Cluster, { outcome }: Watched, output = 'out'): void {
  expect(outcome.failure).toBeUndefined();
  expect(outcome).toMatchObject({ state: 'completed', counts: { recordsRead: 500, user: { lines: 500 } } });
  expect(found(cluster, output)).toEqual(expected());
  expect(cluster.place.files(output)).toContain('_SUCCESS');
}

/** The cluster serves the next job, ends in order, and leaves nothing. */
export async function expectWhole(cluster: Cluster, bucket?: Bucket): Promise<void> {
  const next = await cluster.watch(await cluster.submit('talk.ts', { output: 'out-next' }));
  expectRight(cluster, next, 'out-next');
  const all = [...cluster.workers, ...(cluster.coordinator ? [cluster.coordinator] : [])];
  const alive = all.filter(({ child }) => child.exitCode === null && child.signalCode === null);
  await cluster.stop();
  for (const running of alive) expect((await running.ended).code, running.stderr).toBe(0);
  expect(cluster.leftovers()).toEqual([]);
  expect((await bucket?.leftForGood()) ?? []).toEqual([]);
}

export interface AttemptEnd {
  readonly attempt: string;
  readonly won: boolean;
  readonly code: string | undefined;
}

export function attempts({ events }: Watched): readonly AttemptEnd[] {
  return events.flatMap((event) =>
    event.type === 'attempt' ? [{ attempt: event.attempt, won: event.won, code: event.failure?.code }] : [],
  );
}

export function expectOneWinnerEach(watched: Watched): void {
  const winners = attempts(watched).filter(({ won }) => won);
  const tasks = winners.map(({ attempt }) => attempt.replace(/\..*/, ''));
  expect(new Set(tasks).size).toBe(tasks.length);
}
