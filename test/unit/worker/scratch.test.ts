/** Scratch runs on a disk that is full or does not answer. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { systemFiles, type FileCalls } from '../../../shared/store/files.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import { Stores } from '../../../shared/store/stores.js';
import { ScratchRuns } from '../../../worker/executor/io-scratch.js';
import { Outputs } from '../../../worker/executor/io-outputs.js';
import { createRing, RingConsumer, RingProducer } from '../../../worker/executor/ring.js';
import { UserOutputs } from '../../../worker/executor/user-outputs.js';
import { failingFiles } from '../../contract/store/failing-files.js';

const folder = mkdtempSync(join(tmpdir(), 'gristmill-scratch-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function parts(files: FileCalls) {
  const memory = createRing({ bufferBytes: 64, buffersIn: 4, bufferOutBytes: 64, buffersOut: 3, sourcesMax: 4 });
  const store = () => new MemoryStore();
  const outputs = new Outputs({
    ring: new RingProducer(memory),
    store,
    stores: new Stores(),
    scratch: new ScratchRuns(folder, files),
  });
  const ring = new RingConsumer(memory);
  const user = new UserOutputs(ring, (message) => {
    if (message.type === 'open-output') outputs.start(message.output, message.request);
    if (message.type === 'write') outputs.write(message.output, message.buffer, message.length);
  });
  return { outputs, ring, user };
}

async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a scratch run', () => {
  test.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EIO', 'internal'],
  ])(
    'that meets %s at any of its calls fails with %s and its path at its end, and gives its buffers back',
    async (errno, code) => {
      let failures = 0;
      for (let n = 1; ; n++) {
        const failing = failingFiles(n, 'before', errno);
        const { outputs, ring, user } = parts(failing.files);
        const output = user.open('scratch');
        for (let i = 0; i < 5; i++) {
          await eventually(() => ring.hasFreeOut);
          user.write(output, new Uint8Array(64));
        }
        const error: unknown = await outputs.finish(output).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        await outputs.endAttempt();
        expect(readdirSync(folder).length).toBeLessThanOrEqual(1); // removing may be the call that fails
        rmSync(join(folder, 'run-1'), { force: true });
        let free = 0;
        await eventually(() => (free += takeFree(ring)) === 3);
        if (failing.calls() < n) break;
        if (error === undefined) continue;
        failures += 1;
        expect(error).toMatchObject({ code });
        expect((error as Error).message).toContain(join(folder, 'run-1'));
      }
      expect(failures).toBe(6); // to open, and five writes
    },
  );

  test('on a disk that does not answer holds no more than its buffers', async () => {
    let writes = 0;
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const { outputs, ring, user } = parts({
      ...systemFiles,
      open: async (...args: Parameters<FileCalls['open']>) => {
        const handle = await systemFiles.open(...args);
        const write = handle.write.bind(handle) as (...values: unknown[]) => Promise<unknown>;
        handle.write = (async (...values: unknown[]) => {
          writes += 1;
          await answered;
          return write(...values);
        }) as FileHandle['write'];
        return handle;
      },
    });
    const output = user.open('scratch');
    for (let i = 0; i < 3; i++) user.write(output, new Uint8Array(64));
    await eventually(() => writes > 0);
    expect(ring.hasFreeOut).toBe(false); // a further write would wait for the disk
    expect(writes).toBe(1);
    answer();
    await outputs.finish(output);
    expect(writes).toBe(3);
    await outputs.endAttempt();
    expect(readdirSync(folder)).toEqual([]);
  });
});

/** Takes the buffers that are free, and says how many. */
function takeFree(ring: RingConsumer): number {
  let free = 0;
  for (; ring.hasFreeOut; free++) ring.takeOut();
  return free;
}
