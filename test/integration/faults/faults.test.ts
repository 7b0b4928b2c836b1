/** Executors and commands that die: the output is right all the same, nothing is left over, and the next run works. */
import { appendFileSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually, events, repository, Workplace, type Ended } from '../../harness/command.js';

let place: Workplace;
const lines = Array.from({ length: 500 }, (_, i) => `word${i % 37} word${i % 11} the end`);

/** Counted here, by the plainest program there is. */
function expected(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of lines.flatMap((line) => line.split(' '))) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function found(name = 'out'): Map<string, number> {
  const rows = Object.values(place.parts(name)).flatMap((text) => text.split('\n').filter((line) => line !== ''));
  return new Map(rows.map((row) => Object.values(JSON.parse(row) as object) as [string, number]));
}

function expectRight(ended: Ended): void {
  expect(ended.stderr + ended.stdout, 'exit code').toSatisfy(() => ended.code === 0);
  expect(found()).toEqual(expected());
}

function outcome(ended: Ended): Record<string, unknown> {
  const last = events(ended.stdout).find((event) => event['type'] === 'outcome');
  return last?.['outcome'] as Record<string, unknown>;
}

function expectNothingLeft(): void {
  expect(place.processes()).toEqual([]);
  expect(place.executors()).toEqual([]);
  expect(place.files('tmp')).toEqual([]);
  expect(place.files('.gristmill').filter((file) => /scratch|shuffle|_staging/.test(file))).toEqual([]);
}

beforeEach(() => {
  place = new Workplace();
  mkdirSync(place.path('input'));
  place.write('input/a.txt', `${lines.slice(0, 300).join('\n')}\n`);
  place.write('input/b.txt', `${lines.slice(300).join('\n')}\n`);
  copyFileSync(join(repository, 'test/fixtures/faults/count.ts'), place.path('count.ts'));
});
afterEach(() => place.remove());

const RUN = ['run', 'count.ts', '--json', '--workers', '2', '--overwrite'];

describe('an executor that is killed', () => {
  test.each(['map', 'shuffle', 'shuffle-seal', 'reduce', 'seal'])(
    'at gate %s costs one attempt and nothing else',
    async (gate) => {
      place.hold(gate);
      const running = place.start(RUN);
      const pid = await place.reached(gate);
      process.kill(pid, 'SIGKILL');
      place.release(gate);
      const ended = await running.ended;
      expectRight(ended);
      expect(Number(outcome(ended)['failedAttempts'])).toBeGreaterThanOrEqual(1);
      expect(events(ended.stdout).some((event) => JSON.stringify(event).includes('executor-died'))).toBe(true);
      expectNothingLeft();
      expectRight(await place.run(...RUN));
    },
  );

  test('in the middle of a scratch run costs one attempt, and nothing of the run is left', async () => {
    // More map tasks than a merge opens at a time, so that it makes passes.
    const job = readFileSync(place.path('count.ts'), 'utf8');
    place.write('count.ts', job.replace('splitBytes: 2000', 'splitBytes: 64'));
    place.hold('scratch');
    const running = place.start(RUN);
    const pid = await place.reached('scratch');
    const runs = () => place.files('.gristmill').filter((file) => /run-\d+$/.test(file));
    expect(runs()).not.toEqual([]);
    process.kill(pid, 'SIGKILL');
    place.release('scratch');
    const ended = await running.ended;
    expectRight(ended);
    expect(Number(outcome(ended)['failedAttempts'])).toBeGreaterThanOrEqual(1);
    expect(runs()).toEqual([]);
    expectNothingLeft();
  });

  test('while the coordinator publishes changes nothing', async () => {
    place.hold('publish');
    const running = place.start(RUN);
    await place.reached('publish');
    const executors = place.executors();
    expect(executors.length).toBeGreaterThan(0);
    for (const pid of executors) process.kill(pid, 'SIGKILL');
    await eventually(() => executors.every((pid) => !place.executors().includes(pid)));
    place.release('publish');
    expectRight(await running.ended);
    expectNothingLeft();
  });
});

describe('a command that is ended', () => {
  test.each(['map', 'reduce', 'publish'])(
    'by SIGKILL at gate %s leaves no process behind, and the next run works',
    async (gate) => {
      place.hold(gate);
      const running = place.start(RUN);
      await place.reached(gate);
      expect(place.executors().length).toBeGreaterThan(0);
      process.kill(running.pid, 'SIGKILL');
      await running.ended;
      await eventually(() => place.executors().length === 0 && place.processes().length === 0);
      place.release(gate);
      expect(place.files('tmp')).toEqual([]);
      const again = await place.run('run', 'count.ts', '--json', '--workers', '2');
      expectRight(again);
      expectNothingLeft();
    },
  );

  test.each(['map', 'reduce'])('by SIGTERM at gate %s cancels, publishes nothing, and leaves nothing', async (gate) => {
    place.hold(gate);
    const running = place.start(RUN);
    await place.reached(gate);
    process.kill(running.pid, 'SIGTERM');
    await eventually(() => running.stderr.includes('ancel'));
    const ended = await running.ended;
    expect(ended.code).toBe(143);
    expect(place.files('out')).toEqual([]);
    expectNothingLeft();
    place.release(gate);
    expectRight(await place.run(...RUN));
  });

  test('by Ctrl-C in a terminal cancels and waits, saying so', async () => {
    place.hold('map');
    const command = `'${process.execPath}' '${join(repository, 'dist/client/main.js')}' run count.ts --workers 2`;
    const terminal = place.start(['-qefc', command, '/dev/null'], ['script']);
    await place.reached('map');
    terminal.child.stdin?.write('\u0003');
    const ended = await terminal.ended;
    expect(ended.stdout).toMatch(/cancel/i);
    expect(ended.code).toBe(130);
    expect(place.files('out')).toEqual([]);
    await eventually(() => place.executors().length === 0);
    expectNothingLeft();
    place.release('map');
    expectRight(await place.run(...RUN));
  });

  test('by a second Ctrl-C ends at once', async () => {
    place.hold('publish');
    const command = `'${process.execPath}' '${join(repository, 'dist/client/main.js')}' run count.ts --workers 2`;
    const terminal = place.start(['-qefc', command, '/dev/null'], ['script']);
    await place.reached('publish');
    terminal.child.stdin?.write('\u0003');
    await eventually(() => /cancel|commit/i.test(terminal.stdout));
    terminal.child.stdin?.write('\u0003');
    expect((await terminal.ended).code).toBe(130);
    await eventually(() => place.executors().length === 0);
    place.release('publish');
    expectRight(await place.run(...RUN));
  });
});

describe('an input', () => {
  test('that changes while the job runs fails it by name, and nothing is published', async () => {
    place.hold('map');
    const running = place.start(['run', 'count.ts', '--json', '--workers', '1']);
    await place.reached('map');
    appendFileSync(place.path('input/b.txt'), 'one line more\n');
    place.release('map');
    const ended = await running.ended;
    expect(ended.code).toBe(1);
    expect(outcome(ended)).toMatchObject({ state: 'failed', failure: { code: 'input-changed', class: 'input' } });
    expect(ended.stderr).toContain('input/b.txt');
    expect(place.files('out')).toEqual([]);
  });
});
