/** The commands about jobs of a standing coordinator, as a person calls them: real processes over a real connection. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cluster, end } from '../../harness/cluster.js';
import {
  events,
  eventually,
  repository,
  until,
  type Ended,
  type Running,
  type Workplace,
} from '../../harness/command.js';

const lines = Array.from({ length: 300 }, (_, i) => `word${i % 37} word${i % 11} the end`);

let place: Workplace;
let cluster: Cluster;

beforeEach(async () => {
  cluster = await Cluster.start({ workers: 0 });
  place = cluster.place;
  cluster.prepare({ 'a.txt': `${lines.join('\n')}\n` }, 'faults/talk.ts');
  cluster.prepare({}, 'jobs/map-throws.ts');
});

afterEach(async () => {
  await cluster.remove();
});

/** A command against the coordinator. */
function start(...args: readonly string[]): Running {
  return place.start([...args, '--coordinator', cluster.address, '--token-file', 'store/token']);
}

function run(...args: readonly string[]): Promise<Ended> {
  return start(...args).ended;
}

async function killCoordinator(): Promise<void> {
  if (cluster.coordinator) await end(cluster.coordinator, 'SIGKILL');
}

async function submit(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('submit', 'talk.ts', ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^[0-9a-z]{12}\n$/);
  return stdout.trim();
}

/** Resolves when a process of the cluster is held at the gate. */
function held(gate: string): Promise<string> {
  return until(place.gates, () =>
    place.files('gates').find((name) => name.startsWith(`${gate}.`) && name.endsWith('.reached')),
  );
}

describe('a job on a coordinator', () => {
  test('is submitted, listed, watched to its end, and its logs are read', async () => {
    await cluster.startWorker();
    const job = await submit();
    const watched = await run('watch', job, '--json');
    expect(watched.code).toBe(0);
    const seen = events(watched.stdout);
    expect(seen.at(-1)).toMatchObject({ type: 'outcome', outcome: { job, state: 'completed' } });

    // From a cursor on, the rest and nothing else: what is durable has the same cursor whenever it is asked for.
    const durable = seen.filter(({ type }) => type !== 'progress');
    const middle = durable[Math.floor(durable.length / 2)] ?? {};
    const rest = await run('watch', job, '--json', '--from', String(middle['cursor']));
    const expected = durable.slice(durable.indexOf(middle) + 1);
    expect(events(rest.stdout).filter(({ type }) => type !== 'progress')).toEqual(expected);

    const table = await run('jobs');
    expect(table.stdout).toMatch(new RegExp(`^job .*\\n${job} +completed +talk .* 300 `));
    const [listed] = events((await run('jobs', '--json')).stdout);
    expect(listed).toMatchObject({ job, state: 'completed', counts: { recordsRead: 300 } });
    const one = await run('jobs', job);
    expect(one.stdout).toContain('read = mapped + filtered + bad: 300 = 300');
    expect(one.stdout).toMatch(/^output +out$/m);

    const logs = await run('logs', job);
    expect(logs.stdout).toContain(`map-00000.1-1 | first of map-00000.1-1: ${lines[0] ?? ''}\n`);
    expect(logs.stdout.split('\n').every((line) => line === '' || /^map-\d{5}\.1-1 \| /.test(line))).toBe(true);
    const ofOne = await run('logs', job, 'map-00001.1-1');
    expect(ofOne.stdout).toMatch(/^first of map-00001\.1-1: .*\n$/);
    const ofNone = await run('logs', job, 'reduce-00000');
    expect(ofNone).toMatchObject({ code: 0, stdout: '' });
    expect(ofNone.stderr).toContain('has printed anything');

    const cancelled = await run('cancel', job);
    expect(cancelled.code).toBe(2);
    expect(cancelled.stderr).toContain('the job has ended already: it is completed');
  });

  test('is refused before it is submitted when its code cannot work, and nothing stays of the attempt', async () => {
    copyFileSync(join(repository, 'test/fixtures/jobs/unknown-option.ts'), place.path('unknown-option.ts'));
    const { code, stdout, stderr } = await run('submit', 'unknown-option.ts');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('unknown-option.ts');
    expect((await run('jobs', '--json')).stdout).toBe('');
    // Inputs may be where only the workers are.
    expect(await submit('--input', 'elsewhere/*.txt')).not.toBe('');
    expect(place.files('tmp')).toEqual([]);
  });

  test('that nobody can run yet is cancelled with its reason, and a watch says so with exit code 1', async () => {
    const job = await submit();
    const watching = start('watch', job);
    const { code, stdout } = await run('cancel', job, '--reason', 'not needed any more');
    expect({ code, stdout }).toEqual({ code: 0, stdout: `cancelled: job ${job}, talk\n` });
    const watched = await watching.ended;
    expect(watched.code).toBe(1);
    expect(watched.stdout).toContain('cancelled  talk');
    expect(watched.stdout).toContain('not needed any more');
  });

  test('is watched through the death of its coordinator: no event is missing and none comes twice', async () => {
    place.hold('map');
    await cluster.startWorker();
    const job = await submit();
    const watching = start('watch', job, '--json');
    await held('map');
    await eventually(() => watching.stdout.includes('"in_progress"'));
    await killCoordinator();
    await cluster.startCoordinator();
    place.release('map');
    const { code, stdout, stderr } = await watching.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('is broken and is being taken up again');
    const cursors = events(stdout).map(({ cursor }) => Number(cursor));
    expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b));
    const all = events((await run('watch', job, '--json')).stdout).filter(({ type }) => type !== 'progress');
    expect(events(stdout).filter(({ type }) => type !== 'progress')).toEqual(all);
  });

  test('that is watched goes on when the watcher leaves by Ctrl-C', async () => {
    place.hold('map');
    await cluster.startWorker();
    const job = await submit();
    const watching = start('watch', job, '--json');
    await held('map');
    await eventually(() => watching.stdout.includes('"in_progress"'));
    watching.child.kill('SIGINT');
    const { code, stderr } = await watching.ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(new RegExp(`gristmill watch ${job} --from \\d+`));
    place.release('map');
    expect((await run('watch', job, '--quiet')).stdout).toMatch(/^completed: talk, 300 records/);
  });
});

describe('run --coordinator', () => {
  test('shows what a run here shows, and writes the same bytes', async () => {
    await cluster.startWorker();
    const there = await run('run', 'talk.ts', '--output', 'there');
    const here = await place.run('run', 'talk.ts', '--output', 'here', '--workers', '1');
    expect([there.code, here.code]).toEqual([0, 0]);
    expect(place.parts('there')).toEqual(place.parts('here'));
    const comparable = (text: string) =>
      text
        .replaceAll(/\bin \d+\.\d+ s/g, 'in T')
        .replaceAll('there/', 'here/')
        .split('\n')
        .filter((line) => !line.startsWith('  store '));
    expect(comparable(there.stdout)).toEqual(comparable(here.stdout));
  });

  test('cancels its job at the first Ctrl-C, waits for its end and exits with 130', async () => {
    place.hold('map');
    await cluster.startWorker();
    const running = start('run', 'talk.ts');
    await held('map');
    running.child.kill('SIGINT');
    await eventually(() => running.stderr.includes('Ctrl-C: cancelling job'));
    const { code, stdout } = await running.ended;
    place.release('map');
    expect(code).toBe(130);
    expect(stdout).toContain('cancelled  talk');
    expect((await run('jobs')).stdout).toContain('cancelled');
    expect(place.parts('out')).toEqual({});
  });

  test("exits as a run here does: 1 for the user's code, 2 for a definition", async () => {
    await cluster.startWorker();
    place.write('input/bad.txt', 'a bad line\n');
    const threw = await run('run', 'map-throws.ts', '--input', 'input/bad.txt', '--output', 'threw');
    expect(threw.code).toBe(1);
    expect(threw.stderr).toContain('map-throws.ts:');
    const wrong = await run('run', 'talk.ts', '--param', 'x=1', '--output', 'wrong');
    expect(wrong.code).toBe(2);
    const workers = await run('run', 'talk.ts', '--workers', '2');
    expect(workers.code).toBe(2);
    expect(workers.stderr).toContain('--workers is not for a run on a coordinator');
  });
});

describe('what goes wrong is said with what to do', () => {
  test('a coordinator that cannot be reached', async () => {
    await killCoordinator();
    const { code, stderr, stdout } = await run('jobs');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain(`error: no coordinator answers at ${cluster.address}: connect ECONNREFUSED`);
    expect(stderr).toContain('hint: start it with');
  });

  test('a token that is missing or wrong', async () => {
    const missing = await place.run('jobs', '--coordinator', cluster.address);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('the token of the coordinator is not known');
    place.write('token', 'another\n');
    const start = (...args: string[]) =>
      place.start([...args, '--coordinator', cluster.address, '--token-file', 'token']);
    for (const args of [['jobs'], ['submit', 'talk.ts'], ['watch', '0123456789ab'], ['run', 'talk.ts']]) {
      const { code, stderr } = await start(...args).ended;
      expect(code).toBe(2);
      expect(stderr).toContain('error: the token is missing or wrong');
      expect(stderr).toContain('hint: --token-file');
    }
  });

  test('a job that is not there, with the one that was meant', async () => {
    const job = await submit();
    const other = `${job.slice(0, 11)}${job.endsWith('0') ? '1' : '0'}`;
    for (const [args, given] of [
      [['watch', other], other],
      [['logs', other], other],
      [['cancel', other], other],
      [['jobs', job.slice(0, 5)], job.slice(0, 5)],
    ] as const) {
      const { code, stderr } = await run(...args);
      expect(code).toBe(2);
      expect(stderr).toContain(`there is no job "${given}"`);
      expect(stderr).toContain(`did you mean ${job}?`);
    }
    const task = await run('logs', job, 'everything');
    expect(task.code).toBe(2);
    expect(task.stderr).toContain('"everything" is no task and no attempt');
  });
});

describe('without a coordinator', () => {
  test('jobs and logs are those of the runs in this folder', async () => {
    const none = await place.run('jobs');
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: 'there are no jobs\n' });
    const ran = await place.run('run', 'talk.ts', '--workers', '1', '--json');
    const { job } = events(ran.stdout).at(-1)?.['outcome'] as { job: string };
    expect((await place.run('jobs')).stdout).toMatch(new RegExp(`\\n${job} +completed +talk .* 300 `));
    expect((await place.run('jobs', job)).stdout).toContain('read = mapped + filtered + bad: 300 = 300');
    const logs = await place.run('logs', job, 'map-00000');
    expect(logs.stdout).toBe(`map-00000.1-1 | first of map-00000.1-1: ${lines[0] ?? ''}\n`);
    const wrong = await place.run('logs', `${job.slice(0, 11)}-`);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain(`did you mean ${job}?`);
  });
});
