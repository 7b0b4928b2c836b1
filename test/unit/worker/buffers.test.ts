/** Buffers of the ring: whatever ends how, all of them come back, or an executor that is used again would wait for ever. */
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { etagOf } from '../../../shared/store/files.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { Stores } from '../../../shared/store/stores.js';
import { ScratchRuns } from '../../../worker/executor/io-scratch.js';
import { Sources } from '../../../worker/executor/io-sources.js';
import type { IoMessage } from '../../../worker/executor/io-requests.js';
import {
  createRing,
  FILLED_DATA,
  FILLED_END,
  FILLED_ERROR,
  RingConsumer,
  RingProducer,
  type RingMemory,
} from '../../../worker/executor/ring.js';
import { UserIo } from '../../../worker/executor/user-io.js';
import type { InputRequest } from '../../../worker/ports.js';

const BUFFERS = 4;
const folder = mkdtempSync(join(tmpdir(), 'gristmill-buffers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ring = () =>
  createRing({ bufferBytes: 1024, buffersIn: BUFFERS, bufferOutBytes: 1024, buffersOut: 2, sourcesMax: 4 });

const sourcesOf = (memory: RingMemory) =>
  new Sources({
    ring: new RingProducer(memory),
    store: () => new MemoryStore(),
    stores: new Stores(),
    scratch: new ScratchRuns(folder),
    answer: () => Promise.reject(new Error('no calls')),
  });

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

function input(name: string, text: string, from: number, softEnd: number): InputRequest {
  const path = join(folder, name);
  writeFileSync(path, text);
  const stats = statSync(path, { bigint: true });
  return { kind: 'input', uri: pathToFileURL(path).href, from, softEnd, bytes: text.length, etag: etagOf(stats) };
}

describe('the buffers of a ring', () => {
  test('come back from a source that is closed while it reads past the end of its split', async () => {
    const memory = ring();
    const sources = sourcesOf(memory);
    const consumer = new RingConsumer(memory);
    const request = input('long.txt', 'x'.repeat(10_000), 0, 100);
    for (let source = 1; source <= 3 * BUFFERS; source++) {
      sources.start(source, request);
      await eventually(() => sources.freeBuffers < BUFFERS);
      await new Promise((resolve) => setImmediate(resolve));
      sources.close(source);
      while (consumer.hasFilled) sources.release([[source, consumer.takeFilled().buffer]]);
      await eventually(() => sources.freeBuffers === BUFFERS);
    }
  });

  test('come back from every source of a failed attempt, also those that its reader looks at', () => {
    const memory = ring();
    const producer = new RingProducer(memory);
    const posted: IoMessage[] = [];
    const io = new UserIo(new RingConsumer(memory), (message) => posted.push(message));
    const first = io.openBytes({ kind: 'shuffle', key: 'a', offset: 0, bytes: 10 });
    const second = io.openBytes({ kind: 'shuffle', key: 'b', offset: 0, bytes: 10 });
    for (const [buffer, source] of [1, 2, 1, 2].entries()) {
      producer.push({ source, buffer, length: 5, kind: FILLED_DATA });
    }
    first.next();
    second.next();
    io.endAttempt();
    producer.push({ source: 3, buffer: -1, length: 0, kind: FILLED_END });
    io.openBytes({ kind: 'shuffle', key: 'c', offset: 0, bytes: 0 }).next();
    const released = posted.flatMap((message) =>
      message.type === 'release' ? message.buffers.map(([, buffer]) => buffer) : [],
    );
    expect(released.sort()).toEqual([0, 1, 2, 3]);
    expect(posted.filter(({ type }) => type === 'close')).toHaveLength(3);
  });
});

describe('an input that changes while it is read', () => {
  const path = join(folder, 'changes.txt');
  const changes = {
    'is written anew': () => {
      writeFileSync(path, 'b\n'.repeat(1_500_000));
    },
    'is cut short': () => {
      truncateSync(path, 2_000_000);
    },
  };
  test.each(Object.entries(changes))(
    'and %s fails before its reader has the last bytes of its split',
    async (_, change) => {
      const memory = createRing({
        bufferBytes: 128 * 1024,
        buffersIn: BUFFERS,
        bufferOutBytes: 1024,
        buffersOut: 2,
        sourcesMax: 4,
      });
      const sources = sourcesOf(memory);
      const consumer = new RingConsumer(memory);
      const request = input('changes.txt', 'a\n'.repeat(1_500_000), 0, 2_500_000);
      sources.start(1, request);
      let readBytes = 0;
      for (;;) {
        await eventually(() => consumer.hasFilled);
        const { kind, buffer, length } = consumer.takeFilled();
        if (readBytes === 0) change();
        sources.release([[1, buffer]]);
        if (kind !== FILLED_DATA) {
          expect(kind).toBe(FILLED_ERROR);
          break;
        }
        readBytes += length;
        expect(readBytes).toBeLessThan(request.softEnd);
      }
    },
  );
});
