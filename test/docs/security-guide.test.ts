/** What the guide to security shows, line by line as it stands there, only with a name, a port and a store that are free. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { end, ready } from '../harness/cluster.js';
import { eventually, program, repository, Workplace, type Running } from '../harness/command.js';
import { hasOpenssl } from '../harness/openssl.js';

const guide = readFileSync(join(repository, 'docs/guide/security.md'), 'utf8');
const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
const [tokens = '', authority = '', coordinator = '', worker = '', cluster = ''] = blocks;

let place: Workplace;
let standing: Running[];
beforeEach(() => {
  place = new Workplace();
  standing = [];
});
afterEach(async () => {
  await Promise.all(standing.map((running) => end(running, 'SIGKILL')));
  await eventually(() => place.processes().length === 0);
  place.remove();
});

/** A block as a shell runs it. */
async function run(block: string): Promise<string> {
  const line = block.replaceAll('npx gristmill', `"${process.execPath}" "${program}"`);
  const { code, stdout, stderr } = await place.start(['-euc', line], ['bash']).ended;
  expect(code, line + stderr).toBe(0);
  return stdout;
}

/** The commands of a block, each as its arguments. */
function commandsIn(block: string): string[][] {
  const lines = block.replaceAll('\\\n', ' ').split('\n').filter(Boolean);
  return lines.map((line) => line.replace('npx gristmill ', '').trim().split(/\s+/));
}

describe('the guide to security', () => {
  test('has five blocks, for tokens, three kinds of certificates and a cluster', () => {
    expect(blocks).toHaveLength(5);
    for (const block of [authority, coordinator, worker]) expect(block).toMatch(/^openssl /);
  });

  test.skipIf(!hasOpenssl)('makes a cluster over TLS, with a worker that is known by its certificate', async () => {
    await run(tokens);
    expect(
      readFileSync(place.path('access'), 'utf8')
        .split('\n')
        .map((line) => line.split(' ')[1]),
    ).toEqual(['ci', 'workers', 'prometheus', undefined]);
    for (const block of [authority, coordinator, worker]) await run(block);
    for (const key of ['ca.key', 'coordinator.key', 'worker-1.key', 'ci.token']) {
      expect(statSync(place.path(key)).mode & 0o077).toBe(0);
    }
    const [first = [], second = [], third = []] = commandsIn(cluster);
    const listening = place.start(
      first.map((word) => ({ '/srv/gristmill': 'store', '0.0.0.0:7070': '127.0.0.1:0' })[word] ?? word),
    );
    standing.push(listening);
    const address = /ready on (\S+)/.exec(await ready(listening))?.[1] ?? '';
    const there = (words: readonly string[]) =>
      words.map((word) => word.replace('gristmill.example.com:7070', address));
    const working = place.start(there(second));
    standing.push(working);
    expect(await ready(working)).toContain('worker worker-1 is ready');
    const jobs = await place.start(there(third)).ended;
    expect(jobs.code, jobs.stderr).toBe(0);
    for (const running of standing.reverse()) expect((await end(running, 'SIGTERM')).code).toBe(0);
  });
});
