/** What `gristmill run` leaves and tells, to the last record: limits, counters, laws, logs, events, plan and audit log. */
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseManifest } from '../../../shared/codec/manifest.js';
import { events, repository, Workplace } from '../../harness/command.js';

let place: Workplace;

/** 4,000 numbered lines in 4 files; every file is several splits. */
const numbers = Array.from({ length: 4000 }, (_, i) => String(i + 1));

beforeEach(() => {
  place = new Workplace();
  cpSync(join(repository, 'test/fixtures/jobs'), place.folder, { recursive: true });
  mkdirSync(place.path('in'));
  for (let i = 0; i < 4; i++) place.write(`in/f${i}.txt`, `${numbers.slice(1000 * i, 1000 * (i + 1)).join('\n')}\n`);
});
afterEach(() => place.remove());

const manifest = (output: string) => parseManifest(readFileSync(place.path(`${output}/_manifest.json`)));
const audit = (output: string) => events(readFileSync(place.path(`${output}/_audit.jsonl`), 'utf8'));

function rows(output: string): string[] {
  return Object.entries(place.parts(output))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, text]) => text.split('\n').filter((line) => line !== ''));
}

describe('--limit N', () => {
  test.each([1000, 2345])(
    'of %i is exactly the first N records in input order, for 1, 2 and 4 executors',
    async (limit) => {
      const parts: Record<string, string>[] = [];
      for (const workers of ['1', '2', '4']) {
        const output = `copies-${workers}`;
        const flags = ['--limit', String(limit), '--workers', workers, '--output', output, '--quiet'];
        const { code, stdout } = await place.run('run', 'copies.ts', ...flags);
        expect(code, stdout).toBe(0);
        expect(rows(output)).toEqual(numbers.slice(0, limit));
        const { complete, counts, limit: kept } = manifest(output);
        expect({ complete, kept, read: counts.recordsRead }).toEqual({
          complete: false,
          kept: limit,
          read: Math.min(limit, numbers.length),
        });
        parts.push(place.parts(output));
      }
      expect(parts[1]).toEqual(parts[0]);
      expect(parts[2]).toEqual(parts[0]);
    },
  );

  test('counts items as records', async () => {
    expect((await place.run('run', 'items.ts', '--limit', '3', '--workers', '2')).code).toBe(0);
    expect(rows('items')).toEqual(['a', 'b', 'c']);
    expect(manifest('items')).toMatchObject({ complete: false, limit: 3 });
  });

  test('that is not given leaves a complete result', async () => {
    expect((await place.run('run', 'items.ts')).code).toBe(0);
    expect(manifest('items').complete).toBe(true);
    expect(manifest('items').limit).toBeUndefined();
  });
});

describe('the summary', () => {
  test("shows counters, every law, and the places of what is there; the user's own output is kept by attempt", async () => {
    const { code, stdout, stderr } = await place.run('run', 'talks.ts', '--workers', '2');
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain('saw');
    expect(stdout).not.toContain('saw');
    expect(stdout).toMatch(/^completed {2}talks in /m);
    expect(stdout).toContain('4,000 read, 4,000 mapped');
    expect(stdout).toMatch(/counters +bytes = 14,893\n +seen = 4,000\n/);
    const laws = manifest('out').balance;
    expect(laws.length).toBeGreaterThan(8);
    for (const { name, left, right, holds } of laws) {
      expect(holds).toBe(true);
      expect(stdout).toContain(`ok  ${name}: ${left} = ${right}\n`);
    }
    for (const [label, shown] of [
      ['result', 'out/'],
      ['error file', 'none: no record failed'],
      ['audit log', 'out/_audit.jsonl'],
    ]) {
      expect(stdout).toContain(`  ${label}`.padEnd(13) + (shown ?? ''));
    }
    const logs = place.files('.gristmill').filter((file) => /\/logs\/map-\d+\.1-1$/.test(file));
    const printed = logs.map((file) => readFileSync(place.path(`.gristmill/${file}`), 'utf8')).join('');
    expect(printed).toBe(numbers.map((number) => `saw ${number}\n`).join(''));
  });
});

describe('--json', () => {
  test('prints one object for each event on stdout and nothing else, the outcome last', async () => {
    const { code, stdout, stderr } = await place.run('run', 'talks.ts', '--json', '--workers', '2');
    expect([code, stderr]).toEqual([0, '']);
    const all = events(stdout);
    expect(new Set(all.map((event) => event['type']))).toEqual(new Set(['state', 'attempt', 'progress', 'outcome']));
    expect(all.findIndex((event) => event['type'] === 'outcome')).toBe(all.length - 1);
    const outcome = all.at(-1)?.['outcome'] as { counts: { user: unknown }; parts: string[] };
    expect(outcome.counts.user).toEqual({ bytes: 14_893, seen: 4000 });
    expect(outcome.parts).toHaveLength(3);
  });

  test('is JSON when the job fails, and when it does not even begin', async () => {
    const failed = await place.run('run', 'map-throws.ts', '--json', '--input', 'map-throws.ts');
    expect(failed.code).toBe(1);
    expect(events(failed.stdout).at(-1)).toMatchObject({
      type: 'outcome',
      outcome: { state: 'failed', failure: { code: 'map-failed' } },
    });
    const none = await place.run('run', 'nowhere.ts', '--json');
    expect(none.code).toBe(2);
    expect(events(none.stdout)).toMatchObject([{ type: 'error', code: 'definition-load-failed' }]);
  });
});

describe('--quiet', () => {
  test('prints the final line alone for a job that fails too', async () => {
    const bad = await place.run('run', 'map-throws.ts', '--quiet', '--input', 'map-throws.ts', '--output', 'bad');
    expect([bad.code, bad.stderr]).toEqual([1, '']);
    expect(bad.stdout).toMatch(/^failed: map-throws, .*cannot count.*\n$/);
  });
});

describe('--dry-run', () => {
  test('prints the plan, and neither claims nor writes anything', async () => {
    const { code, stdout, stderr } = await place.run('run', 'talks.ts', '--dry-run', '--limit', '2000');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toEqual([
      'input: 2 objects, 8.89 kB',
      'tasks: 9 map tasks, 3 reduce tasks',
      `output: file://${place.folder}/out, 3 parts as jsonl`,
      'limit: the first 2,000 records',
      'planned: talks; nothing was run, claimed or written',
      '',
    ]);
    expect(existsSync(place.path('out'))).toBe(false);
  });
});

describe('the audit log', () => {
  test('has every event with its time, the parameters, the plan and the resources', async () => {
    expect((await place.run('run', 'parameters.ts', '--param', 'min=1', '--workers', '1')).code).toBe(0);
    const lines = audit('out');
    const kept = place.files('.gristmill').find((file) => file.endsWith('/audit'));
    const whole = events(readFileSync(place.path(`.gristmill/${kept ?? ''}`), 'utf8'));
    // What is beside the output was written before the output was complete.
    expect(whole.slice(0, -1)).toEqual(lines);
    for (const line of whole) expect(line['at']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    const times = whole.map((line) => line['at'] as string);
    expect(times).toEqual([...times].sort());
    expect(whole[0]).toMatchObject({
      event: 'submitted',
      params: { min: 1 },
      codeVersion: manifest('out').codeVersion,
    });
    const states = whole.filter((line) => line['event'] === 'state').map((line) => line['to']);
    expect(states).toEqual(['validating', 'queued', 'in_progress', 'committing', 'completed']);
    const [, queued, , , completed] = whole.filter((line) => line['event'] === 'state');
    expect(queued).toMatchObject({
      name: 'parameters',
      output: `file://${place.folder}/out`,
      plan: { mapTasks: 1, partitions: 1, inputs: 4, inputBytes: 18_893 },
    });
    const attempts = whole.filter((line) => line['event'] === 'attempt');
    expect(attempts.map((line) => line['attempt'])).toEqual(['inspect.1-1', 'map-00000.1-1', 'reduce-00000.1-1']);
    for (const line of attempts) expect(line).toMatchObject({ worker: 'local', won: true });
    const { counts } = manifest('out');
    expect(completed).toMatchObject({
      resources: {
        attempts: 3,
        failedAttempts: 0,
        executorMs: attempts.reduce((sum, line) => sum + Number(line['elapsedMs']), 0),
        bytesRead: counts.bytesRead,
        bytesShuffled: counts.bytesShuffled,
        bytesWritten: counts.bytesWritten,
      },
    });
  });
});
