import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { limits } from '../../../shared/limits.js';
import { END_OF_ATTEMPT } from '../../../worker/executor/messages.js';
import { LogCapture } from '../../../worker/log-capture.js';

test('what is printed belongs to the attempt in whose time it came', async () => {
  const stream = new PassThrough();
  const log = new LogCapture(stream);
  const end = log.attemptEnd();
  stream.write(`of the first${END_OF_ATTEMPT.slice(0, 5)}`);
  stream.write(`${END_OF_ATTEMPT.slice(5)}of the second`);
  await end;
  expect(log.take()).toBe('of the first');
  const next = log.attemptEnd();
  stream.write(END_OF_ATTEMPT);
  await next;
  expect(log.take()).toBe('of the second');
});

test('the last words of a process that dies are kept, and nobody waits for its mark', async () => {
  const stream = new PassThrough();
  const log = new LogCapture(stream);
  stream.write('last words');
  stream.destroy();
  await once(stream, 'close');
  await log.attemptEnd();
  expect(log.lastWords).toBe('last words');
  expect(log.take()).toBe('last words');
  await log.attemptEnd();
  expect(log.take()).toBe('');
});

test('the end of what is printed is known, also where the log was cut long before', async () => {
  const stream = new PassThrough();
  const log = new LogCapture(stream);
  for (let i = 0; i < 40; i++) stream.write('x'.repeat(limits.logBytesMax / 32));
  stream.end('\nFATAL ERROR: the last words\n');
  await log.attemptEnd();
  expect(log.lastWords).toMatch(/^x+\nFATAL ERROR: the last words\n$/);
  expect(log.lastWords).toHaveLength(limits.lastWordsBytesMax);
  expect(log.take()).toMatch(/x\n\[the rest of the log was cut\]\n$/);
  expect(log.lastWords).toBe('');
});
