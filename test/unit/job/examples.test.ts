import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import eightThousanders from '../../../examples/eight-thousanders.js';
import grep from '../../../examples/grep.js';
import invertedIndex from '../../../examples/inverted-index.js';
import addressLengths from '../../../examples/address-lengths.js';
import longestWords from '../../../examples/longest-words.js';
import wordCount from '../../../examples/word-count.js';
import { bundleJob } from '../../../client/bundle/bundle.js';
import { definitionOf, validateParams } from '../../../shared/job/definition.js';

const folder = fileURLToPath(new URL('../../../examples', import.meta.url));

function emitted(job: unknown, line: string, ctx: unknown = {}): unknown[][] {
  const calls: unknown[][] = [];
  definitionOf(job).map(line, (...args) => calls.push(args), ctx);
  return calls;
}

describe('the examples', () => {
  test('all bundle', async () => {
    const names = readdirSync(folder).filter((name) => name.endsWith('.ts'));
    expect(names.length).toBeGreaterThanOrEqual(3);
    for (const name of names) expect((await bundleJob(`${folder}/${name}`)).entry).toBe(name);
  });

  test('count words', () => {
    expect(emitted(wordCount, 'The People, the')).toEqual([
      ['the', 1],
      ['people', 1],
      ['the', 1],
    ]);
  });

  test('index words', () => {
    const ctx = { record: { uri: 'file:///data/1790_george_washington_n.txt' } };
    expect(emitted(invertedIndex, 'To be or to', ctx).map(([word]) => word)).toEqual(['to', 'be', 'or']);
    const rows: unknown[] = [];
    definitionOf(invertedIndex).reduce?.('be', ['b', 'a', 'b'].values(), (row) => rows.push(row), {});
    expect(rows).toEqual([{ word: 'be', count: 2, addresses: ['a', 'b'] }]);
  });

  test('measure addresses by decade', () => {
    const ctx = { record: { uri: 'file:///data/1790_george_washington_n.txt' } };
    expect(emitted(addressLengths, "We don't, I say.", ctx)).toEqual([['1790s', 4]]);
    expect(emitted(addressLengths, '', ctx)).toEqual([]);
  });

  test('keep the longest words, in whatever groups they come', () => {
    expect(emitted(longestWords, 'To be')).toEqual([
      ['t', 'to'],
      ['b', 'be'],
    ]);
    const { aggregator } = definitionOf(longestWords);
    const states = [['to', 'the', 'to'], ['than', 'that'], []].map((words) =>
      words.reduce<unknown>((state, word) => aggregator?.add(state, word), aggregator?.zero()),
    );
    const merged = states.reduce((earlier, later) => aggregator?.merge(earlier, later));
    expect(aggregator?.finish(merged)).toEqual(['than', 'that', 'the']);
  });

  test('find the highest mountain of a country', () => {
    const { map, reduce } = definitionOf(eightThousanders);
    const emitted: unknown[][] = [];
    map({ peak: 'K2', metres: 8611, countries: 'China, Pakistan' }, (...args) => emitted.push(args), {});
    expect(emitted).toEqual([
      ['China', { peak: 'K2', metres: 8611 }],
      ['Pakistan', { peak: 'K2', metres: 8611 }],
    ]);
    const rows: unknown[] = [];
    const peaks = [
      { peak: 'K2', metres: 8611 },
      { peak: 'Mount Everest', metres: 8849 },
      { peak: 'Lhotse', metres: 8516 },
    ];
    reduce?.('China', peaks.values(), (row) => rows.push(row), {});
    expect(rows).toEqual([{ country: 'China', peaks: 3, highest: 'Mount Everest', metres: 8849 }]);
  });

  test('find lines', async () => {
    const { paramsSchema, setup } = definitionOf(grep);
    expect(await validateParams(paramsSchema, {})).toEqual({ pattern: 'constitution' });
    expect(await validateParams(paramsSchema, { pattern: 1790 })).toEqual({ pattern: '1790' });
    await expect(validateParams(paramsSchema, { pattern: true })).rejects.toMatchObject({ code: 'params-invalid' });
    let matches = 0;
    const ctx = {
      state: setup?.({ params: { pattern: 'be+' } }),
      record: { uri: 'file:///data/1790.txt' },
      counter: () => ({ add: (n: number) => (matches += n) }),
    };
    expect(emitted(grep, 'to Bee', ctx)).toEqual([['1790.txt: to Bee']]);
    expect(emitted(grep, 'or not', ctx)).toEqual([]);
    expect(matches).toBe(1);
  });
});
