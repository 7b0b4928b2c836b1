/** What is said of an executor that died, and when that was for its memory. */
import { describe, expect, test } from 'vitest';
import { failureOf } from '../../../shared/errors.js';
import { deathError, type Death } from '../../../worker/executor-death.js';

const attempt = { attempt: 'map-00000.1-1', hadBegun: true, heapMegabytes: 512, slots: 2 };
const died = (death: Partial<Death>) =>
  failureOf(deathError({ how: 'signal SIGKILL', words: '', isOomKilled: false, place: undefined, ...death }, attempt));

const heapFull = `
<--- Last few GCs --->
[12:0x1] 900 ms: Mark-Compact 255.5 (258.1) -> 255.4 (258.1) MB

<--- JS stacktrace --->

FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory
----- Native stack trace -----
 1: 0xb9c310 node::Abort() [gristmill-executor]
`;

describe('an executor that died', () => {
  test('is told with the record that it was at, when it was careful to say so', () => {
    const place = { record: 'the record at offset 812 of file:///a.txt', where: 'file:///a.txt offset 812' };
    for (const isOomKilled of [true, false]) {
      expect(died({ place, isOomKilled })).toMatchObject({
        message: expect.stringMatching(/ended while it mapped the record at offset 812 of file:\/\/\/a\.txt/) as string,
        where: 'file:///a.txt offset 812',
      });
    }
  });

  test.each([
    [
      'whose heap was full',
      { how: 'signal SIGABRT', words: heapFull },
      /its heap was full \(signal SIGABRT; it had 512 MiB/,
    ],
    [
      'that could not allocate outside of the heap',
      { how: 'exit code 134', words: 'FATAL ERROR: Zone Allocation failed - process out of memory\n' },
      /its heap was full/,
    ],
    [
      'whose I/O thread had a full heap',
      {
        words:
          'gristmill: the I/O thread failed: Error [ERR_WORKER_OUT_OF_MEMORY]: Worker terminated due to reaching memory limit: JS heap out of memory\n',
      },
      /its heap was full/,
    ],
    ['that the kernel killed', { isOomKilled: true }, /it was killed for its memory \(signal SIGKILL; .*2 slots\)/],
  ] as const)('%s ran out of memory', (_name, death, message) => {
    expect(died(death)).toMatchObject({
      code: 'out-of-memory',
      class: 'machine',
      retryable: true,
      countsTowardLimit: true,
      message: expect.stringMatching(message) as string,
    });
  });

  test.each([
    ['by a signal', {}, /while it ran the task \(signal SIGKILL\)/],
    [
      'of itself',
      { how: 'exit code 7', words: 'x\nRangeError: Array buffer allocation failed\nat y\n' },
      /saying "RangeError/,
    ],
    [
      'saying of memory what is no end of it',
      { words: 'the queue is out of memory\nError: out of memory, says a library\n' },
      /saying "Error: out of memory/,
    ],
  ] as const)('%s has only died', (_name, death, message) => {
    expect(died(death)).toMatchObject({ code: 'executor-died', message: expect.stringMatching(message) as string });
  });
});
