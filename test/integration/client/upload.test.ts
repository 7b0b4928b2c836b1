/** `gristmill upload`: what it says is there is there, byte by byte, and nothing that was there is lost unasked. */
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hex64, xxh64 } from '../../../shared/codec/checksum.js';
import { events, Workplace } from '../../harness/command.js';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const large = randomBytes(3_000_000);

function put(name: string, content: string | Buffer): void {
  mkdirSync(dirname(place.path(name)), { recursive: true });
  place.write(name, content as string);
}

function stored(name: string): Buffer {
  return readFileSync(place.path(name));
}

describe('upload', () => {
  test('copies files and folders with their names, and says what it has verified', async () => {
    put('logs/2026/a.txt', 'one\n');
    put('logs/large.bin', large);
    put('words.txt', 'two\n');
    const { code, stdout, stderr } = await place.run('upload', 'logs', 'words.txt', 'target/in', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const files = place.files('target').filter((name) => statSync(place.path(`target/${name}`)).isFile());
    expect(files).toEqual(['in/logs/2026/a.txt', 'in/logs/large.bin', 'in/words.txt']);
    expect(stored('target/in/logs/large.bin').equals(large)).toBe(true);
    const said = events(stdout);
    expect(said).toContainEqual({
      type: 'file',
      path: place.path('logs/large.bin'),
      target: 'target/in/logs/large.bin',
      bytes: large.length,
      xxh64: hex64(xxh64(large)),
      wasThere: false,
    });
    const sums = { files: 3, bytes: large.length + 8, wereThere: 0, leftOut: 0, target: 'target/in/' };
    expect(said.at(-1)).toEqual({ type: 'uploaded', ...sums });
  });

  test('takes what is in a folder without its name, and leaves out what no input matches', async () => {
    put('logs/a.txt', 'one\n');
    put('logs/.hidden', 'x');
    put('logs/_temporary/b.txt', 'x');
    const { code, stdout } = await place.run('upload', 'logs/.', 'target');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^1 file, 4 B, in target\/: sent, read back and compared in .*; 2 files left out/);
    expect(place.files('target')).toEqual(['a.txt']);
  });

  test('sends nothing again that is there with the same bytes, so that it goes on where it stopped', async () => {
    put('logs/a.txt', 'one\n');
    put('logs/b.txt', 'two\n');
    put('target/logs/a.txt', 'one\n');
    const before = statSync(place.path('target/logs/a.txt')).ino;
    const { code, stdout } = await place.run('upload', 'logs', 'target', '--quiet');
    expect(code).toBe(0);
    expect(stdout).toContain('2 files, 8 B, in target/, of which 1 was there already');
    expect(statSync(place.path('target/logs/a.txt')).ino).toBe(before);
    expect(stored('target/logs/b.txt').toString()).toBe('two\n');
  });

  test.each(['eno\n', 'longer\n'])('refuses to replace other bytes (%j) unless it is told to', async (other) => {
    put('a.txt', 'one\n');
    put('target/a.txt', other);
    const refused = await place.run('upload', 'a.txt', 'target');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('error: there is another object at target/a.txt\nhint: --overwrite replaces it');
    expect(stored('target/a.txt').toString()).toBe(other);
    expect((await place.run('upload', 'a.txt', 'target', '--overwrite')).code).toBe(0);
    expect(stored('target/a.txt').toString()).toBe('one\n');
    expect(place.files('target')).toEqual(['a.txt']);
  });
});

describe('what cannot be uploaded', () => {
  test.each([
    [['nowhere.txt', 'target'], 1, /^error: cannot upload nowhere\.txt: ENOENT/],
    [['empty', 'target'], 1, /^error: there are no files to upload in empty/],
    [['a.txt'], 2, /^error: there is nothing to upload, or no target\nhint: files first/],
    [[], 2, /^error: missing required argument 'path'/],
    [['a.txt', 'other/a.txt', 'target'], 2, /^error: both .*a\.txt and .*other\/a\.txt would be uploaded as a\.txt$/m],
    [['_a.txt', 'target'], 2, /^error: cannot upload _a\.txt: names that begin with \. or _ are matched by no input/],
    [['/dev/null', 'target'], 2, /^error: cannot upload \/dev\/null: it is neither a file nor a folder/],
    [['a.txt', 'ftp://host/x'], 2, /^error: cannot use the URI "ftp:\/\/host\/x"/],
    [['a.txt', 'target', '--json', '--quiet'], 2, /^error: --json and --quiet exclude each other/],
    [['a.txt', 'a.txt/below'], 1, /^error: .*a\.txt/],
  ] as const)('%j: exit code %i, and the reason', async (args, code, reason) => {
    put('a.txt', 'one\n');
    put('other/a.txt', 'two\n');
    put('_a.txt', 'x');
    mkdirSync(place.path('empty'));
    const ended = await place.run('upload', ...args);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toMatch(reason);
    expect(place.files('target')).toEqual([]);
  });
});
