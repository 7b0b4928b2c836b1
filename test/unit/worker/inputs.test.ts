/** A split's bytes through the ring: all of the object from its start on for who asks, and little beyond for who does not. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { deserialize } from 'node:v8';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Failure } from '../../../shared/errors.js';
import { limits } from '../../../shared/limits.js';
import { etagOf } from '../../../shared/store/files.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { openReader } from '../../../shared/store/object-reader.js';
import type { ObjectStore, OpenOptions } from '../../../shared/store/object-store.js';
import { Stores } from '../../../shared/store/stores.js';
import { ScratchRuns } from '../../../worker/executor/io-scratch.js';
import { Sources } from '../../../worker/executor/io-sources.js';
import { createRing, FILLED_DATA, FILLED_END, RingConsumer, RingProducer } from '../../../worker/executor/ring.js';

const BUFFER = 1024;
const BUFFERS = 32;
const SIZE_MAX = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'gristmill-inputs-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});
const path = join(folder, 'input');
const content = Uint8Array.from({ length: SIZE_MAX }, (_, i) => (i * 31) % 251);

const splits = fc
  .record({ from: fc.nat(SIZE_MAX / 2), split: fc.nat(SIZE_MAX / 4), rest: fc.nat(SIZE_MAX / 4) })
  .map(({ from, split, rest }) => ({ from, softEnd: from + split, bytes: from + split + rest }));

/** Drains the source until it ends, or until `enough` bytes have come. */
async function drain({ from, softEnd, bytes }: { from: number; softEnd: number; bytes: number }, enough = Infinity) {
  writeFileSync(path, content.subarray(0, bytes));
  const shape = { bufferBytes: BUFFER, buffersIn: BUFFERS, bufferOutBytes: BUFFER, buffersOut: 1, sourcesMax: 2 };
  const memory = createRing(shape);
  const sources = new Sources({
    ring: new RingProducer(memory),
    store: () => new MemoryStore(),
    stores: new Stores(),
    scratch: new ScratchRuns(folder),
    answer: () => Promise.reject(new Error('no calls')),
  });
  const ring = new RingConsumer(memory);
  const etag = etagOf(statSync(path, { bigint: true }));
  sources.start(1, { kind: 'input', uri: pathToFileURL(path).href, from, softEnd, bytes, etag });
  const pieces: Uint8Array[] = [];
  for (let read = 0; ;) {
    while (!ring.hasFilled) await new Promise((resolve) => setImmediate(resolve));
    const { buffer, length, kind } = ring.takeFilled();
    if (kind !== FILLED_DATA) {
      expect(kind).toBe(FILLED_END);
      break;
    }
    pieces.push(ring.bufferIn(buffer).slice(0, length));
    read += length;
    if (read >= enough) {
      // Whatever would be read unasked has time to come.
      for (let turn = 0; turn < 20; turn++) await stat(path);
      while (ring.hasFilled) pieces.push(new Uint8Array(ring.takeFilled().length));
      break;
    }
    sources.release([[1, buffer]]);
  }
  sources.close(1);
  return Buffer.concat(pieces);
}

describe('a split of an input', () => {
  test('comes whole, and all that lies behind it for who goes on asking', async () => {
    await fc.assert(
      fc.asyncProperty(splits, async (split) => {
        expect(Buffer.compare(await drain(split), content.subarray(split.from, split.bytes))).toBe(0);
      }),
    );
  });

  test('is read at most a buffer beyond what its last record mostly needs', async () => {
    await fc.assert(
      fc.asyncProperty(splits, async (split) => {
        fc.pre(split.softEnd > split.from);
        const read = (await drain(split, split.softEnd - split.from)).length;
        const needed = split.softEnd - split.from + limits.splitRestBytes;
        expect(read).toBeGreaterThanOrEqual(split.softEnd - split.from);
        expect(read).toBeLessThan(needed + BUFFER);
      }),
    );
  });
});

describe('an input in a bucket', () => {
  const access = { endpoint: 'http://127.0.0.1:9', region: 'r', accessKey: 'key', secretKey: 'secret' };
  const shape = { bufferBytes: BUFFER, buffersIn: BUFFERS, bufferOutBytes: BUFFER, buffersOut: 1, sourcesMax: 2 };

  /** The end of the split: its bytes, or the failure. */
  async function readSplit(bucket: MemoryStore, etag: string, bytes: number, from = 0) {
    const memory = createRing(shape);
    const sources = new Sources({
      ring: new RingProducer(memory),
      store: () => new MemoryStore(),
      stores: new Stores({ s3: access, openS3: () => bucket }),
      scratch: new ScratchRuns(folder),
      answer: () => Promise.reject(new Error('no calls')),
    });
    const ring = new RingConsumer(memory);
    sources.start(1, { kind: 'input', uri: 's3://bucket/in/a', from, softEnd: bytes, bytes, etag });
    for (const pieces: Uint8Array[] = []; ;) {
      while (!ring.hasFilled) await new Promise((resolve) => setImmediate(resolve));
      const { buffer, length, kind } = ring.takeFilled();
      if (kind === FILLED_END) return Buffer.concat(pieces).toString();
      const piece = ring.bufferIn(buffer).slice(0, length);
      if (kind !== FILLED_DATA) return deserialize(piece) as Failure;
      pieces.push(piece);
      sources.release([[1, buffer]]);
    }
  }

  test('is read while it is the one of the plan, without a look before and after', async () => {
    const calls: string[] = [];
    const space = new MemoryStore();
    const { etag } = await space.put('in/a', Buffer.from('text'));
    const bucket = space.handle((operation) => void calls.push(operation));
    const opened: unknown[] = [];
    const pinning: MemoryStore = Object.assign(bucket, {
      open: (key: string, options: OpenOptions) => {
        opened.push([key, options.etag]);
        return openReader({ ...bare(bucket) }, key, { range: options.range ?? { start: 0, end: 4 } });
      },
    });
    expect(await readSplit(pinning, etag, 4)).toBe('text');
    expect(opened).toEqual([['in/a', etag]]);
    expect(calls).toEqual(['stream']);
  });

  test('that has changed, is shorter or is gone fails the job by its URI', async () => {
    const bucket = new MemoryStore();
    const { etag } = await bucket.put('in/a', Buffer.from('text'));
    const failures = {
      changed: async () => void (await bucket.put('in/a', Buffer.from('TEXT'))),
      shorter: async () => void (await bucket.put('in/a', Buffer.from('t'))),
      gone: () => bucket.delete(['in/a']),
    };
    for (const [how, change] of Object.entries(failures)) {
      await change();
      for (const from of [0, 4]) {
        const failure = await readSplit(bucket, etag, 4, from);
        expect(failure, how).toMatchObject({ code: 'input-changed', where: 's3://bucket/in/a', retryable: false });
        expect((failure as Failure).message).toContain(how === 'gone' ? 'is gone' : 'has changed');
      }
    }
  });
});

/** Without a way to read into the caller's memory. */
function bare(store: MemoryStore): ObjectStore {
  return { stream: store.stream.bind(store) } as unknown as ObjectStore;
}
