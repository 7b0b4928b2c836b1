/** A real I/O thread and the user thread's view of it, which is the test itself. */
import { Worker } from 'node:worker_threads';
import { createRing, RingConsumer, type RingShape } from '../../../worker/executor/ring.js';
import { postTo, UserIo } from '../../../worker/executor/user-io.js';

export interface IoThread {
  readonly io: UserIo;
  /** Ends the attempt; resolves when the I/O thread has cleaned up after it. */
  readonly ended: () => Promise<void>;
  readonly terminate: () => Promise<unknown>;
}

export async function ioThread(shape: RingShape, storeUri: string, scratchDir: string): Promise<IoThread> {
  const ring = createRing(shape);
  const thread = new Worker(new URL('source-worker.mjs', import.meta.url), {
    workerData: { ring, storeUri, scratchDir },
  });
  await new Promise((resolve) => thread.once('message', resolve));
  const io = new UserIo(new RingConsumer(ring), postTo(thread));
  const ended = () =>
    new Promise<void>((resolve) => {
      thread.once('message', () => {
        resolve();
      });
      io.endAttempt();
    });
  return { io, ended, terminate: () => thread.terminate() };
}
