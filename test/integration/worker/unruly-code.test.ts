/** User code that does what it should not, through the built command: told with its reason, and never a hang. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readFileSync } from 'node:fs';
import { eventually, events, Workplace } from '../../harness/command.js';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const job = (parts: { readonly top?: string; readonly map?: string; readonly options?: string }) =>
  `import { agg, defineJob, read, write, type Emit } from 'gristmill';
  import { spawn } from 'node:child_process';
  ${parts.top ?? ''}
  export default defineJob({
    name: 'unruly',
    input: read.items([1, 2, 3]),
    map(n: number, emit: Emit<number, number>) {
      emit(n, n);
      ${parts.map ?? ''}
    },
    reduce: agg.sum(),
    ${parts.options ?? ''}
    output: write.jsonl('out'),
  });
  export { spawn };
  `;

const run = () => place.run('run', 'job.ts', '--workers', '1', '--json');
const failureOf = (stdout: string) =>
  (events(stdout).at(-1)?.['outcome'] as { failure: Record<string, unknown> }).failure;

describe('user code that takes away what the engine speaks through', () => {
  test('its output replaced and ended, with much printed before: the job completes', async () => {
    place.write(
      'job.ts',
      job({
        map: `for (let i = 0; i < 20_000; i++) console.log('a line that is printed', i, 'x'.repeat(80));
          process.stdout.write = () => true;
          process.stderr.end();`,
      }),
    );
    const ended = await run();
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    const logs = place.files('.gristmill').filter((name) => /logs\/map/.test(name));
    expect(logs).toHaveLength(1);
    const log = readFileSync(place.path(`.gristmill/${logs[0]}`), 'utf8');
    expect(log).toMatch(/^a line that is printed 0 x+\n/);
    expect(log).toMatch(/\[the rest of the log was cut\]\n$/);
  });

  test('a process of its own that holds the pipes: the command ends while that process runs', async () => {
    place.write('hold', '');
    const script = `while [ -e '${place.path('hold')}' ]; do sleep 0.05; done`;
    const options = `{ stdio: 'inherit', detached: true }`;
    place.write('job.ts', job({ map: `spawn('sh', ['-c', ${JSON.stringify(script)}], ${options}).unref();` }));
    const ended = await run();
    expect([ended.code, ended.stderr]).toEqual([0, '']);
    expect(place.parts('out')).toEqual({
      'part-00000.jsonl': [1, 2, 3].map((n) => `{"key":${n},"value":${n}}\n`).join(''),
    });
  });
});

describe('user code that ends or breaks its process', () => {
  test('a job file that kills the process at import fails after its attempts, saying how', async () => {
    place.write(
      'job.ts',
      job({ top: `console.error('these are the last words');\nprocess.kill(process.pid, 'SIGKILL');` }),
    );
    const ended = await run();
    expect(ended.code).toBe(1);
    const failure = failureOf(ended.stdout);
    expect(failure).toMatchObject({ code: 'executor-died' });
    expect(failure['message']).toMatch(
      /while it ran the task \(signal SIGKILL\), saying "these are the last words".*inspect\.1-4/,
    );
    await eventually(() => place.executors().length === 0);
    expect(place.files('out')).toEqual([]);
  });

  const cases = {
    'a rejection with nothing': [
      { map: 'if (n === 3) void Promise.reject();' },
      'unhandled-rejection',
      /undefined was thrown/,
    ],
    'a callback that throws': [
      { map: `if (n === 3) setImmediate(() => { throw new Error('late'); });` },
      'unhandled-rejection',
      /late/,
    ],
    'a partition that throws what cannot be shown': [
      { options: 'partitions: 2, partition() { throw Object.create(null); },' },
      'partition-failed',
      /cannot be shown/,
    ],
    'process.exit in map': [{ map: 'process.exit(3);' }, 'exit-called', /process\.exit\(3\)/],
    'process.exit at import': [{ top: 'process.exit();' }, 'exit-called', /process\.exit\(\)/],
    'a setup that throws a string': [{ options: `setup() { throw 'no reason'; },` }, 'setup-failed', /no reason/],
    'a setup that rejects': [{ options: `async setup() { throw new Error('late'); },` }, 'setup-failed', /late/],
  } as const satisfies Record<string, readonly [Parameters<typeof job>[0], string, RegExp]>;

  test.each(Object.entries(cases))('%s fails the job once, with its reason', async (_name, [parts, code, reason]) => {
    place.write('job.ts', job(parts));
    const ended = await run();
    const failure = failureOf(ended.stdout);
    expect([failure['code'], failure['message']]).toEqual([code, expect.stringMatching(reason)]);
    expect(ended.code).toBe(1);
    expect(place.files('out')).toEqual([]);
    expect(place.files('.gristmill').filter((name) => name.includes('_staging'))).toEqual([]);
  });
});
