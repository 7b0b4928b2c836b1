/** `runJob` beside `gristmill run`: another transport, no processes, the same bytes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runJob } from '../../../client/testing.js';
import items from '../../fixtures/jobs/items.js';
import words from '../../fixtures/jobs/words.js';
import { Workplace } from './command.js';

let place: Workplace;

beforeEach(() => {
  place = new Workplace();
});

afterEach(() => {
  place.remove();
});

function parts(folder: string): string[] {
  const names = place.files(folder).filter((name) => name.includes('part-'));
  return names.sort().map((name) => readFileSync(join(place.path, name), 'utf8'));
}

describe('the parts that runJob gives are those that gristmill run writes', () => {
  test('of a map-only job, a part for each of its tasks', async () => {
    expect((await place.run(['items.ts', '--quiet'])).code).toBe(0);
    const run = await runJob(items, { input: ['a', 'b', 'c', 'd', 'e'], itemsPerSplit: 2 });
    expect(run.parts).toEqual(parts('items'));
    expect(run.parts).toHaveLength(3);
  });

  test('of a job with an aggregator, over the lines of its files', async () => {
    const texts = ['one two\none\n', 'three one\nfour\n'];
    texts.forEach((text, i) => place.write(`in/${i}.txt`, text));
    expect((await place.run(['words.ts', '--quiet'])).code).toBe(0);
    const input = texts.flatMap((text) => text.trimEnd().split('\n'));
    for (const combine of ['off', 'on', 'everywhere'] as const) {
      expect((await runJob(words, { input, combine })).parts).toEqual(parts('out'));
    }
  });
});
