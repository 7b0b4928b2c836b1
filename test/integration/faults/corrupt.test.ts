/** Stored bytes that change behind the engine's back: nobody decodes them, and the result is right all the same. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { events, type Ended, type Workplace } from '../../harness/command.js';
import {
  corruptedRun,
  corruptiblePlace,
  runChanged,
  shuffleObjects,
  undamagedParts,
} from '../../harness/corrupted-run.js';
import { storedObject } from '../../harness/damage.js';

let place: Workplace;

beforeEach(() => {
  place = corruptiblePlace();
});
afterEach(() => place.remove());

function outcome(ended: Ended): Record<string, unknown> {
  return events(ended.stdout).find((event) => event['type'] === 'outcome')?.['outcome'] as Record<string, unknown>;
}

function notices(ended: Ended): unknown[] {
  return events(ended.stdout).flatMap((event) => (event['type'] === 'notice' ? [event['code']] : []));
}

function expectNothingLeft(): void {
  expect(shuffleObjects(place)).toEqual([]);
  expect(place.files('out').filter((file) => /_staging/.test(file))).toEqual([]);
  expect(place.executors()).toEqual([]);
}

describe('a shuffle object that is damaged between map and reduce', () => {
  test('costs one run of its map task for each, and changes no byte of the result', async () => {
    const right = await undamagedParts(place);
    // A second object is damaged with these; `npm run acceptance -- corruptions` goes through all kinds.
    for (const seed of [0, 3, 6]) {
      const { ended, what, damaged, reruns, parts } = await corruptedRun(place, seed);
      expect(parts, what).toEqual(right);
      expect([reruns, outcome(ended)['state'], outcome(ended)['warnings']], what).toEqual([damaged, 'completed', []]);
      expectNothingLeft();
    }
  }, 120_000);

  test('of a map that is not deterministic, gives a result of one generation, and the summary says so', async () => {
    // Every record gives one number to all keys, so equal sums are of one run of each map task.
    place.write('count.ts', UNREPEATABLE);
    const ended = await runChanged(place, ['run', 'count.ts', '--json', '--workers', '1'], (paths) => {
      const { path, bytes, entries } = storedObject(paths[1] ?? '');
      const last = entries.at(-1);
      const changed = Buffer.from(bytes);
      changed[last?.offset ?? 0] = (changed[last?.offset ?? 0] ?? 0) ^ 1;
      writeFileSync(path, changed);
    });
    expect(outcome(ended)).toMatchObject({ state: 'completed' });
    expect(notices(ended)).toEqual(['map-lost', 'map-not-repeatable']);
    expect(outcome(ended)['warnings']).toEqual([
      expect.stringMatching(/^map is not deterministic: map-\d+ gave different output/),
    ]);
    const text = Object.values(place.parts('out')).join('');
    const sums = [...text.matchAll(/"value":(\d+)/g)].map(([, sum]) => sum);
    expect(sums).toHaveLength(12);
    expect(new Set(sums).size).toBe(1);
    // Reduce tasks that had won before ran again.
    expect(wonTwice(ended)).not.toEqual([]);
    expectNothingLeft();
  });

  test('whenever it is written, fails the job after three runs, saying what and where', async () => {
    place.write('count.ts', readFileSync(place.path('count.ts'), 'utf8').replace("name: 'count'", "name: 'again'"));
    const lose = (paths: readonly string[]) => {
      for (const path of paths) if (/map-00002\./.test(path)) rmSync(path);
    };
    const ended = await runChanged(place, ['run', 'count.ts', '--json', '--workers', '1'], lose, 3);
    expect(outcome(ended)).toMatchObject({ state: 'failed', parts: [], failure: { code: 'shuffle-missing' } });
    expect(outcome(ended)['reason']).toMatch(/map-00002.*after any of 3 runs.*key=v1\/shuffle\/.*\/map-00002\.1-3/);
    expect(notices(ended)).toEqual(['map-lost', 'map-lost']);
    expect(place.files('out')).toEqual([]);
    expectNothingLeft();
  });
});

/** Reduce tasks with two attempts that won. */
function wonTwice(ended: Ended): string[] {
  const won = events(ended.stdout).filter((event) => event['type'] === 'attempt' && event['won'] === true);
  const tasks = won.map((event) => String(event['attempt']).replace(/\..*/, '')).filter((task) => /reduce/.test(task));
  return tasks.filter((task, i) => tasks.indexOf(task) !== i);
}

const UNREPEATABLE = `
import { defineJob, read, write, agg } from 'gristmill';

export default defineJob({
  name: 'unrepeatable',
  input: read.text('input/*.txt', { splitBytes: 8000 }),
  map(line, emit) {
    const drawn = Math.floor(Math.random() * 1_000_000);
    for (const key of 'abcdefghijkl') emit(key, drawn);
  },
  reduce: agg.sum(),
  partitions: 3,
  output: write.jsonl('out'),
});
`;
