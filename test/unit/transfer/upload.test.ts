/** The inside of an upload: what happens when files change, stores lie or somebody stops it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CommandContext } from '../../../client/remote/context.js';
import { createReporter } from '../../../client/render/reporter.js';
import { PLAIN } from '../../../client/render/style.js';
import { StopRequest } from '../../../client/run/stop-request.js';
import { severalAtATime } from '../../../client/transfer/several.js';
import { upload, type UploadRequest } from '../../../client/transfer/upload.js';
import { systemClock } from '../../../shared/clock.js';
import { limits } from '../../../shared/limits.js';
import { DirectoryStore } from '../../../shared/store/directory-store.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { filePath } from '../../../shared/store/uri.js';

let folder: string;
let said: string;
let told: string;
let stop: StopRequest;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-upload-'));
  said = told = '';
  stop = new StopRequest();
  mkdirSync(join(folder, 'from'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function contextHere(): CommandContext {
  const stdout = { write: (text: string) => void (said += text) };
  const stderr = { write: (text: string) => void (told += text) };
  const streams = { stdout, stderr, outStyle: PLAIN, errorStyle: PLAIN, bars: undefined };
  return {
    flags: {},
    environment: {},
    directory: folder,
    clock: systemClock,
    reporter: createReporter('quiet', { ...streams, clock: systemClock, verbose: false }),
    stop,
    write: stdout.write,
    writeBytes: () => Promise.resolve(true),
    terminal: undefined,
  };
}

/** What is there in the place of the store's own calls. */
type Changes = (store: ObjectStore) => Partial<ObjectStore>;

function uploadAll(changes: Changes = () => ({}), request: Partial<UploadRequest> = {}): Promise<number> {
  const store = new DirectoryStore('/', { prune: 'own' });
  const changed = changes(store);
  const other = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
  const locator = { locate: (uri: string) => ({ store: other, key: filePath(uri).replace(/^\/+|\/+$/g, '') }) };
  const whole = { paths: ['from/.'], target: 'to', overwrite: false, screen: 'quiet', ...request } as const;
  return upload(contextHere(), whole, locator);
}

function write(name: string, text: string | Buffer): void {
  writeFileSync(join(folder, name), text);
}

function there(): Record<string, string> {
  const names = readdirSync(join(folder, 'to'), { recursive: true }).map(String);
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, 'to', name), 'latin1')]));
}

const large = Buffer.alloc(limits.transferWholeBytesMax + 1, 'x');

describe('an upload', () => {
  test('leaves the same files there, whichever of them were there before', async () => {
    const file = fc.record({ bytes: fc.uint8Array({ maxLength: 300 }), wasThere: fc.boolean() });
    const some = fc.dictionary(fc.stringMatching(/^[a-c*%?[\] ]{1,3}$/), file, { minKeys: 1, maxKeys: 12 });
    await fc.assert(
      fc.asyncProperty(some, async (files) => {
        for (const name of ['from', 'to']) rmSync(join(folder, name), { recursive: true, force: true });
        for (const name of ['from', 'to']) mkdirSync(join(folder, name));
        for (const [name, { bytes, wasThere }] of Object.entries(files)) {
          write(`from/${name}`, Buffer.from(bytes));
          if (wasThere) write(`to/${name}`, Buffer.from(bytes));
        }
        said = '';
        expect(await uploadAll(undefined, { screen: 'json' })).toBe(0);
        const wanted = Object.entries(files).map(([name, { bytes }]) => [name, Buffer.from(bytes).toString('latin1')]);
        expect(there()).toEqual(Object.fromEntries(wanted));
        const sums = JSON.parse(said.trimEnd().split('\n').at(-1) ?? '') as Record<string, number>;
        expect(sums['wereThere']).toBe(Object.values(files).filter(({ wasThere }) => wasThere).length);
      }),
      { numRuns: 40 },
    );
  });

  test.each(['one', large])('of a file that changes meanwhile fails, and nothing of it is there', async (content) => {
    write('from/a.txt', content);
    const changes: Changes = (store) => ({
      async *stream(key, options) {
        yield* store.stream(key, options);
        write('from/a.txt', 'three');
      },
    });
    await expect(uploadAll(changes)).rejects.toMatchObject({ code: 'input-changed' });
    expect(readdirSync(folder)).toEqual(['from']);
  });

  test.each(['one', large])('that reads back other bytes fails, and does not leave them there', async (content) => {
    write('from/a.txt', content);
    const changes: Changes = (store) => ({
      async *stream(key, options) {
        for await (const piece of store.stream(key, options)) {
          if (key.includes('/to/')) piece[0] = (piece[0] ?? 0) ^ 1;
          yield piece;
        }
      },
    });
    await expect(uploadAll(changes)).rejects.toMatchObject({ code: 'content-differs' });
    expect(readdirSync(folder)).toEqual(['from']);
  });

  test('that loses a race for a key says so, and leaves the other object', async () => {
    write('from/a.txt', 'one');
    const changes: Changes = (store) => ({
      stage: async (key, attempt, options) => {
        await store.put(key, Buffer.from('theirs'));
        return store.stage(key, attempt, options);
      },
      put: async (key, bytes, options) => {
        await store.put(key, Buffer.from('theirs'));
        return store.put(key, bytes, options);
      },
    });
    await expect(uploadAll(changes)).rejects.toMatchObject({ code: 'output-occupied' });
    expect(there()).toEqual({ 'a.txt': 'theirs' });
    rmSync(join(folder, 'to'), { recursive: true });
    write('from/a.txt', Buffer.alloc(limits.transferWholeBytesMax + 1));
    await expect(uploadAll(changes)).rejects.toMatchObject({ code: 'output-occupied' });
    expect(there()).toEqual({ 'a.txt': 'theirs' });
  });

  test('that is stopped leaves nothing half done, and goes on when it is called again', async () => {
    for (let i = 0; i < 20; i++) write(`from/${i}.txt`, i % 5 < 4 ? `file ${i}` : large);
    let sent = 0;
    const count = () => {
      if (++sent === 12) stop.request('SIGINT');
    };
    const changes: Changes = (store) => ({
      stage: (...call) => {
        count();
        return store.stage(...call);
      },
      put: (...call) => {
        count();
        return store.put(...call);
      },
    });
    expect(await uploadAll(changes)).toBe(130);
    expect(told).toContain('the same command goes on from there');
    const halfway = Object.keys(there());
    expect(halfway.length).toBeGreaterThan(0);
    expect(halfway.length).toBeLessThan(20);
    expect(halfway).not.toContain('_staging');
    stop = new StopRequest();
    expect(await uploadAll()).toBe(0);
    expect(Object.keys(there())).toHaveLength(20);
    expect(said).toContain(`of which ${halfway.length} were there already`);
  });
});

describe('several at a time', () => {
  test('are never more than allowed, and all are done', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    const items = Array.from({ length: 50 }, (_, index) => index);
    await severalAtATime(items, limits.transferFilesMax, new AbortController().signal, async (item) => {
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running--;
      done.push(item);
    });
    expect(most).toBe(limits.transferFilesMax);
    expect(done.sort((a, b) => a - b)).toEqual(items);
  });

  test('end with the first failure: the others are told, awaited, and none begins', async () => {
    const ended: number[] = [];
    const running = severalAtATime([0, 1, 2, 3, 4], 3, new AbortController().signal, async (item, signal) => {
      if (item === 1) throw new Error('first');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      ended.push(item);
      throw new Error('told to end');
    });
    await expect(running).rejects.toThrow('first');
    expect(ended).toEqual([0, 2]);
  });
});
