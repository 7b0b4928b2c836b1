import { describe, expect, test } from 'vitest';
import { exitCodeOf, exitCodeOfError } from '../../../client/command/exit-code.js';
import { parseCommandLine } from '../../../client/command/program.js';
import { failureOf, GristmillError, type ErrorCode } from '../../../shared/errors.js';
import { someJob } from './events.js';

function optionsOf(line: string) {
  const request = parseCommandLine(line.split(' '));
  if (request.kind !== 'run') throw new Error(`not a run: ${line}`);
  return request.options;
}

function refusal(line: string): GristmillError {
  try {
    parseCommandLine(line === '' ? [] : line.split(' '));
  } catch (thrown) {
    if (thrown instanceof GristmillError) return thrown;
    throw thrown;
  }
  throw new Error(`not refused: ${line}`);
}

describe('the command line of run', () => {
  test('takes every option', () => {
    expect(
      optionsOf(
        'run job.ts --input a b --input c --output o --overwrite --param n=3 s=text --param l=[1] --workers 3 ' +
          '--store /tmp/x --limit 9 --dry-run --weight 5 --json --verbose',
      ),
    ).toEqual({
      jobFile: 'job.ts',
      inputs: ['a', 'b', 'c'],
      output: 'o',
      overwrite: true,
      params: { n: 3, s: 'text', l: [1] },
      workers: 3,
      storeUri: '/tmp/x',
      limitRecords: 9,
      dryRun: true,
      weight: 5,
      screen: 'json',
      verbose: true,
    });
  });

  test('a parameter is JSON if it parses, else a string, and may hold equals signs', () => {
    expect(optionsOf('run j.ts --param a=true b=1e3 c="x" d=x=y e= f={"g":null}').params).toEqual({
      a: true,
      b: 1000,
      c: 'x',
      d: 'x=y',
      e: '',
      f: { g: null },
    });
  });

  test('a parameter named __proto__ is a parameter', () => {
    expect(Object.entries(optionsOf('run j.ts --param __proto__=1').params)).toEqual([['__proto__', 1]]);
  });

  test.each([
    ['', 'a command is missing'],
    ['rnu', "unknown command 'rnu'"],
    ['run', "missing required argument 'job.ts'"],
    ['run a.ts b.ts', 'too many arguments'],
    ['run a.ts --colour', "unknown option '--colour'"],
    ['run a.ts --overwite', 'Did you mean --overwrite?'],
    ['run a.ts --workers 0', 'whole number from 1 to'],
    ['run a.ts --workers 1.5', 'whole number from 1 to'],
    ['run a.ts --workers 257', 'whole number from 1 to 256'],
    ['run a.ts --limit x', 'whole number from 1'],
    ['run a.ts --output', 'argument missing'],
    ['run a.ts --param x', 'not of the form name=value'],
    ['run a.ts --param =x', 'not of the form name=value'],
    ['run a.ts --param x=1 x=2', 'given twice'],
    ['run a.ts --json --quiet', 'exclude each other'],
  ])('refuses "%s" with what is wrong and exit code 2', (line, message) => {
    const error = refusal(line);
    expect(error.code).toBe('command-line');
    expect(error.message).toContain(message);
    expect(exitCodeOfError(error)).toBe(2);
  });

  test.each(['errors', 'verify', 'retry', 'replay'])(
    '%s says that it is not built yet, with whatever it is called',
    (name) => {
      for (const line of [name, `${name} --help`, `${name} x --store y`]) {
        const error = refusal(line);
        expect(error.code).toBe('not-built-yet');
        expect(error.message).toBe(`'gristmill ${name}' is not built yet`);
        expect(exitCodeOfError(error)).toBe(2);
      }
    },
  );

  test('--coordinator and its companions are handed on as they were written', () => {
    const request = parseCommandLine('run a.ts --coordinator h:7070 --token-file t --insecure'.split(' '));
    expect(request).toMatchObject({
      kind: 'run',
      flags: { coordinator: 'h:7070', tokenFile: 't', insecure: true },
    });
  });

  test('help shows what works and nothing else', () => {
    const text = helpOf('--help');
    for (const name of [
      'run',
      'submit',
      'jobs',
      'watch',
      'logs',
      'cancel',
      'results',
      'upload',
      'bundle',
      'coordinator',
      'worker',
    ])
      expect(text).toContain(`  ${name} `);
    expect(text).not.toMatch(/verify|retry|replay/);
    expect(helpOf('run', '--help')).toMatch(/--dry-run[^]*--coordinator <host:port>/);
  });

  test('a standing process hands its flags over as text', () => {
    const line = 'coordinator --store s --data-root a --data-root b --insecure --lease-ms 900';
    expect(parseCommandLine(line.split(' '))).toEqual({
      kind: 'coordinator',
      flags: { store: 's', dataRoot: ['a', 'b'], insecure: true, leaseMs: '900' },
    });
    expect(parseCommandLine(['worker'])).toEqual({ kind: 'worker', flags: {} });
    const error = refusal('worker --slot 3');
    expect(error.message).toMatch(/unknown option '--slot'\n.*--slots.*\nhint: 'gristmill worker --help'/);
    expect(exitCodeOfError(error)).toBe(2);
  });

  test('--version is the version of the package', () => {
    const version = parseCommandLine(['--version']);
    expect(version.kind === 'text' ? version.text : '').toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

function helpOf(...args: string[]): string {
  const help = parseCommandLine(args);
  if (help.kind !== 'text') throw new Error('not a help');
  return help.text;
}

describe('the command lines about jobs of a coordinator', () => {
  const flags = { coordinator: 'h:1' };
  test.each([
    [
      'submit j.ts --input a b --param n=3 --weight 4 --json',
      { kind: 'submit', json: true, options: { jobFile: 'j.ts', inputs: ['a', 'b'], params: { n: 3 }, weight: 4 } },
    ],
    ['jobs', { kind: 'jobs', job: undefined, limit: 100, json: false }],
    ['jobs abc --limit 5', { kind: 'jobs', job: 'abc', limit: 5 }],
    ['watch abc --from 17 --quiet', { kind: 'watch', job: 'abc', cursor: 17, screen: 'quiet' }],
    ['logs abc map-00001', { kind: 'logs', job: 'abc', task: 'map-00001', json: false }],
    ['cancel abc --reason none', { kind: 'cancel', job: 'abc', reason: 'none', json: false }],
  ])('"%s" is read', (line, request) => {
    expect(parseCommandLine([...line.split(' '), '--coordinator', 'h:1'])).toMatchObject({ ...request, flags });
  });

  test.each([
    ['submit', "missing required argument 'job.ts'\nhint: the job file comes first: 'gristmill submit job.ts'"],
    ['watch', "missing required argument 'job'\nhint: 'gristmill watch --help' lists what there is"],
    ['watch a --from -1', 'whole number from 0'],
    ['watch a --json --quiet', 'exclude each other'],
    ['jobs a b', 'too many arguments'],
    ['jobs --limit 1001', 'whole number from 1 to 1000'],
    ['cancel a --reson x', 'Did you mean --reason?'],
    ['submit j.ts --workers 2', "unknown option '--workers'"],
  ])('"%s" is refused with what is wrong', (line, message) => {
    const error = refusal(line);
    expect(error.code).toBe('command-line');
    expect(error.message).toContain(message);
  });
});

test('the command line of a bundle names a file to write, by itself that of the job', () => {
  const bundle = { kind: 'bundle', jobFile: 'jobs/a.job.ts', json: false };
  expect(parseCommandLine('bundle jobs/a.job.ts'.split(' '))).toEqual({ ...bundle, to: 'a.job.mjs' });
  expect(parseCommandLine('bundle jobs/a.job.ts -o b/c.mjs --json'.split(' '))).toEqual({
    ...bundle,
    to: 'b/c.mjs',
    json: true,
  });
  expect(refusal('bundle').message).toContain("the job file comes first: 'gristmill bundle job.ts'");
});

describe('the command lines that move data', () => {
  test('take paths and a target, or a job and a folder', () => {
    expect(
      parseCommandLine('upload a b s3://bucket/x --overwrite --s3-endpoint http://h:9000'.split(' ')),
    ).toMatchObject({
      kind: 'upload',
      paths: ['a', 'b'],
      target: 's3://bucket/x',
      overwrite: true,
      screen: 'full',
      flags: { s3Endpoint: 'http://h:9000' },
    });
    expect(parseCommandLine('results j --to d --json --coordinator h:1'.split(' '))).toMatchObject({
      kind: 'results',
      job: 'j',
      to: 'd',
      screen: 'json',
      flags: { coordinator: 'h:1' },
    });
  });

  test.each([
    ['upload', "missing required argument 'path'"],
    ['upload a', 'there is nothing to upload, or no target'],
    ['upload a b --coordinator h:1', "unknown option '--coordinator'"],
    ['results', "missing required argument 'job'"],
    ['results a b', 'too many arguments'],
    ['results a --quiet', 'are for --to'],
  ])('"%s" is refused with what is wrong', (line, message) => {
    const error = refusal(line);
    expect(error.code).toBe('command-line');
    expect(error.message).toContain(message);
  });
});

describe('exit codes', () => {
  const failed = (code: ErrorCode) => someJob({ state: 'failed', failure: failureOf(new GristmillError(code, 'x')) });

  test('follow the outcome', () => {
    expect(exitCodeOf(someJob(), undefined)).toBe(0);
    expect(exitCodeOf(someJob({ state: 'partial_success' }), undefined)).toBe(3);
    expect(exitCodeOf(failed('map-failed'), undefined)).toBe(1);
    expect(exitCodeOf(failed('definition-invalid'), undefined)).toBe(2);
    expect(exitCodeOf(someJob({ state: 'expired' }), undefined)).toBe(1);
    expect(exitCodeOf(someJob({ state: 'cancelled' }), undefined)).toBe(1);
  });

  test('a cancelled job exits as its signal; one that completed all the same is a success', () => {
    expect(exitCodeOf(someJob({ state: 'cancelled' }), 'SIGINT')).toBe(130);
    expect(exitCodeOf(someJob({ state: 'cancelled' }), 'SIGTERM')).toBe(143);
    expect(exitCodeOf(someJob(), 'SIGINT')).toBe(0);
  });
});
