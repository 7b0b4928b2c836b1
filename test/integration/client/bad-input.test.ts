/** Whatever is wrong with what a person gives: what happened, where, what to do, and an exit code that says whose fault. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Workplace } from './command.js';
import { hasUnprivileged, removeCopy } from './unprivileged.js';

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
  place.write('in/a.txt', 'one two\n');
});

afterEach(() => {
  place.remove();
});

afterAll(removeCopy);

/** Nothing of the engine's own is in front of a person. */
function expectForPeople(stderr: string): void {
  expect(stderr).not.toMatch(/dist\/|node_modules|node:internal|\.js:\d+/);
}

describe('a wrong command line exits with 2', () => {
  test('an unknown flag is named', async () => {
    const { code, stderr } = await place.run(['words.ts', '--overwite']);
    expect(stderr).toContain("unknown option '--overwite'");
    expect(stderr).toContain('--overwrite');
    expectForPeople(stderr);
    expect(code).toBe(2);
  });

  test('a command that is not built says so', async () => {
    const { code, stderr } = await place.start(['replay', 'words.ts']).ended;
    expect(stderr).toBe("error: 'gristmill replay' is not built yet\n");
    expect(code).toBe(2);
  });
});

describe('a wrong definition exits with 2', () => {
  test('no such job file', async () => {
    const { code, stderr, stdout } = await place.run(['nowhere.ts']);
    expect(stderr).toContain('no such job file: nowhere.ts');
    expectForPeople(stderr);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(existsSync(join(place.path, '.gristmill'))).toBe(false);
  });

  test('a syntax error has file, line and column', async () => {
    const { code, stderr } = await place.run(['syntax-error.ts']);
    expect(stderr).toMatch(/syntax-error\.ts:6:\d+/);
    expectForPeople(stderr);
    expect(code).toBe(2);
  });

  test.each(['no-default.ts', 'wrong-default.ts'])('%s has no job as its default export', async (file) => {
    const { code, stderr } = await place.run([file]);
    expect(stderr).toMatch(/default export|export default/);
    expect(stderr).toContain(file);
    expectForPeople(stderr);
    expect(code).toBe(2);
  });

  test('an unknown option of a definition is named, with the likely one and its line', async () => {
    const { code, stderr } = await place.run(['unknown-option.ts']);
    expect(stderr).toContain("no option 'partitons'");
    expect(stderr).toContain("did you mean 'partitions'?");
    expect(stderr).toContain('unknown-option.ts:3');
    expectForPeople(stderr);
    expect(code).toBe(2);
  });

  test('a wrong parameter is named with what the schema says', async () => {
    const { code, stderr } = await place.run(['parameters.ts', '--param', 'min=none']);
    expect(stderr).toContain('min');
    expect(stderr).toContain('must be a positive number');
    expect(stderr).toContain('--param name=value');
    expectForPeople(stderr);
    expect(code).toBe(2);
  });

  test('a right parameter is taken', async () => {
    const { code, stderr } = await place.run(['parameters.ts', '--param', 'min=3']);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });
});

describe('inputs and outputs that do not do exit with 1', () => {
  test('an input that matches nothing is named', async () => {
    const { code, stderr } = await place.run(['words.ts', '--input', 'none/*.txt']);
    expect(stderr).toContain('none/*.txt');
    expect(stderr).toContain('hint:');
    expectForPeople(stderr);
    expect(code).toBe(1);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
  });

  test.skipIf(!hasUnprivileged)('an unreadable input is named', async () => {
    place.giveToUnprivileged();
    place.forbid('in/a.txt');
    const { code, stderr } = await place.run(['words.ts'], 'unprivileged');
    expect(stderr).toContain('in/a.txt');
    expect(stderr).toContain('hint: check that you may read the file');
    expectForPeople(stderr);
    expect(code).toBe(1);
  });

  test('an output that is not empty stays as it is', async () => {
    place.write('out/mine.txt', 'precious');
    for (const flags of [[], ['--overwrite']]) {
      const { code, stderr } = await place.run(['words.ts', ...flags]);
      expect(stderr).toContain('mine.txt');
      expect(stderr).toContain('--output');
      expectForPeople(stderr);
      expect(code).toBe(1);
    }
    expect(place.files('out')).toEqual(['out/mine.txt']);
  });

  test('an earlier result is replaced with --overwrite alone', async () => {
    expect((await place.run(['words.ts'])).code).toBe(0);
    const again = await place.run(['words.ts']);
    expect(again.stderr).toContain('--overwrite');
    expect(again.code).toBe(1);
    expect((await place.run(['words.ts', '--overwrite'])).code).toBe(0);
  });

  test.skipIf(!hasUnprivileged)('a store that cannot be written is named', async () => {
    place.forbid('.');
    const { code, stderr } = await place.run(['words.ts'], 'unprivileged');
    expect(stderr).toContain('.gristmill');
    expect(stderr).toContain('--store DIR');
    expectForPeople(stderr);
    expect(code).toBe(1);
  });

  test.skipIf(!hasUnprivileged)('an output that cannot be written is named', async () => {
    place.giveToUnprivileged();
    place.write('closed/x', '');
    place.forbid('closed');
    const { code, stderr } = await place.run(['words.ts', '--output', 'closed/out'], 'unprivileged');
    expect(stderr).toContain('closed/out');
    expectForPeople(stderr);
    expect(code).toBe(1);
  });
});

describe('user code that fails exits with 1', () => {
  test("a map that throws shows the user's line and the record's file and offset", async () => {
    place.write('in/a.txt', 'one\nbad two\n');
    const { code, stderr } = await place.run(['map-throws.ts']);
    expect(stderr).toContain('cannot count "bad two"');
    expect(stderr).toMatch(/map-throws\.ts:4:\d+/);
    expect(stderr).toMatch(/map-throws\.ts:12:\d+/);
    expect(stderr).toMatch(/offset 4 of file:\S*\/in\/a\.txt/);
    expectForPeople(stderr);
    expect(code).toBe(1);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
  });

  test('a key of a type that is not allowed is named with its path', async () => {
    const { code, stderr } = await place.run(['key-type.ts']);
    expect(stderr).toContain('key[1]: a key must not be a Date');
    expect(stderr).toContain('toISOString');
    expect(stderr).toMatch(/key-type\.ts:7:\d+/);
    expectForPeople(stderr);
    expect(code).toBe(1);
  });

  test('a value of a type that is not allowed is named with its path', async () => {
    const { code, stderr } = await place.run(['value-type.ts']);
    expect(stderr).toContain('post.tags[0]');
    expect(stderr).toContain('Set');
    expect(stderr).toMatch(/value-type\.ts:7:\d+/);
    expectForPeople(stderr);
    expect(code).toBe(1);
  });

  test('a promise that nobody awaits and that rejects in the last record fails the job', async () => {
    place.write('in/a.txt', 'first\nlast\n');
    const { code, stderr } = await place.run(['floating-promise.ts']);
    expect(stderr).toContain('nobody waited for this');
    expect(stderr).toMatch(/floating-promise\.ts:4:\d+/);
    expectForPeople(stderr);
    expect(code).toBe(1);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
  });
});
