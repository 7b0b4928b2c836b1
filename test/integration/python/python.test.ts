/** The example in Python, as its README says: plain grpcio and the published protocol submit, watch and cancel jobs. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { end, type Cluster } from '../../harness/cluster.js';
import type { Ended, Running } from '../../harness/command.js';
import { LostAnswers } from '../../harness/lost-answers.js';
import { preparePrograms, pythonWithPackages, runsPython } from '../../harness/python.js';
import { expectRight, startTalk } from '../../harness/talk.js';

let python: string;
let cluster: Cluster;

/** One of the example's programs; `--coordinator` may be another way to it. */
function start(program: string, args: readonly string[], coordinator = cluster.address): Running {
  const flags = ['--coordinator', coordinator, '--token-file', 'store/token'];
  return cluster.place.start([join('python', program), ...args, ...flags], [python]);
}

function run(program: string, args: readonly string[], coordinator?: string): Promise<Ended> {
  return start(program, args, coordinator).ended;
}

async function submit(...more: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run('submit.py', ['talk.mjs', ...more]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^[0-9a-z]{12}\n$/);
  return stdout.trim();
}

describe.runIf(runsPython)('plain Python', () => {
  beforeAll(() => {
    python = pythonWithPackages();
  }, 300_000);

  beforeEach(async () => {
    cluster = await startTalk();
    await preparePrograms(cluster.place, python);
    expect((await cluster.place.run('bundle', 'talk.ts', '-o', 'talk.mjs')).code).toBe(0);
  });
  afterEach(() => cluster.remove());

  test('submits a bundle and watches its job to the end', async () => {
    const job = await submit();
    const { code, stdout, stderr } = await run('watch.py', [job]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^completed: 500 records read, \d+ rows$/m);
    const late = await run('cancel.py', [job]);
    expect(late.stderr).toMatch(/^error: FAILED_PRECONDITION job-ended: /);
    expect(late.code).toBe(1);
    const outcome = await cluster.client.get(job as never);
    for (const part of outcome.parts) expect(stdout).toContain(`${part}\n`);
    expectRight(cluster, { events: [], outcome });
    expect(outcome.codeVersion).toBe(
      createHash('sha256')
        .update(readFileSync(cluster.place.path('talk.mjs')))
        .digest('hex'),
    );
  });

  test('watches on when the coordinator is killed and started again', async () => {
    cluster.place.hold('map');
    const job = await submit();
    const watching = start('watch.py', [job]);
    await cluster.place.reached('map');
    if (cluster.coordinator) await end(cluster.coordinator, 'SIGKILL');
    await cluster.startCoordinator();
    cluster.place.release('map');
    const { code, stdout, stderr } = await watching.ended;
    expect(code, stderr).toBe(0);
    const states = stdout.match(/^(queued|in_progress|committing|completed):/gm) ?? [];
    expect(new Set(states).size).toBe(4);
  });

  test('cancels a job, and the exit code of who watches says that it did not complete', async () => {
    cluster.place.hold('map');
    const job = await submit();
    const watching = start('watch.py', [job]);
    await cluster.place.reached('map');
    const cancelled = await run('cancel.py', [job, '--reason', 'enough']);
    expect(cancelled.stdout).toBe(`cancelled: ${job}, talk\n`);
    const watched = await watching.ended;
    expect(watched.code, watched.stderr).toBe(1);
    expect(watched.stdout).toContain('cancelled');
    cluster.place.release('map');
    // Whoever cancels again because the answer was lost is told the same.
    expect((await run('cancel.py', [job])).stdout).toBe(cancelled.stdout);
  });

  test('submits one job when the answer is lost', async () => {
    const answers = await LostAnswers.before(cluster.address, [2]);
    try {
      const { code, stdout, stderr } = await run('submit.py', ['talk.mjs'], answers.address);
      expect(code, stderr).toBe(0);
      expect(answers.lost).toBe(1);
      expect((await cluster.client.list()).map(({ job }) => job)).toEqual([stdout.trim()]);
    } finally {
      await answers.close();
    }
  });

  test('is refused with the status and the code that say why', async () => {
    const unknown = await run('watch.py', ['abcdefghijkl']);
    expect(unknown.stderr).toMatch(/^error: NOT_FOUND job-not-found: /);
    cluster.place.write('wrong', 'not-the-token\n');
    const flags = ['python/submit.py', 'talk.mjs', '--coordinator', cluster.address, '--token-file', 'wrong'];
    const refused = await cluster.place.start(flags, [python]).ended;
    expect(refused.stderr).toMatch(/^error: UNAUTHENTICATED unauthenticated: /);
    expect(refused.code).toBe(1);
    expect(await cluster.client.list()).toEqual([]);
  });
});
