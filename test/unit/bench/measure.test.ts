/** A measurement sees what a command and its descendants hold, and says why a command failed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { measure } from '../../../bench/measure.js';
import { canSeeMemory, ResidentWatch } from '../../../bench/resident.js';

const MiB = 1024 * 1024;
const node = (script: string) => ({ program: process.execPath, args: ['-e', script], cwd: tmpdir() });

/** Has an executor's title, has held 200 MiB, and holds them no more when it says so. */
const executor = `
  process.title = 'gristmill-executor';
  let held = Buffer.alloc(200 * 1024 * 1024, 1);
  held = undefined;
  gc();
  process.send('held');
  process.on('disconnect', () => process.exit());
`;
/** Starts the executor, passes on what it says, and ends it when its own input ends. */
const command = `
  const child = require('node:child_process').spawn(process.execPath, ['--expose-gc', '-e', ${JSON.stringify(executor)}], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.on('message', (text) => process.stdout.write(text));
  process.stdin.on('end', () => child.disconnect()).resume();
`;

describe.skipIf(!canSeeMemory)('the memory of processes', () => {
  test('is the peak of each by its role, whatever it has freed since', async () => {
    const child = spawn(process.execPath, ['-e', command], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'close');
    const watch = new ResidentWatch(child.pid ?? 0);
    try {
      await once(child.stdout, 'data');
      watch.look();
    } finally {
      child.stdin.end();
    }
    await ended;
    watch.look();
    const peaks = (role: string) =>
      watch.processes.filter((one) => one.role === role).map(({ peakBytes }) => peakBytes);
    const [held = 0, ...others] = peaks('executor');
    expect(others).toEqual([]);
    expect(held).toBeGreaterThan(200 * MiB);
    expect(held).toBeLessThan(300 * MiB);
    const [own = 0] = peaks('command');
    expect(own).toBeGreaterThan(20 * MiB);
    expect(own).toBeLessThan(100 * MiB);
    expect(watch.processes).toHaveLength(2);
    expect(watch.peakSumBytes).toBeGreaterThan(own);
  });

  test('is looked at only when asked for, the processor time always', async () => {
    const { cpuMs, processes, peakRssBytes } = await measure(node('for (let n = 0; n < 3e8; n++);'));
    expect(cpuMs).toBeGreaterThan(0);
    expect(processes).toEqual([]);
    expect(peakRssBytes).toBeUndefined();
  });
});

test('a command that fails fails its measurement with what it printed', async () => {
  await expect(measure(node("console.log('the reason'); process.exitCode = 3;"))).rejects.toThrow(/exit 3\nthe reason/);
});
