/** Aggregators and `combine` through the command: results, counts that balance, and what a person sees when one throws. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseManifest } from '../../../shared/codec/manifest.js';
import { exactly } from '../../harness/exact-sum.js';
import { repository, Workplace } from '../../harness/command.js';

let place: Workplace;

/** 2,000 numbered lines in 2 files; every file is several splits. */
const numbers = Array.from({ length: 2000 }, (_, i) => i + 1);

beforeEach(() => {
  place = new Workplace();
  cpSync(join(repository, 'test/fixtures/jobs'), place.folder, { recursive: true });
  mkdirSync(place.path('in'));
  for (const file of [0, 1])
    place.write(`in/${file}.txt`, `${numbers.slice(1000 * file, 1000 * (file + 1)).join('\n')}\n`);
});
afterEach(() => place.remove());

const manifest = () => parseManifest(readFileSync(place.path('out/_manifest.json')));
const rows = () =>
  Object.values(place.parts('out'))
    .flatMap((text) => text.split('\n').filter((line) => line !== ''))
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Runs with 1 and 2 executors, and expects the same bytes. */
async function runTwice(job: string): Promise<void> {
  const first = await place.run('run', job, '--workers', '1', '--quiet');
  expect(first.code, first.stdout).toBe(0);
  const parts = place.parts('out');
  const second = await place.run('run', job, '--workers', '2', '--overwrite', '--quiet');
  expect(second.code, second.stdout).toBe(0);
  expect(place.parts('out')).toEqual(parts);
}

/** The counts of a job that emitted once for each line. */
function expectCombined(): void {
  const { counts, balance } = manifest();
  expect(counts).toMatchObject({ emitted: 2000, combinedIn: 2000, shuffledOutWeight: 2000, shuffledInWeight: 2000 });
  expect(counts.combinedOut).toBeLessThan(400);
  expect(counts.combinedOut).toBe(counts.shuffledOutRecords);
  expect(balance.filter(({ holds }) => !holds)).toEqual([]);
}

describe('gristmill run', () => {
  test('with agg.of gives every aggregate of each key, exact', async () => {
    await runTwice('several.ts');
    const expected = numbers.slice(0, 7).map((n) => {
      const values = numbers.filter((number) => number % 7 === n % 7).map((number) => number / 10);
      const total = exactly(values);
      const ends = { min: Math.min(...values), max: Math.max(...values) };
      return { key: n % 7, value: { n: values.length, mean: total / values.length, total, ends } };
    });
    const found = rows().sort((a, b) => Number(a['key']) - Number(b['key']));
    expect(found).toEqual(expected.sort((a, b) => a.key - b.key));
    expectCombined();
  });

  test('with an aggregator of one’s own folds in the order of the input', async () => {
    await runTwice('own-aggregator.ts');
    expect(rows()).toEqual([
      { key: 'by 0', value: '3 to 1998' },
      { key: 'by 1', value: '1 to 1999' },
      { key: 'by 2', value: '2 to 2000' },
    ]);
    expectCombined();
  });

  test('with combine hands reduce what was combined, in the order of the input', async () => {
    await runTwice('combine.ts');
    const found = rows();
    expect(found.map(({ digit }) => digit)).toEqual('0 1 2 3 4 5 6 7 8 9'.split(' '));
    for (const { digit, numbers: text, pieces } of found) {
      expect(text).toBe(numbers.filter((number) => String(number).endsWith(String(digit))).join(' '));
      expect(pieces).toBeGreaterThan(1);
      expect(pieces).toBeLessThan(40);
    }
    expectCombined();
  });

  test('says in its summary that sums were rounded', async () => {
    const sums = readFileSync(place.path('words.ts'), 'utf8').replace('emit(word, 1)', "emit('k', Number(word))");
    place.write('sums.ts', sums);
    place.write('in/0.txt', '9007199254740992\n');
    place.write('in/1.txt', '2\n');
    const exact = await place.run('run', 'sums.ts', '--workers', '1');
    expect(exact.stdout).not.toContain('inexact');
    expect(rows()).toEqual([{ key: 'k', value: 2 ** 53 + 2 }]);
    place.write('in/1.txt', '2\n1\n');
    const rounded = await place.run('run', 'sums.ts', '--workers', '1', '--overwrite');
    expect(rounded.stdout).toContain('\n  inexact    1 sum is past 2^53 and was rounded to the nearest number that');
    expect(manifest().counts.inexact).toBe(1);
    expect(rows()).toEqual([{ key: 'k', value: 2 ** 53 + 4 }]);
  });
});

describe('a person sees', () => {
  test('what an aggregator threw, on which key, and where in the source', async () => {
    place.write('in/1.txt', '2\n13013\n');
    const { code, stderr } = await place.run('run', 'own-aggregator.ts', '--workers', '1');
    expect(stderr).toContain('error: add of the aggregator threw on the key "by 2": unlucky\n');
    expect(stderr).toMatch(/at add \(own-aggregator\.ts:13:\d+\)/);
    expect(stderr).not.toMatch(/dist\/|node_modules|node:internal|\.js:\d+/);
    expect(code).toBe(1);
  });

  test('that combine must be synchronous', async () => {
    place.write('in/1.txt', 'be\na promise\nhe\n');
    const { code, stderr } = await place.run('run', 'combine.ts', '--workers', '1');
    expect(stderr).toContain('error: combine must be synchronous; it returned a promise on the key "e"\n');
    expect(code).toBe(1);
  });

  test('that agg.mean takes numbers', async () => {
    place.write(
      'means.ts',
      readFileSync(place.path('words.ts'), 'utf8')
        .replace('agg.sum()', 'agg.mean()')
        .replace('emit(word, 1)', 'emit(word, word)'),
    );
    const { code, stderr } = await place.run('run', 'means.ts', '--workers', '1');
    expect(stderr).toContain('agg.mean() adds numbers; it was given a value of type string');
    expect(stderr).toMatch(/means\.ts:7:\d+/);
    expect(code).toBe(1);
  });
});
