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

  test.each([
    'submit',
    'jobs',
    'watch',
    'logs',
    'errors',
    'results',
    'cancel',
    'verify',
    'retry',
    'replay',
    'coordinator',
    'worker',
  ])('%s says that it is not built yet, with whatever it is called', (name) => {
    for (const line of [name, `${name} --help`, `${name} x --store y`]) {
      const error = refusal(line);
      expect(error.code).toBe('not-built-yet');
      expect(error.message).toBe(`'gristmill ${name}' is not built yet`);
      expect(exitCodeOfError(error)).toBe(2);
    }
  });

  test('--coordinator says that it is not built yet', () => {
    expect(refusal('run a.ts --coordinator localhost:7070').code).toBe('not-built-yet');
  });

  test('help shows what works and nothing else', () => {
    const help = parseCommandLine(['--help']);
    expect(help).toMatchObject({ kind: 'text' });
    const text = help.kind === 'text' ? help.text : '';
    expect(text).toContain('run');
    expect(text).not.toMatch(/submit|watch|coordinator|worker/);
    const run = parseCommandLine(['run', '--help']);
    expect(run.kind === 'text' ? run.text : '').toMatch(/--dry-run/);
    expect(run.kind === 'text' ? run.text : '').not.toMatch(/--coordinator/);
  });

  test('--version is the version of the package', () => {
    const version = parseCommandLine(['--version']);
    expect(version.kind === 'text' ? version.text : '').toMatch(/^\d+\.\d+\.\d+\n$/);
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
