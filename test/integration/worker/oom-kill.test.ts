/** An executor that is killed, seen by its agent: the kernel's count says whether that was for its memory. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../shared/clock.js';
import { parseAttemptId, parseJobId } from '../../../shared/ids.js';
import type { Assignment } from '../../../shared/protocol.js';
import type { ExecutorProcess as ExecutorProcessClass } from '../../../worker/executor-process.js';
import { unobserved } from '../../../worker/observer.js';
import { OomKills } from '../../../worker/oom-kills.js';
import { repository } from '../../harness/command.js';

interface Built {
  readonly ExecutorProcess: typeof ExecutorProcessClass;
}
/** As it is built: beside it lies the program that it starts. */
const { ExecutorProcess } = (await import(
  pathToFileURL(join(repository, 'dist/worker/executor-process.js')).href
)) as Built;

let folder: string;
let kernelCount: number;
let oomKills: OomKills;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-kill-'));
  kernelCount = 3;
  oomKills = new OomKills(() => kernelCount);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const assignment: Assignment = {
  ...{ job: parseJobId('job000000001'), attempt: parseAttemptId('map-00000.1-1'), kind: 'map', index: 0 },
  ...{ generation: 0, revision: 0, codeVersion: '0'.repeat(64), inspect: undefined, together: undefined },
};

/** Gives an executor an attempt, and what happens to it; resolves with how that ended. */
async function run(name: string, strike: (pid: number, executor: ExecutorProcessClass) => void) {
  const scratchDir = join(folder, name);
  const executor = new ExecutorProcess({
    ...{ scratchDir, environment: {}, heapMegabytes: 64, clock: systemClock, observer: unobserved, oomKills },
    onSettled: () => undefined,
  });
  const pid = pidOf(scratchDir);
  const place = { job: assignment.job, storeUri: `file://${folder}/store`, access: {}, jobDir: join(folder, 'job') };
  const finished = executor.run(place, assignment, () => undefined);
  strike(pid, executor);
  const { report } = await finished;
  await executor.closed;
  return report.result.kind === 'failure' ? report.result.failure : undefined;
}

/** Its command line has the scratch directory until it gives itself a title. */
function pidOf(scratchDir: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(scratchDir);
    } catch {
      return false; // it has ended meanwhile
    }
  });
  if (found === undefined) throw new Error('the executor is not to be found');
  return Number(found);
}

function killByKernel(pid: number): void {
  kernelCount++;
  process.kill(pid, 'SIGKILL');
}

describe('an executor that is killed', () => {
  test('while the kernel counts one more ran out of memory', async () => {
    expect(await run('a', killByKernel)).toMatchObject({
      code: 'out-of-memory',
      message: expect.stringMatching(
        /it was killed for its memory \(signal SIGKILL; it had 64 MiB of heap, 1 slot\)/,
      ) as string,
    });
  });

  test('while it counts none has died', async () => {
    expect(await run('a', (pid) => process.kill(pid, 'SIGKILL'))).toMatchObject({ code: 'executor-died' });
  });

  test('beside another one that the kernel took has died of something else', async () => {
    const [first, second] = await Promise.all([
      run('a', killByKernel),
      run('b', (pid) => process.kill(pid, 'SIGTERM')),
    ]);
    expect([first?.code, second?.code]).toEqual(['out-of-memory', 'executor-died']);
  });

  test('by its agent claims no kill of the kernel’s, whatever it counts', async () => {
    const ended = await run('a', (_pid, executor) => {
      kernelCount++;
      executor.kill();
    });
    expect(ended).toMatchObject({ code: 'executor-died' });
  });
});
