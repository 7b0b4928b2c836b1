/** `gristmill/client` with a real cluster: what a program sees of a job, whatever becomes of the coordinator and of answers. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { Client, JobCancelled, JobFailed, NoResult, type JobEvent } from '../../../client/index.js';
import { end, type Cluster } from '../../harness/cluster.js';
import { LostAnswers } from '../../harness/lost-answers.js';
import { expectRight, startTalk } from '../../harness/talk.js';

let cluster: Cluster;
let client: Client | undefined;
let answers: LostAnswers | undefined;
afterEach(async () => {
  await client?.close();
  client = undefined;
  await answers?.close();
  answers = undefined;
  await cluster.remove();
});

function connect(coordinator = cluster.address): Client {
  const token = readFileSync(cluster.place.path('store/token'), 'utf8').trim();
  return (client = new Client({ coordinator, token }));
}

const jobFile = () => cluster.place.path('talk.ts');
const options = () => ({ directory: cluster.place.folder });

describe('a program', () => {
  test('submits a job, waits for it, and reads its rows, its counts and what it printed', async () => {
    cluster = await startTalk();
    const job = await connect().submit(jobFile(), options());
    expect(job.existed).toBe(false);
    const ended = await job.wait();
    expect(ended).toMatchObject({ job: job.id, state: 'completed' });
    const result = await job.result();
    const rows: { key: string; value: number }[] = [];
    for await (const row of result.rows<{ key: string; value: number }>()) rows.push(row);
    const lines: string[] = [];
    for await (const line of result.lines()) lines.push(line);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(rows);
    expect(rows).toHaveLength(result.rowCount);
    expect(result).toMatchObject({ job: job.id, complete: true, counts: { recordsRead: 500 } });
    expect(result.parts.map(({ uri }) => uri)).toEqual(ended.parts);
    expectRight(cluster, { events: [], outcome: ended });
    let printed = '';
    for await (const { text } of job.logs()) printed += text;
    expect(printed).not.toBe('');
    expect((await connect().list()).map(({ job: id }) => id)).toEqual([job.id]);
  });

  test('sees rows that were changed since, and results that are not there', async () => {
    cluster = await startTalk();
    const job = await connect().submit(jobFile(), options());
    await job.wait();
    const result = await job.result();
    const [part] = Object.entries(cluster.place.parts('out'));
    cluster.place.write(
      `out/${part?.[0] ?? ''}`,
      (part?.[1] ?? '').replace(/\d/, (digit) => String((Number(digit) + 1) % 10)),
    );
    const read = async () => {
      for await (const _ of result.lines());
    };
    await expect(read()).rejects.toMatchObject({ code: 'content-differs' });
    const other = await connect().submit(jobFile(), { ...options(), output: 'other', inputs: ['input/none*.txt'] });
    await expect(other.wait()).rejects.toThrow(JobFailed);
    await expect(other.result()).rejects.toThrow(NoResult);
  });

  test('cancels a job, and who waits for it is told', async () => {
    cluster = await startTalk();
    cluster.place.hold('map');
    const job = await connect().submit(jobFile(), options());
    const waiting = expect(job.wait()).rejects.toThrow(JobCancelled);
    await cluster.place.reached('map');
    expect((await job.cancel('enough')).reason).toContain('enough');
    await waiting;
    expect((await job.cancel()).state).toBe('cancelled');
    cluster.place.release('map');
  });
});

test('watching and waiting go on over a coordinator that is killed and started again, with every event once', async () => {
  cluster = await startTalk();
  cluster.place.hold('map');
  const job = await connect().submit(jobFile(), options());
  const seen: JobEvent[] = [];
  const watching = (async () => {
    for await (const event of job.watch()) seen.push(event);
  })();
  const waiting = job.wait();
  await cluster.place.reached('map');
  if (cluster.coordinator) await end(cluster.coordinator, 'SIGKILL');
  const asked = job.get();
  await cluster.startCoordinator();
  expect(await asked).toMatchObject({ job: job.id });
  cluster.place.release('map');
  const outcome = await waiting;
  await watching;
  expectRight(cluster, { events: seen, outcome });
  const cursors = seen.map(({ cursor }) => cursor);
  expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b));
  expect(seen.at(-1)?.type).toBe('outcome');
});

describe('a submission is one job', () => {
  // The upload is answered first, then the submission.
  test.each([[[1]], [[2]], [[1, 3]], [[2, 3, 4]]])('when these answers are lost: %j', async (losing) => {
    cluster = await startTalk();
    answers = await LostAnswers.before(cluster.address, losing);
    const job = await connect(answers.address).submit(jobFile(), options());
    expect(answers.lost).toBe(losing.length);
    expect(job.existed).toBe(losing.some((answer) => answer > 1));
    expect((await connect().list()).map(({ job: id }) => id)).toEqual([job.id]);
    expectRight(cluster, { events: [], outcome: await job.wait() });
  });

  test('when the program is started again and has kept the request id', async () => {
    cluster = await startTalk();
    const first = await connect().submit(jobFile(), { ...options(), requestId: 'nightly-2026-11-26' });
    const second = await connect().submit(jobFile(), { ...options(), requestId: 'nightly-2026-11-26' });
    expect(second.id).toBe(first.id);
    expect([first.existed, second.existed]).toEqual([false, true]);
  });
});
