/**
 * An executor: the child process in which user code runs, one attempt at a time. This thread runs user code and kernels;
 * the I/O thread, started first, talks to the store and the agent.
 */
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import { installApi } from '../../shared/job/host.js';
import { Kernel } from '../../shared/kernel/kernel.js';
import { limits } from '../../shared/limits.js';
import { RecordNote } from '../record-note.js';
import { Strays } from '../task/strays.js';
import { TaskHost } from '../task/task-host.js';
import { loadBundledJob } from './bundled-job.js';
import type { IoThreadData } from './io-thread.js';
import { END_OF_ATTEMPT, type ToUser } from './messages.js';
import { createProgress, writeProgress } from './progress.js';
import { createRing, RingConsumer } from './ring.js';
import { postTo, UserIo } from './user-io.js';

const scratchDir = process.argv[2];
if (scratchDir === undefined) throw new GristmillError('internal', 'an executor is started by its agent');

const memory = createRing({
  bufferBytes: limits.ringBufferBytes,
  buffersIn: limits.ringBuffersIn,
  bufferOutBytes: limits.ringBufferOutBytes,
  buffersOut: limits.ringBuffersOut,
  sourcesMax: limits.mergeSourcesMax + limits.sourcesBesideMax,
});
const progress = createProgress();
const data: IoThreadData = { ring: memory, progress, scratchDir };
const ioThread = new Worker(new URL('./io-thread.js', import.meta.url), { workerData: data });
ioThread.on('error', (error) => {
  writeSync(2, `gristmill: the I/O thread failed: ${error.stack ?? error.message}\n`);
  process.kill(process.pid, 'SIGKILL');
});

process.title = 'gristmill-executor';
process.exit = (code) => {
  throw new GristmillError('exit-called', `process.exit(${String(code ?? '')}) was called; return or throw instead`);
};
installApi();
const strays = new Strays();
for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (thrown: unknown) => strays.catch(thrown));
}

// As they are now: user code may replace or end them.
const writers = [process.stdout, process.stderr].map((stream) => {
  stream.on('error', () => undefined); // what cannot be printed is lost, and no failure of the task
  return stream.write.bind(stream);
});
const post = postTo(ioThread);
const io = new UserIo(new RingConsumer(memory), post);
let kernel: Kernel | undefined;
const host = new TaskHost({
  io,
  load: ({ codeVersion }) => loadBundledJob(codeVersion, io),
  kernel: () => (kernel ??= new Kernel()),
  clock: systemClock,
  onProgress: (now) => writeProgress(progress, now),
  strays,
  noteFor: (attempt) => new RecordNote(scratchDir, attempt),
  log: (line) => process.stdout.write(`${line}\n`),
});

async function runTask(message: Extract<ToUser, { type: 'task' }>): Promise<void> {
  const report = await host.run(message.assignment);
  for (const write of writers) write(END_OF_ATTEMPT);
  post({ type: 'to-agent', message: { type: 'report', report } });
}

ioThread.on('message', (message: ToUser) => {
  if (message.type === 'cancel') host.cancel();
  else void runTask(message);
});
post({ type: 'to-agent', message: { type: 'ready' } });
