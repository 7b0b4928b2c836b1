/** `s3:` URIs: what they name, what is refused, and what a process without credentials says. */
import { describe, expect, test } from 'vitest';
import { GristmillError } from '../../../shared/errors.js';
import { read, write } from '../../../shared/job/index.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { parseS3Uri, s3Uri } from '../../../shared/store/s3-uri.js';
import { Stores } from '../../../shared/store/stores.js';
import { filePath, resolveUri } from '../../../shared/store/uri.js';

const base = 'file:///home/';
const failureOf = (action: () => unknown): GristmillError => {
  try {
    action();
  } catch (thrown) {
    return GristmillError.from(thrown);
  }
  throw new Error('not refused');
};
const access = { endpoint: 'http://127.0.0.1:9', region: 'r', accessKey: 'key', secretKey: 'secret' };
const inMemory = () => new Stores({ s3: access, openS3: (uri) => new MemoryStore({ uri }) });

describe('an s3: URI', () => {
  test.each([
    ['s3://bucket/a/b.txt', 's3://bucket/a/b.txt'],
    ['S3://bucket/a b', 's3://bucket/a%20b'],
    ['s3://bucket/ä%', 's3://bucket/%C3%A4%25'],
    ['s3://bucket/logs/*.{a,b}/[0-9]?', 's3://bucket/logs/*.{a,b}/[0-9]?'],
    ['s3://bucket/%2A', 's3://bucket/%2A'],
    ['s3://bucket/folder/', 's3://bucket/folder/'],
    ['s3://bucket/', 's3://bucket'],
    ['s3://bucket', 's3://bucket'],
    ['s3://my.bucket-1/#x', 's3://my.bucket-1/%23x'],
  ])('%s is %s, wherever the client is', (uri, expected) => {
    expect(resolveUri(uri, base)).toBe(expected);
    expect(resolveUri(expected, 'file:///elsewhere/')).toBe(expected);
  });

  test.each([
    ['s3:bucket/key', 's3://bucket/key'],
    ['s3:///key', 's3://bucket/key'],
    ['s3://Bucket/key', '3 to 63 lower-case letters'],
    ['s3://ab/key', '3 to 63 lower-case letters'],
    ['s3://bucket:9000/key', '3 to 63 lower-case letters'],
    ['s3://bucket//key', 'a name in its key is empty'],
    ['s3://bucket/a//b', 'a name in its key is empty'],
    ['s3://bucket/a/../b', 'keys have no folder ..'],
    ['s3://bucket/%2E/b', 'keys have no folder .'],
    ['s3://bucket/a%2Fb', 'an escaped slash'],
    ['s3://bucket/a%00', 'NUL'],
    ['s3://bucket/%FF', 'percent-encoded UTF-8'],
  ])('%s is refused with the reason', (uri, reason) => {
    const error = failureOf(() => resolveUri(uri, base));
    expect(error.code).toBe('invalid-request');
    expect(error.message).toContain(reason);
    expect(error.message).toContain(JSON.stringify(uri));
  });

  test('with something that may be a secret is refused and not repeated', () => {
    const uri = 's3://AKIA:hunter2@bucket/key';
    for (const action of [
      () => resolveUri(uri, base),
      () => read.text(uri),
      () => write.jsonl(uri),
      () => inMemory().open(uri),
    ]) {
      const { message } = failureOf(action);
      expect(message).toContain('takes no user name, key or secret');
      expect(message).not.toMatch(/hunter2|AKIA/);
    }
  });

  test('is no path', () => {
    expect(failureOf(() => filePath('s3://bucket/key')).message).toContain('a file is needed here');
  });

  test('in a definition is checked where it stands', () => {
    expect(() => read.text('s3://bucket/2024/*.log')).not.toThrow();
    expect(() => write.jsonl('s3://bucket/out')).not.toThrow();
    expect(failureOf(() => read.text('s3://b')).code).toBe('definition-invalid');
    expect(failureOf(() => write.jsonl('s3://bucket')).message).toContain('s3://bucket/folder');
    expect(failureOf(() => write.jsonl('s3://bucket/out-*')).message).toContain('takes no glob');
  });
});

describe('stores', () => {
  test('find an object in its bucket, of which one store is open', async () => {
    const stores = inMemory();
    const { store, key } = stores.locate('s3://bucket/a%20b/c');
    expect(store.uri).toBe('s3://bucket');
    expect(key).toBe('a b/c');
    expect(stores.locate('s3://bucket/out/')).toEqual({ store, key: 'out' });
    expect(stores.locate('s3://other/out').store).not.toBe(store);
    expect(stores.open('s3://bucket/a/prefix/').uri).toBe('s3://bucket/a/prefix');
    await stores.close();
  });

  test('of a process without credentials say what is missing and who needs it', () => {
    for (const action of [() => new Stores().locate('s3://bucket/key'), () => new Stores().open('s3://bucket/p')]) {
      const { code, message } = failureOf(action);
      expect(code).toBe('credentials-missing');
      expect(message).toContain('s3://bucket');
      expect(message).toContain('--s3-access-key-file FILE');
      expect(message).toContain('AWS_SECRET_ACCESS_KEY');
    }
  });

  test('close all that they opened', async () => {
    const closed: string[] = [];
    const openS3 = (uri: string) => {
      const store = new MemoryStore({ uri });
      store.close = async () => void closed.push(uri);
      return store;
    };
    const stores = new Stores({ s3: access, openS3 });
    stores.open('s3://bucket/store');
    stores.locate('s3://bucket/x');
    stores.locate('s3://bucket/y');
    await stores.close();
    await stores.close();
    expect(closed.sort()).toEqual(['s3://bucket', 's3://bucket/store']);
  });
});

test('an object has a URI and a URI its object', () => {
  expect(s3Uri({ bucket: 'bucket', key: 'a*b?/{c}%' })).toBe('s3://bucket/a%2Ab%3F/%7Bc%7D%25');
  expect(parseS3Uri('s3://bucket/a%2Ab%3F/%7Bc%7D%25')).toEqual({ bucket: 'bucket', key: 'a*b?/{c}%' });
});
