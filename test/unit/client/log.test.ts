import { describe, expect, test } from 'vitest';
import { serializers, silentLogger, withoutQueries } from '../../../client/log.js';
import { GristmillError } from '../../../shared/errors.js';

describe('logs', () => {
  test('an error is logged by its known fields alone', () => {
    const inner = Object.assign(new Error('inner'), { request: { headers: { authorization: 'Bearer secret' } } });
    const error = new GristmillError('store-denied', 'denied', { cause: inner, where: 'file:///x' });
    const fields = serializers.err(error);
    expect(JSON.stringify(fields)).not.toContain('secret');
    expect(fields).toMatchObject({ code: 'store-denied', message: 'denied', cause: { message: 'inner' } });
  });

  test('the query of a signed URL is a credential', () => {
    expect(withoutQueries('GET https://host/bucket/key?X-Amz-Signature=abc&x=1 failed')).toBe(
      'GET https://host/bucket/key?... failed',
    );
    expect(serializers.uri('file:///logs/a?.txt')).toBe('file:///logs/a?.txt');
  });

  test('the silent logger takes everything, and so do its children', () => {
    const child = silentLogger.child({ job: 'x' });
    expect(() => child.child({}).error({ err: new Error('x') }, 'text')).not.toThrow();
    expect(silentLogger.isLevelEnabled('info')).toBe(false);
  });
});
