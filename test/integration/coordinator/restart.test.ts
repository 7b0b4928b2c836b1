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
import { repository, until, Workplace } from '../../harness/command.js';

const TOKEN = 'a-token';
const lines = Array.from({ length: 500 }, (_, i) => `word${i % 37} word${i % 11} the end`);

let place: Workplace;
let children: ChildProcess[];
let client: JobClient | undefined;

beforeEach(() => {
  place = new Workplace();
  children = [];
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
    stdio: ['ignore', 'pipe', 'inherit'],
  });
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

async function submit(to: JobClient): Promise<JobId> {
  const bundle = await bundleJob(place.path('talk.ts'));
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
