import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../../client/job-types.js';
import { progressLine, progressLines } from '../../../client/render/progress.js';
import { PLAIN, styleOf } from '../../../client/render/style.js';
import { foldEvent, newView, rateOf, remainingMs, type JobView } from '../../../client/render/view.js';
import { progress } from './events.js';

function viewOf(events: readonly (readonly [number, JobEvent])[]): JobView {
  return events.reduce((view, [atMs, event]) => foldEvent(view, event, atMs), newView(0));
}

const queued: JobEvent = {
  type: 'state',
  cursor: 1,
  atMs: 0,
  from: 'validating',
  to: 'queued',
  reason: 'no slot is free',
};

describe('progress', () => {
  test('a stage shows records, bytes, rate and remaining time', () => {
    const view = viewOf([
      [0, progress()],
      [2_000, progress({ bytesDone: 1_000_000, records: 12_345, tasksDone: 1 })],
    ]);
    expect(progressLines(view, 100, 2_000, PLAIN)).toEqual([
      'map    #######---------------------   25 %  6 s left  12,345 records  1.00 MB  500 kB/s',
    ]);
  });

  test('the remaining time is unknown until there is evidence', () => {
    const burst = viewOf([
      [0, progress()],
      [200, progress({ bytesDone: 1_000_000 })],
    ]);
    expect(remainingMs(burst.stages[0]!, 200)).toBeUndefined();
    expect(progressLines(burst, 100, 200, PLAIN)[0]).not.toMatch(/left|\/s/);
    const still = viewOf([
      [0, progress()],
      [5_000, progress()],
    ]);
    expect(remainingMs(still.stages[0]!, 5_000)).toBeUndefined();
  });

  test('a stage that stands still becomes slower on the screen', () => {
    const view = viewOf([
      [0, progress()],
      [2_000, progress({ bytesDone: 1_000_000 })],
    ]);
    const stage = view.stages[0]!;
    expect(rateOf(stage, 2_000)).toBe(500_000);
    expect(rateOf(stage, 20_000)).toBe(50_000);
    expect(remainingMs(stage, 20_000)).toBe(60_000);
  });

  test('the rate is that of the recent past', () => {
    const view = viewOf([
      [0, progress()],
      [20_000, progress({ bytesDone: 100_000 })],
      [22_000, progress({ bytesDone: 2_100_000 })],
    ]);
    expect(rateOf(view.stages[0]!, 22_000)).toBe(1_000_000);
  });

  test('all bytes read is not yet 100 %: only the last report is', () => {
    const almost = viewOf([[0, progress({ bytesDone: 4_000_000, tasksDone: 3 })]]);
    expect(progressLines(almost, 80, 0, PLAIN)[0]).toContain(' 99 %');
    const done = viewOf([
      [0, progress({ bytesDone: 4_000_000, tasksDone: 3 })],
      [1_500, progress({ bytesDone: 4_000_000, tasksDone: 4 })],
    ]);
    expect(progressLines(done, 80, 9_000, PLAIN)[0]).toContain('100 %  in 1.50 s');
  });

  test('bytes that a failed attempt takes back are no negative rate', () => {
    const view = viewOf([
      [0, progress({ bytesDone: 2_000_000 })],
      [2_000, progress({ bytesDone: 500_000 })],
    ]);
    expect(rateOf(view.stages[0]!, 2_000)).toBe(0);
  });

  test('says in a sentence why no stage runs', () => {
    expect(progressLines(newView(0), 80, 0, PLAIN)).toEqual(['starting']);
    expect(progressLines(viewOf([[0, queued]]), 80, 0, PLAIN)).toEqual(['queued: no slot is free']);
  });

  test('no line is wider than the terminal, whatever its width', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(), fc.nat({ max: 4 }), (width, bytesDone, tasksDone) => {
        const view = viewOf([
          [0, queued],
          [0, progress()],
          [
            5_000,
            progress({ bytesDone, bytesTotal: bytesDone * 2, tasksDone, records: bytesDone, stage: 'reducereduce' }),
          ],
        ]);
        for (const line of progressLines(view, width, 6_000, { colour: false, unicode: true })) {
          expect(line.length).toBeLessThanOrEqual(width);
        }
      }),
    );
  });

  test('one line says everything where no bar can be drawn', () => {
    const view = viewOf([
      [0, progress()],
      [10_000, progress({ bytesDone: 1_000_000, records: 12, tasksDone: 1 })],
    ]);
    expect(progressLine(view, 10_000)).toBe(
      '10.0 s: map 25 %, 1 of 4 tasks, 12 records, 1.00 MB of 4.00 MB, 30 s left',
    );
  });
});

describe('style', () => {
  test('NO_COLOR, a dumb terminal and a pipe have no colours', () => {
    expect(styleOf(true, {}).colour).toBe(true);
    expect(styleOf(true, { NO_COLOR: '1' }).colour).toBe(false);
    expect(styleOf(true, { NO_COLOR: '' }).colour).toBe(true);
    expect(styleOf(true, { TERM: 'dumb' }).colour).toBe(false);
    expect(styleOf(false, {}).colour).toBe(false);
  });

  test('characters beyond ASCII need a locale that has them', () => {
    expect(styleOf(true, { LANG: 'en_US.UTF-8' }).unicode).toBe(true);
    expect(styleOf(true, { LANG: 'C' }).unicode).toBe(false);
  });
});
