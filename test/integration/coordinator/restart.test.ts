/**
 * A coordinator that is killed in the middle of a job, with a real directory as store: another process on the same root
 * replays the journal, takes the workers over and finishes what was begun.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleJob } from '../../../client/bundle/bundle.js';
import { JobClient } from '../../../client/job-client.js';
import type { Job, JobEvent } from '../../../client/job-types.js';
import type { JobId } from '../../../shared/ids.js';
import { eventually, repository, until, Workplace } from '../../harness/command.js';

const TOKEN = 'a-token';
const lines = Array.from({ length: 500 }, (_, i) => `word${i % 37} word${i % 11} the end`);

let place: Workplace;
let children: ChildProcess[];
let client: JobClient | undefined;
let complaints: string;

beforeEach(() => {
  place = new Workplace();
  children = [];
  complaints = '';
  mkdirSync(place.path('input'));
  place.write('input/a.txt', `${lines.slice(0, 300).join('\n')}\n`);
  place.write('input/b.txt', `${lines.slice(300).join('\n')}\n`);
  copyFileSync(join(repository, 'test/fixtures/faults/talk.ts'), place.path('talk.ts'));
});

afterEach(async () => {
  client?.close();
  client = undefined;
  await Promise.all(children.map((child) => ended(child, 'SIGKILL')));
  place.remove();
});

function start(program: string, ...args: readonly string[]): ChildProcess {
  const path = join(repository, 'test/integration/coordinator', program);
  const child = spawn(process.execPath, [path, ...args], {
    cwd: place.folder,
    env: place.environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.on('data', (said: Buffer) => (complaints += said.toString()));
  children.push(child);
  return child;
}

function ended(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.kill(signal);
  });
}

interface RunningCoordinator {
  readonly child: ChildProcess;
  readonly address: string;
  readonly epoch: number;
}

function startCoordinator(listen: string): Promise<RunningCoordinator> {
  const child = start('coordinator-process.mjs', place.path('store'), listen, TOKEN);
  return new Promise((resolve, reject) => {
    child.once('close', () => reject(new Error('the coordinator has ended')));
    child.stdout?.once('data', (line: Buffer) => {
      resolve({ child, ...(JSON.parse(line.toString()) as { address: string; epoch: number }) });
    });
  });
}

async function submit(to: JobClient, file = 'talk.ts'): Promise<JobId> {
  const bundle = await bundleJob(place.path(file));
  await to.uploadBundle(bundle.code, bundle.sha256);
  const { job } = await to.submit({
    requestId: 'once',
    name: 'talk',
    codeVersion: bundle.sha256,
    baseUri: `${pathToFileURL(place.folder).href}/`,
  });
  return job;
}

/** Resolves when the leader knows of an attempt that is running. */
async function adopted(from: JobClient, job: JobId): Promise<void> {
  for (;;) {
    // It may not be up yet.
    const found = await from.get(job).catch(() => undefined);
    if (found?.stages.some((stage) => stage.tasksRunning > 0)) return;
    await delay(20);
  }
}

async function watched(from: JobClient, job: JobId): Promise<{ events: JobEvent[]; outcome: Job }> {
  const events: JobEvent[] = [];
  for await (const event of from.watch(job)) {
    events.push(event);
    if (event.type === 'outcome') return { events, outcome: event.outcome };
  }
  throw new Error('the watch ended without an outcome');
}

/** Counted here, by the plainest program there is. */
function expected(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of lines.flatMap((line) => line.split(' '))) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function found(): Map<string, number> {
  const rows = Object.values(place.parts('out')).flatMap((text) => text.split('\n').filter((line) => line !== ''));
  return new Map(rows.map((row) => Object.values(JSON.parse(row) as object) as [string, number]));
}

describe('a coordinator that is killed', () => {
  test.each(['map', 'log', 'reduce', 'publish', 'manifest'])(
    'at gate %s has a successor that finishes the job',
    async (gate) => {
      place.hold(gate);
      const first = await startCoordinator('127.0.0.1:0');
      const worker = start('worker-process.mjs', first.address, TOKEN, place.path('scratch'));
      client = new JobClient({ address: first.address, token: TOKEN });
      const job = await submit(client);
      const watching = watched(client, job);
      await until(place.gates, () =>
        place.files('gates').find((name) => name.startsWith(`${gate}.`) && name.endsWith('.reached')),
      );
      await ended(first.child, 'SIGKILL');
      const second = await startCoordinator(first.address);
      expect([first.epoch, second.epoch]).toEqual([1, 2]);
      // A worker that keeps the log of an attempt that has ended still has that attempt.
      if (gate === 'log') await adopted(client, job);
      place.release(gate);

      const { events, outcome } = await watching;
      expect(outcome.failure).toBeUndefined();
      expect(outcome).toMatchObject({ state: 'completed', counts: { recordsRead: 500, user: { lines: 500 } } });
      expect(found()).toEqual(expected());
      expect(readFileSync(place.path('out/_manifest.json'), 'utf8')).toContain('"complete": true');
      expect(place.files('out')).toContain('_SUCCESS');
      // Each task has one winner, whoever led when it won.
      const winners = events.flatMap((event) => (event.type === 'attempt' && event.won ? [event.attempt] : []));
      const tasks = winners.map((attempt) => attempt.replace(/\..*/, ''));
      expect(new Set(tasks).size).toBe(tasks.length);
      // What was running under the first leader went on: a broken stream is not a dead worker.
      if (gate === 'map' || gate === 'log') expect(winners).toContain('map-00000.1-1');

      const printed: string[] = [];
      for await (const { attempt, text } of client.logs(job)) printed.push(`${attempt}: ${text}`);
      const maps = winners.filter((attempt) => attempt.startsWith('map-'));
      expect(printed.map((text) => text.split(':')[0])).toEqual(maps.sort());
      expect(printed.join('')).toContain(`first of ${maps[0] ?? ''}: ${lines[0] ?? ''}\n`);

      // The same submission is the same job, for whoever leads.
      expect(await submit(client)).toBe(job);
      await ended(worker, 'SIGTERM');
    },
  );
});

describe('what was asked before a coordinator is killed', () => {
  test('a cancellation that was answered is kept, and nothing is left of the job', async () => {
    place.hold('map');
    const first = await startCoordinator('127.0.0.1:0');
    const worker = start('worker-process.mjs', first.address, TOKEN, place.path('scratch'));
    client = new JobClient({ address: first.address, token: TOKEN });
    const job = await submit(client);
    const watching = watched(client, job);
    await place.reached('map');
    await client.cancel(job, 'by its user');
    await ended(first.child, 'SIGKILL');
    await startCoordinator(first.address);
    const { outcome } = await watching;
    expect(outcome).toMatchObject({ state: 'cancelled', reason: 'by its user' });
    place.release('map');
    await eventually(() => !place.files('.').includes('out') || place.files('out').length === 0);
    await ended(worker, 'SIGTERM');
  });

  test('a deadline that passes while no coordinator lives is honoured by the next', async () => {
    const text = readFileSync(place.path('talk.ts'), 'utf8');
    place.write('late.ts', text.replace('partitions: 3,', "partitions: 3,\n  deadline: '6s',"));
    place.hold('map');
    const first = await startCoordinator('127.0.0.1:0');
    const worker = start('worker-process.mjs', first.address, TOKEN, place.path('scratch'));
    client = new JobClient({ address: first.address, token: TOKEN });
    const job = await submit(client, 'late.ts');
    await place.reached('map');
    await ended(first.child, 'SIGKILL');
    const dueMs = Date.now() + 6000;
    await eventually(() => Date.now() > dueMs);
    await startCoordinator(first.address);
    const { events, outcome } = await watched(client, job);
    expect(outcome).toMatchObject({ state: 'expired', failure: { code: 'deadline-passed' }, parts: [] });
    // Nothing was given out any more: whoever ran under the first leader is told to end.
    expect(events.filter((event) => event.type === 'attempt' && /\.2-/.test(event.attempt))).toEqual([]);
    place.release('map');
    await ended(worker, 'SIGTERM');
  });
});

describe('two coordinators on one store', () => {
  test('the one that stood still halts when it goes on, no record is lost, and the job ends right', async () => {
    place.hold('map');
    const first = await startCoordinator('127.0.0.1:0');
    const lost = start('worker-process.mjs', first.address, TOKEN, place.path('scratch'));
    client = new JobClient({ address: first.address, token: TOKEN });
    const job = await submit(client);
    await place.reached('map');
    first.child.kill('SIGSTOP');
    const second = await startCoordinator('127.0.0.1:0');
    expect([first.epoch, second.epoch]).toEqual([1, 2]);
    const worker = start('worker-process.mjs', second.address, TOKEN, place.path('scratch-2'));
    const other = new JobClient({ address: second.address, token: TOKEN });
    try {
      const watching = watched(other, job);
      const halting = new Promise<number | null>((resolve) => first.child.once('close', resolve));
      first.child.kill('SIGCONT');
      place.release('map');
      expect(await halting).toBe(1);
      expect(complaints).toContain('halted: fenced: another coordinator leads this store: epoch 2 follows 1');
      const { events, outcome } = await watching;
      expect(outcome).toMatchObject({ state: 'completed', counts: { recordsRead: 500, user: { lines: 500 } } });
      expect(found()).toEqual(expected());
      const won = events.flatMap((event) => (event.type === 'attempt' && event.won ? [event.attempt] : []));
      expect(new Set(won.map((attempt) => attempt.replace(/\..*/, ''))).size).toBe(won.length);
      // The submission that the first one acknowledged is the second one's.
      expect(await submit(other)).toBe(job);
    } finally {
      other.close();
      await Promise.all([ended(worker, 'SIGTERM'), ended(lost, 'SIGKILL')]);
    }
  });
});
