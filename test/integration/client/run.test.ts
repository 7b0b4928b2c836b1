/** What `gristmill run` does and shows when all is well. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Workplace } from './command.js';

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
  place.write('in/a.txt', 'one two\none\n');
  place.write('in/b.txt', 'three one\n');
});

afterEach(() => {
  place.remove();
});

const rows = (folder: string) =>
  place
    .files(folder)
    .filter((name) => name.includes('part-'))
    .flatMap((name) => readFileSync(join(place.path, name), 'utf8').trimEnd().split('\n'))
    .sort();

describe('gristmill run', () => {
  test('runs a job, prints the summary and leaves the result', async () => {
    const { code, stdout, stderr } = await place.run(['words.ts']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^completed {2}words in /);
    expect(stdout).toContain('3 read, 3 mapped');
    expect(stdout).toMatch(/balance +ok +read = mapped \+ filtered \+ bad: 3 = 3/);
    expect(stdout).toMatch(/result +out\/\n/);
    expect(stdout).toMatch(/audit log +out\/_audit\.jsonl\n/);
    expect(stdout).not.toContain('\u001b');
    expect(code).toBe(0);
    expect(rows('out')).toEqual(['{"key":"one","value":3}', '{"key":"three","value":1}', '{"key":"two","value":1}']);
    expect(existsSync(join(place.path, 'out/_SUCCESS'))).toBe(true);
  });

  test('--json: every line of stdout is an event, and the last one is the outcome', async () => {
    const { code, stdout, stderr } = await place.run(['words.ts', '--json']);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; cursor: number; outcome?: { state: string } });
    expect(events[0]).toMatchObject({ type: 'state', to: 'validating' });
    expect(events.at(-1)).toMatchObject({ type: 'outcome', outcome: { state: 'completed' } });
    const cursors = events.map((event) => event.cursor);
    expect(cursors).toEqual([...new Set(cursors)].sort((a, b) => a - b));
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test('--quiet: the final line only', async () => {
    const { code, stdout, stderr } = await place.run(['words.ts', '--quiet']);
    expect(stdout).toMatch(/^completed: words, 3 records, 3 rows in out \(.*\)\n$/);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  test('--dry-run: prints the plan and leaves nothing', async () => {
    const { code, stdout, stderr } = await place.run(['words.ts', '--dry-run']);
    expect(stdout).toContain('2 objects');
    expect(stdout).toContain('1 map task');
    expect(stdout).toMatch(/planned: words; nothing was run, claimed or written\n$/);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(existsSync(join(place.path, 'out'))).toBe(false);
  });

  test('--input, --output, --limit and --store are taken', async () => {
    const store = join(place.path, 'elsewhere');
    const flags = ['--input', 'in/b.txt', 'in/a.txt', '--output', 'limited', '--limit', '2', '--store', store];
    const { code, stdout } = await place.run(['words.ts', ...flags]);
    expect(code).toBe(0);
    expect(stdout).toContain('2 read, 2 mapped');
    expect(stdout).toMatch(/store +elsewhere\//);
    expect(existsSync(join(place.path, '.gristmill'))).toBe(false);
    const manifest = JSON.parse(readFileSync(join(place.path, 'limited/_manifest.json'), 'utf8')) as object;
    expect(JSON.stringify(manifest)).toContain('"complete":false');
  });

  test('--verbose: logs are JSON lines on stderr, and stdout is as without', async () => {
    const { code, stdout, stderr } = await place.run(['words.ts', '--verbose', '--quiet']);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(2);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.map((line) => typeof (JSON.parse(line) as { msg: string }).msg)).toContain('string');
  });

  test('on a terminal: bars, colours and the first rows', async () => {
    const { code, stdout } = await place.startOnTerminal(['run', '--workers', '1', 'words.ts']).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/map +.*100 %/);
    expect(stdout).toContain('\u001b[32mcompleted');
    expect(stdout).toMatch(/The first rows:\r?\n {2}\{"key":/);
  });

  test('on a terminal with NO_COLOR: no colour', async () => {
    const { stdout } = await place.startOnTerminal(['run', '--workers', '1', 'words.ts'], { NO_COLOR: '1' }).ended;
    expect(stdout).toContain('completed  words');
    expect(stdout).not.toMatch(/\u001b\[\d+m/);
  });

  test('the bundle, the plan and the journal of the last runs stay as evidence', async () => {
    for (let run = 0; run < 2; run++) expect((await place.run(['words.ts', '--overwrite'])).code).toBe(0);
    const evidence = place.files('.gristmill').filter((name) => name.endsWith('owner.json'));
    expect(evidence).toHaveLength(2);
  });
});

describe('npm start', () => {
  test('shows the top words of a real corpus, and again', async () => {
    for (let run = 0; run < 2; run++) {
      const { code, stdout } = await place.startExample().ended;
      expect(code).toBe(0);
      expect(stdout).toMatch(/1 {2}the +\d{6} {4}government +\d{4}/);
      expect(stdout).toMatch(/balance +ok/);
      expect(stdout).toContain('What to try next:');
    }
  });
});
