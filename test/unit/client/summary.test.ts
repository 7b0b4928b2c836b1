import { describe, expect, test } from 'vitest';
import { errorLines, failureLines } from '../../../client/render/failure.js';
import { PLAIN } from '../../../client/render/style.js';
import { finalLine, summaryLines } from '../../../client/render/summary.js';
import { failureOf, GristmillError } from '../../../shared/errors.js';
import { places, someJob } from './events.js';

const failure = failureOf(
  new GristmillError('map-failed', 'map threw: boom', {
    where: 'words.ts:7:13',
    userStack: 'at map (words.ts:7:13)\n    at count (words.ts:2:1)',
  }),
);

describe('the summary', () => {
  test('a completed job: what it did, that it balances and where everything is', () => {
    expect(summaryLines(someJob(), 1_240, places, PLAIN)).toEqual([
      'completed  word-count in 1.24 s',
      '  records    12,345 read, 12,345 mapped',
      '  emitted    99,999',
      '  rows       29 in 1 part file',
      '  bytes      10.3 MB read, 2.00 kB shuffled, 512 B written',
      '  counters   short = 3',
      '  attempts   0 failed',
      '  balance    read = mapped + filtered + bad: 12345 = 12345',
      '             emitted = combined in: 99999 = 99999',
      '  result     out/words/',
      '  error file none: no record failed',
      '  audit log  out/words/_audit.jsonl',
      '  store      .gristmill/run',
    ]);
  });

  test('a failed job claims no result, and names its evidence', () => {
    const lines = summaryLines(someJob({ state: 'failed', failure, parts: [], balance: '' }), 10, places, PLAIN);
    expect(lines).toContain('  result     none: nothing was published');
    expect(lines).toContain('  audit log  .gristmill/run/v1/jobs/abcdefghijkl/audit');
  });

  test('what a person should know of a right result stands before the result', () => {
    const lines = summaryLines(someJob({ warnings: ['map is not deterministic: map-00001'] }), 10, places, PLAIN);
    const at = lines.indexOf('  warning    map is not deterministic: map-00001');
    expect(lines[at + 1]).toBe('  result     out/words/');
  });

  test('bad records have their file', () => {
    const job = someJob({ state: 'partial_success' });
    const lines = summaryLines({ ...job, counts: { ...job.counts, recordsBad: 2 } }, 10, places, PLAIN);
    expect(lines[0]).toContain('partial success');
    expect(lines).toContain('  error file out/words/_errors.jsonl');
  });

  test('says in a sentence that sums were rounded, and what went through local files, when there were any', () => {
    const job = someJob();
    const lines = (counts: object) => summaryLines({ ...job, counts: { ...job.counts, ...counts } }, 10, places, PLAIN);
    expect(lines({ inexact: 1 })).toContain(
      '  inexact    1 sum is past 2^53 and was rounded to the nearest number that JavaScript has',
    );
    const many = lines({ inexact: 1200, bytesSpilled: 1.2e9 });
    expect(many).toContain(
      '  inexact    1,200 sums are past 2^53 and were rounded to the nearest number that JavaScript has',
    );
    expect(many).toContain('  bytes      10.3 MB read, 2.00 kB shuffled, 1.20 GB spilled to local disk, 512 B written');
  });

  test('the final line is one line, whatever the outcome', () => {
    expect(finalLine(someJob(), 1_240, places)).toBe(
      'completed: word-count, 12,345 records, 29 rows in out/words (1.24 s)',
    );
    expect(finalLine(someJob({ state: 'failed', failure }), 1_240, places)).toBe(
      'failed: word-count, map threw: boom (words.ts:7:13) (1.24 s)',
    );
    expect(finalLine(someJob({ state: 'cancelled', reason: 'Ctrl-C' }), 1_240, places)).toBe(
      'cancelled: word-count, Ctrl-C (1.24 s)',
    );
  });
});

describe('an error', () => {
  test("has the user's own frames and says its place once", () => {
    expect(failureLines(failure, PLAIN)).toEqual([
      'error: map threw: boom',
      '    at map (words.ts:7:13)',
      '    at count (words.ts:2:1)',
    ]);
  });

  test('names its place where no frame does, and what to do', () => {
    const other = new GristmillError('input-unreadable', 'cannot read the input', { where: 'file:///logs/a.txt' });
    expect(failureLines(failureOf(other), PLAIN)).toEqual([
      'error: cannot read the input',
      '  at file:///logs/a.txt',
      'hint: check that you may read the file',
    ]);
  });

  test("that was thrown here keeps the engine's stack to itself", () => {
    expect(errorLines(new GristmillError('internal', 'broken'), PLAIN)).toHaveLength(2);
  });

  test('a hint of its own is not followed by another', () => {
    const own = new GristmillError('params-invalid', 'no parameter min\nhint: did you mean max?');
    expect(failureLines(failureOf(own), PLAIN).filter((line) => line.includes('hint:'))).toHaveLength(1);
  });

  test('text from outside cannot move the cursor', () => {
    const own = new GristmillError('map-failed', 'evil \u001b[2J text');
    expect(failureLines(failureOf(own), PLAIN).join('')).not.toContain('\u001b');
  });
});
