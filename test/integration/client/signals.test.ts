/** However a run is stopped: its executors end with it, nothing half-done is left, and the same job runs again. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Workplace, type RunningCommand } from './command.js';

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
  place.write('in/a.txt', 'one\ntwo\n');
  place.write('hold', '');
});

afterEach(() => {
  place.remove();
});

const args = () => ['run', 'waits.ts', '--workers', '2', '--param', `folder=${place.path}`];

/** A run whose map blocks its thread. */
async function blocked(start = () => place.start(args())): Promise<RunningCommand> {
  const running = start();
  await place.appears('reached');
  expect(place.processes().length).toBeGreaterThan(0);
  return running;
}

/** No process, no claim and no scratch file; and the next run does what this one did not. */
async function expectNothingLeft(): Promise<void> {
  await place.deserted();
  rmSync(join(place.path, 'hold'));
  const next = await place.start(args()).ended;
  expect(next.code).toBe(0);
  expect(readdirSync(join(place.path, 'out'))).toContain('_SUCCESS');
  for (const run of readdirSync(join(place.path, '.gristmill')).filter((name) => /^\d/.test(name))) {
    expect(readdirSync(join(place.path, '.gristmill', run))).not.toContain('scratch');
  }
}

describe('a run that is stopped', () => {
  test('by Ctrl-C cancels its job, says so, waits and exits with 130', async () => {
    const running = await blocked();
    running.process.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect(stderr).toMatch(/Ctrl-C: cancelling job \w+ and waiting/);
    expect(stdout).toContain('cancelled  waits');
    expect(code).toBe(130);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
    await expectNothingLeft();
  });

  test('by SIGTERM does the same and exits with 143', async () => {
    const running = await blocked();
    running.process.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    expect(stderr).toMatch(/SIGTERM: cancelling/);
    expect(code).toBe(143);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
    await expectNothingLeft();
  });

  test('by a second Ctrl-C exits at once with 130, and its executors die', async () => {
    const running = await blocked();
    running.process.kill('SIGINT');
    running.process.kill('SIGINT');
    // Both may arrive as one: then the first is all there was, and the job is cancelled.
    running.process.stderr?.once('data', () => running.process.kill('SIGINT'));
    expect((await running.ended).code).toBe(130);
    await expectNothingLeft();
  });

  test('by SIGKILL leaves no executor, and its claim is taken over', async () => {
    const running = await blocked();
    running.process.kill('SIGKILL');
    await running.ended;
    await expectNothingLeft();
  });

  test('by Ctrl-C on a terminal reaches the command alone', async () => {
    const running = await blocked(() => place.startOnTerminal(args()));
    running.process.stdin?.write('\u0003');
    const { code, stdout } = await running.ended;
    expect(stdout).toMatch(/Ctrl-C: cancelling job \w+ and waiting/);
    expect(stdout).toContain('cancelled');
    expect(stdout).not.toContain('executor died');
    expect(code).toBe(130);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
    await expectNothingLeft();
  });
});
