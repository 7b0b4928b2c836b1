import { describe, expect, test } from 'vitest';
import { hasCode } from '../../../shared/errors.js';
import { Stores } from '../../../shared/store/stores.js';
import { baseUriOf, filePath, fileUri, resolveUri } from '../../../shared/store/uri.js';

const stores = new Stores();
const base = 'file:///home/a%20b/';
const codeOf = (action: () => unknown) => {
  try {
    action();
    return 'none';
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
};

describe('resolveUri', () => {
  test.each([
    ['books/*.txt', 'file:///home/a%20b/books/*.txt'],
    ['./books/../x', 'file:///home/a%20b/x'],
    ['../../../x', 'file:///x'],
    ['/abs/x.txt', 'file:///abs/x.txt'],
    ['/abs//x/./y/', 'file:///abs/x/y/'],
    ['.', 'file:///home/a%20b/'],
    ['/', 'file:///'],
    ['100%.txt', 'file:///home/a%20b/100%25.txt'],
    ['a%20b', 'file:///home/a%20b/a%2520b'],
    ['a#b?c', 'file:///home/a%20b/a%23b?c'],
    ['{a,b}/[0-9]?/**/*.txt', 'file:///home/a%20b/{a,b}/[0-9]?/**/*.txt'],
    ['ä.txt', 'file:///home/a%20b/%C3%A4.txt'],
    ['file:///x/a%20b/*.txt', 'file:///x/a%20b/*.txt'],
    ['file:/x/y', 'file:///x/y'],
    ['FILE://localhost/x/y', 'file:///x/y'],
    ['file:///x/a b/ä%', 'file:///x/a%20b/%C3%A4%25'],
    ['file:///x/%2A', 'file:///x/%2A'],
  ])('%s is %s', (uri, expected) => {
    expect(resolveUri(uri, base)).toBe(expected);
    expect(resolveUri(expected, base)).toBe(expected);
  });

  test('the glob characters of the base folder stand for themselves', () => {
    expect(resolveUri('*.txt', 'file:///x/[app]/')).toBe('file:///x/%5Bapp%5D/*.txt');
  });

  test('other schemes, hosts and nothing are refused', () => {
    for (const uri of ['http://x/y', '', 'file://host/x', 'file:x', 'mailto:a']) {
      expect(
        codeOf(() => resolveUri(uri, base)),
        uri,
      ).toBe('invalid-request');
    }
  });
});

describe('paths and URIs', () => {
  test.each(['/x/a b', '/x/100%', '/x/%20', '/x/a#b?c', '/x/[a]{b}*', '/x/ä\u{1f600}', '/', '/x\ny', '/x\\y', '/ x '])(
    '%j survives both ways, without glob characters',
    (path) => {
      const uri = fileUri(path);
      expect(filePath(uri)).toBe(path);
      expect(uri).not.toMatch(/[*?[\]{}#\s]/);
    },
  );

  test('locate names the store of the file system and the key in it, decoded', () => {
    expect(stores.locate('file:///x/a%20b/c.txt').key).toBe('x/a b/c.txt');
    expect(stores.locate('file:///x/out/').key).toBe('x/out');
    expect(stores.locate('file:///x').store).toBe(stores.locate('file:///y').store);
    expect(codeOf(() => stores.locate('/x/y'))).toBe('invalid-request');
    expect(codeOf(() => stores.locate('file:///x%2Fy'))).toBe('invalid-request');
  });

  test('a store is opened by path or URI, and its URI opens it again', () => {
    expect(stores.open('/tmp/a b').uri).toBe('file:///tmp/a%20b');
    expect(stores.open('file:///tmp/a%20b/').uri).toBe('file:///tmp/a%20b');
    expect(stores.open('x').uri).toBe(`${baseUriOf('.')}x`);
    expect(stores.open(stores.open('/tmp/[a]').uri).uri).toBe('file:///tmp/%5Ba%5D');
  });

  test('errors are Gristmill’s', () => {
    try {
      resolveUri('http://x', base);
      expect.unreachable();
    } catch (thrown) {
      expect(hasCode(thrown, 'invalid-request')).toBe(true);
      expect((thrown as Error).message).toContain('http://x');
    }
  });
});
