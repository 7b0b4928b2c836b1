import { PassThrough } from 'node:stream';
import { once } from 'node:events';
import { expect, test } from 'vitest';
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
  expect(log.text).toBe('last words');
  expect(log.take()).toBe('last words');
  await log.attemptEnd();
  expect(log.take()).toBe('');
});
