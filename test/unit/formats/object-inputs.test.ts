/** Inputs in a bucket: by the rules of files, from one listing. */
import { beforeEach, describe, expect, test } from 'vitest';
import { GristmillError } from '../../../shared/errors.js';
import { expandInputs } from '../../../shared/formats/inputs.js';
import { MemoryStore, type StoreOperation } from '../../../shared/store/memory-store.js';
import { MemorySpace } from '../../../shared/store/memory-space.js';
import { Stores } from '../../../shared/store/stores.js';
import { failureOf } from './outcome.js';

const access = { endpoint: 'http://127.0.0.1:9', region: 'r', accessKey: 'key', secretKey: 'secret' };

let bucket: MemoryStore;
let calls: string[];
let denied: GristmillError | undefined;
let stores: Stores;
beforeEach(() => {
  const space = new MemorySpace();
  calls = [];
  denied = undefined;
  const before = (operation: StoreOperation, key: string) => {
    calls.push(`${operation} ${key}`);
    if (denied) throw denied;
  };
  bucket = new MemoryStore({}, space);
  stores = new Stores({ s3: access, openS3: (uri) => new MemoryStore({ uri, before }, space) });
});

async function objects(...keys: string[]): Promise<void> {
  for (const key of keys) await bucket.put(key, Buffer.from(`${key}\n`));
}
const all = (...uris: string[]) => expandInputs(uris, 'file:///home/', stores);
const expand = async (...uris: string[]) =>
  (await all(...uris.map((uri) => `s3://bucket${uri}`))).map(({ uri }) => uri.slice('s3://bucket/'.length));
const failure = (...uris: string[]) => failureOf(expand(...uris));

describe('inputs in a bucket', () => {
  test('are planned with the size and ETag of the listing, without a look at each', async () => {
    await objects('in/a b', 'in/c');
    const [first] = await all('s3://bucket/in/*');
    expect(first).toMatchObject({ uri: 's3://bucket/in/a%20b', bytes: 7, end: 7 });
    expect(first?.etag).toBe((await bucket.head('in/a b'))?.etag);
    expect(calls.filter((call) => call.startsWith('head'))).toEqual(['head in/*']);
    expect(calls.filter((call) => call.startsWith('list'))).toEqual(['list in/']);
  });

  test('are listed from the first wildcard on, once for all alternatives that begin alike', async () => {
    await objects('logs/2024-01.txt', 'logs/2024-02.txt', 'logs/2025-01.txt', 'other');
    expect(await expand('/logs/2024-*.txt')).toEqual(['logs/2024-01.txt', 'logs/2024-02.txt']);
    expect(calls).toContain('list logs/2024-');
    calls = [];
    expect(await expand('/logs/2024-0[12]{.txt,.csv}')).toEqual(['logs/2024-01.txt', 'logs/2024-02.txt']);
    expect(calls.filter((call) => call.startsWith('list'))).toEqual(['list logs/2024-0']);
  });

  test('a key that exists is taken as it is; a folder stands for the objects directly in it', async () => {
    await objects('in/b', 'in/a', 'in/_c', 'in/.d', 'in/below/e', 'x*', 'xy', 'deep/er/f');
    await bucket.put('in/a', Buffer.from('x'));
    expect(await expand('/x*')).toEqual(['x%2A']);
    expect(await expand('/in')).toEqual(['in/a', 'in/b']);
    expect(await expand('/in/')).toEqual(['in/a', 'in/b']);
    expect(await expand('')).toEqual(['x%2A', 'xy']);
    expect(await expand('/in/_c')).toEqual(['in/_c']);
    expect(await expand('/in/**')).toEqual(['in/a', 'in/b', 'in/below/e']);
    expect((await failure('/deep')).message).toContain('s3://bucket/deep/**/*');
  });

  test('of consoles that show folders as empty objects are no inputs; names that are no paths are refused by name', async () => {
    const odd = { key: 'in//a', bytes: 1, etag: 'e' };
    const listed = [{ key: 'in/', bytes: 0, etag: 'e' }, odd];
    const store = new MemoryStore({ uri: 's3://bucket' });
    store.list = async function* () {
      yield* listed;
    };
    stores = new Stores({ s3: access, openS3: () => store });
    expect((await failure('/in/*')).code).toBe('input-not-found');
    const error = await failure('/in/**');
    expect(error.code).toBe('input-unreadable');
    expect(error.message).toContain('s3://bucket/in//a');
  });

  test('that are not there say where was looked', async () => {
    await objects('in/a');
    for (const [uri, where] of [
      ['/in/b', 's3://bucket/in/b'],
      ['/in/b*', 's3://bucket/in/b'],
      ['/{in,out}/*.md', 's3://bucket/in/'],
    ] as const) {
      const error = await failure('/in/a', uri);
      expect(error.code, uri).toBe('input-not-found');
      expect(error.message).toContain(`input s3://bucket${uri} matches no object`);
      expect(error.message).toContain(where);
    }
    expect((await failure('/_*')).message).toContain('never matched');
  });

  test('that cannot be read fail for good, with the URI and what the store says; a store that is away does not', async () => {
    await objects('in/a');
    denied = new GristmillError('store-denied', 'there is no bucket named bucket at http://127.0.0.1:9');
    const error = await failure('/in/*');
    expect(error.code).toBe('input-unreadable');
    expect(error.message).toBe('input s3://bucket/in/*: there is no bucket named bucket at http://127.0.0.1:9');
    denied = new GristmillError('store-unavailable', 'away');
    expect((await failure('/in/*')).code).toBe('store-unavailable');
  });

  test('that hold no lines are refused by their name and by their first bytes', async () => {
    await objects('in/a.gz', 'b');
    await bucket.put('b', Uint8Array.of(0x1f, 0x8b, 0));
    expect((await failure('/in/*')).message).toContain('.gz files is not built yet: s3://bucket/in/a.gz');
    expect((await failure('/b')).message).toContain('gzip files is not built yet: s3://bucket/b');
  });

  test('stand beside files, in one order', async () => {
    await objects('a');
    const uris = (await all('s3://bucket/a', '/proc/self/status')).map(({ uri }) => uri);
    expect(uris).toEqual(['file:///proc/self/status', 's3://bucket/a']);
  });
});
