/** The peers do the work that they are compared for: wrong and fast would be a lower bar. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { difference } from '../../../bench/group-by.js';
import { eachLine } from '../../../bench/peers/lines.js';
import { peerProgram, type Peer } from '../../../bench/peer-programs.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-peers-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(text: string): string {
  const path = join(folder, 'input');
  writeFileSync(path, text);
  return path;
}

function run<Value>(peer: Peer, text: string): Map<string, Value> {
  const output = join(folder, 'output');
  execFileSync(process.execPath, [peerProgram(peer), file(text), output]);
  const rows = readFileSync(output, 'utf8').split('\n').filter(Boolean);
  return new Map(
    rows.map((row) => JSON.parse(row) as { key: string; value: Value }).map(({ key, value }) => [key, value]),
  );
}

describe('eachLine', () => {
  test.each([
    ['nothing', ''],
    ['one line without an end', 'a'],
    ['empty lines', '\n\na\n\n'],
    ['lines longer than a piece', `${'ä'.repeat(100_000)}\nb\n${'c'.repeat(70_000)}`],
    ['many lines over many pieces', 'the whale, the sea ü\n'.repeat(10_000)],
  ])('gives what split gives: %s', (_name, text) => {
    const lines: string[] = [];
    eachLine(file(text), (line) => lines.push(line));
    expect(lines).toEqual(text.endsWith('\n') || text === '' ? text.split('\n').slice(0, -1) : text.split('\n'));
  });
});

describe.each(['word-count-map', 'word-count-table'] as const)('%s', (peer) => {
  test('counts what the expression of the job finds', () => {
    // Letters and apostrophes at every place of a packed word, its two halves, words too long for it, and a table that grows.
    const awkward = [
      ...[
        "A a' 'a '' aaaaaa aaaaaa' aaaaaaa g ' zzzzzzzzzzzz zzzzzzzzzzzzz abcdefghijklmnopqrstuvwxyz'",
        '',
        '12 ü_K;',
      ],
      ...Array.from(
        { length: 9000 },
        (_, index) => `w${index.toString(26).replace(/\d/g, (d) => 'qrstuvwxyz'[Number(d)] ?? '')}`,
      ),
    ];
    const text = [...awkward, ...awkward.slice(0, 4000)].join('\n');
    const expected = new Map<string, number>();
    for (const line of text.split('\n')) {
      for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) expected.set(word, (expected.get(word) ?? 0) + 1);
    }
    expect(run<number>(peer, text)).toEqual(expected);
  });
});

describe.each(['group-by-map', 'group-by-duckdb'] as const)('%s', (peer) => {
  test('finds the figures of each name', () => {
    const text = 'Åsø;-99.9\nB;0.0\nÅsø;99.9\nB;-0.1\nÅsø;0.3\n' + "c d's;1.5\n".repeat(3000) + names(5000);
    const found = run<{ min: number; mean: number; max: number; count: number }>(peer, text);
    expect(found.size).toBe(5003);
    const figures = new Map([
      ['Åsø', { min: -99.9, mean: 0.1, max: 99.9, count: 3 }],
      ['B', { min: -0.1, mean: -0.05, max: 0, count: 2 }],
      ["c d's", { min: 1.5, mean: 1.5, max: 1.5, count: 3000 }],
      ['name 4321', { min: 4.3, mean: 4.3, max: 4.3, count: 1 }],
    ]);
    const same = new Map([...figures.keys()].flatMap((name) => [[name, found.get(name)!] as const]));
    expect(difference(same, figures)).toBeUndefined();
  });
});

function names(count: number): string {
  return Array.from(
    { length: count },
    (_, index) => `name ${index};${(Math.floor(index / 100) / 10).toFixed(1)}\n`,
  ).join('');
}

describe('the comparison of two results of group-by', () => {
  const figures = { min: 1, mean: 2, max: 3, count: 4 };
  const one = new Map([['a', figures]]);

  test('forgives a mean its last digits, and nothing else', () => {
    expect(difference(new Map([['a', { ...figures, mean: 2 + 1e-9 }]]), one)).toBeUndefined();
    expect(difference(new Map([['a', { ...figures, mean: 2 + 1e-8 }]]), one)).toContain('a:');
    for (const field of ['min', 'max', 'count'] as const) {
      expect(difference(new Map([['a', { ...figures, [field]: figures[field] + 1e-12 }]]), one)).toContain('a:');
    }
    expect(difference(new Map(), one)).toContain('0 names');
    expect(difference(new Map([['b', figures]]), one)).toContain('a:');
  });
});
