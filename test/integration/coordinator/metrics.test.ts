/** What `gristmill coordinator --http` tells of a job that real workers ran: the job's own counts. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cluster, end } from '../../harness/cluster.js';
import { healthOf, samplesOf } from '../../harness/http-port.js';

let cluster: Cluster;

beforeEach(async () => {
  cluster = await Cluster.start({ workers: 1, slots: 2, coordinatorFlags: ['--http', '127.0.0.1:0'] });
});

afterEach(() => cluster.remove());

test('metrics of a real job are its counts, and health ends with its coordinator', async () => {
  const base = /metrics at (http:\S+)\/metrics/.exec(cluster.coordinator?.stdout ?? '')?.[1] ?? '';
  const lines = Array.from({ length: 400 }, (_, i) => `word${i % 37} the end`);
  cluster.prepare({ 'a.txt': `${lines.join('\n')}\n` }, 'faults/talk.ts');
  const { outcome } = await cluster.watch(await cluster.submit('talk.ts'));
  expect(outcome.state).toBe('completed');
  const found = await samplesOf(base);
  const value = (name: string) => found.get(name);
  const { counts, stages } = outcome;
  expect(value('gristmill_records_read_total')).toBe(400);
  expect(value('gristmill_bytes_read_total')).toBe(counts.bytesRead);
  expect(value('gristmill_bytes_shuffled_total')).toBe(counts.bytesShuffled);
  expect(value('gristmill_rows_total')).toBe(counts.rows);
  for (const { stage, tasks } of stages) {
    expect(value(`gristmill_tasks_total{kind="${stage}",outcome="won"}`)).toBe(tasks);
    expect(value(`gristmill_attempt_seconds_count{kind="${stage}",outcome="won"}`)).toBe(tasks);
  }
  expect(await healthOf(base)).toMatchObject({ answer: 200 });
  if (cluster.coordinator) expect((await end(cluster.coordinator, 'SIGTERM')).code).toBe(0);
  expect(await healthOf(base)).toBeUndefined();
});
