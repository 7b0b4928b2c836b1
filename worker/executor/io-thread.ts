/**
 * The I/O thread of an executor: talks to the store and, over the socket at fd 3, to the agent. It never runs user code
 * and never waits for the user thread. When the agent's socket ends, the agent is gone: the executor removes its
 * scratch directory and kills its own process, whatever the user thread is doing.
 */
import { rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../shared/clock.js';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';
import { Stores, type Locator } from '../../shared/store/stores.js';
import { IoJob } from './io-job.js';
import { Outputs } from './io-outputs.js';
import { ScratchRuns } from './io-scratch.js';
import type { IoCall, IoMessage } from './io-requests.js';
import { Sources } from './io-sources.js';
import { encodeMessage, MessageDecoder, type FromExecutor, type ToExecutor, type ToUser } from './messages.js';
import { readProgress } from './progress.js';
import { RingProducer, type RingMemory } from './ring.js';

export interface IoThreadData {
  readonly ring: RingMemory;
  readonly progress: SharedArrayBuffer;
  readonly scratchDir: string;
}

const data = workerData as IoThreadData;
const port = parentPort;
if (!port) throw new GristmillError('internal', 'the I/O thread runs in a Worker only');

const socket = new Socket({ fd: 3, readable: true, writable: true });
const ring = new RingProducer(data.ring);
let job: IoJob | undefined;

function currentJob(): IoJob {
  if (!job) throw new GristmillError('internal', 'no task yet');
  return job;
}

/** A report waits for it: what an attempt leaves unfinished is gone when the attempt is told to have ended. */
let ending: Promise<void> = Promise.resolve();

const store = () => currentJob().store;
/** An executor works for one job, with the access that came with its first task. */
let opened: Stores | undefined;
const stores: Locator = { locate: (uri) => currentJob().stores.locate(uri) };
const scratch = new ScratchRuns(data.scratchDir);
const outputs = new Outputs({ ring, store, stores, scratch });
const sources = new Sources({
  ring,
  store,
  stores,
  scratch,
  answer: (call: IoCall, signal) =>
    call.name === 'finish' ? outputs.finish(call.output) : currentJob().answer(call, signal),
});

function toAgent(message: FromExecutor): void {
  if (message.type === 'report') tellAsked();
  socket.write(encodeMessage(message));
}

/** Before each report: what an executor asked of an S3 server is counted by its agent, and by nobody else. */
function tellAsked(): void {
  const counts = opened?.s3Endpoint?.counters.take();
  if (counts && counts.size > 0) toAgent({ type: 'asked', counts });
}

function fromUser(message: IoMessage): void {
  switch (message.type) {
    case 'open':
      sources.start(message.source, message.request);
      return;
    case 'release':
      sources.release(message.buffers);
      return;
    case 'close':
      sources.close(message.source);
      return;
    case 'open-output':
      outputs.start(message.output, message.request);
      return;
    case 'write':
      outputs.write(message.output, message.buffer, message.length);
      return;
    case 'end-attempt':
      ending = outputs.endAttempt();
      return;
    case 'to-agent':
      void ending.then(() => toAgent(message.message));
  }
}

/** The user thread, where a job's own code runs, learns nothing of stores and what opens them. */
function taken({ place, assignment }: Extract<ToExecutor, { type: 'task' }>): ToUser {
  opened ??= new Stores(place.access);
  if (job?.place.job !== place.job) job = new IoJob(place, opened);
  return { type: 'task', assignment };
}

function endWithAgent(): void {
  rmSync(data.scratchDir, { recursive: true, force: true });
  try {
    process.kill(-process.pid, 'SIGKILL'); // and whatever user code has started
  } finally {
    process.kill(process.pid, 'SIGKILL');
  }
}

function reportProgress(): void {
  const progress = readProgress(data.progress);
  // An agent that does not read is told the latest when it does, not all that was missed.
  if (progress && !socket.writableNeedDrain) toAgent({ type: 'progress', ...progress });
  systemClock.after(limits.progressMs, reportProgress);
}

const decoder = new MessageDecoder<ToExecutor>();
socket.on('data', (piece: Buffer) => {
  for (const message of decoder.push(piece)) {
    if (message.type === 'task') port.postMessage(taken(message));
    else port.postMessage(message);
  }
});
socket.on('error', endWithAgent);
socket.on('close', endWithAgent);
port.on('message', fromUser);
reportProgress();
