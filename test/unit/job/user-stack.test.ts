import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { mapUserStack } from '../../../shared/job/user-stack.js';

const options = { bundleUrl: 'file:///bundle.mjs', sourceMap: '' };

function hostile(): unknown {
  return new Proxy(
    {},
    {
      get() {
        throw new Error('get');
      },
      getPrototypeOf() {
        throw new Error('getPrototypeOf');
      },
    },
  );
}

function ownCause(): Error {
  const error = new Error('x');
  error.cause = error;
  return error;
}

function brokenStack(): Error {
  return Object.defineProperty(new TypeError('x'), 'stack', {
    get() {
      throw new Error('stack');
    },
  });
}

describe('whatever is thrown is described', () => {
  test.each<[string, unknown, string]>([
    ['a string', 'text', "'text' was thrown, which is no Error"],
    ['undefined', undefined, 'undefined was thrown, which is no Error'],
    ['an object', { code: 7 }, '{ code: 7 } was thrown, which is no Error'],
    ['an object without prototype', Object.create(null), '[Object: null prototype] {} was thrown, which is no Error'],
    ['an error without a message', new Error(), 'an error without a message'],
    ['a named error', new RangeError('x'), 'RangeError: x'],
    ['an error that is its own cause', ownCause(), 'x'],
    ['an error with a broken stack', brokenStack(), 'TypeError: x'],
    ['an error of another realm', runInNewContext("new Error('far')"), 'far'],
  ])('%s', (_name, thrown, message) => {
    expect(mapUserStack(thrown, options)).toEqual({ message, stack: message, where: undefined });
  });

  test('a proxy that throws at everything', () => {
    expect(mapUserStack(hostile(), options).message).toContain('was thrown, which is no Error');
  });

  test('a message of a megabyte is shortened', () => {
    expect(mapUserStack(new Error('x'.repeat(1e6)), options).message).toMatch(/^x{8192}\.\.\. \(shortened\)$/);
  });

  test('a chain of causes ends', () => {
    let error = new Error('0');
    for (let depth = 1; depth < 100; depth++) error = new Error(String(depth), { cause: error });
    expect(mapUserStack(error, options).stack).toBe(
      ['99', ...['98', '97', '96', '95'].map((depth) => `caused by: ${depth}`)].join('\n'),
    );
  });
});

test('frames are kept where they map to a source of the job, and there alone', () => {
  // Line 1 is of the engine's own module, line 2 of job.ts line 1, line 3 of nothing.
  const map = { version: 3, sources: ['gristmill:api', 'job.ts'], names: [], mappings: 'AAAA;ACAA;' };
  const inline = Buffer.from(JSON.stringify(map)).toString('base64');
  const sourceMap = `a\nb\nc\n//# sourceMappingURL=data:application/json;base64,${inline}\n`;
  const error = Object.assign(new Error('x'), {
    stack: [
      'Error: x',
      '    at api (file:///bundle.mjs:1:1)',
      '    at none (file:///bundle.mjs:3:1)',
      '    at node:internal/x:1:1',
      '    at file:///engine.js:2:1',
      '    at async Object.map (file:///bundle.mjs?query:2:1)',
      '    at new Thing (file:///bundle.mjs:2:1)',
      '    at file:///bundle.mjs:2:1',
    ].join('\n'),
  });
  expect(mapUserStack(error, { ...options, sourceMap })).toEqual({
    message: 'x',
    where: 'job.ts:1:1',
    stack: 'x\n    at async map (job.ts:1:1)\n    at new Thing (job.ts:1:1)\n    at job.ts:1:1',
  });
});
