/** The I/O side of a ring without an agent: pumps of a directory store and scratch runs. Loads the built program. */
import { parentPort, workerData } from 'node:worker_threads';
const { Outputs } = await import(new URL('../../../dist/worker/executor/io-outputs.js', import.meta.url));
const { ScratchRuns } = await import(new URL('../../../dist/worker/executor/io-scratch.js', import.meta.url));
const { Sources } = await import(new URL('../../../dist/worker/executor/io-sources.js', import.meta.url));
const { RingProducer } = await import(new URL('../../../dist/worker/executor/ring.js', import.meta.url));
const { Stores } = await import(new URL('../../../dist/shared/store/stores.js', import.meta.url));

const stores = new Stores();
const directory = stores.open(workerData.storeUri);
const store = () => directory;
const ring = new RingProducer(workerData.ring);
const scratch = new ScratchRuns(workerData.scratchDir);
const outputs = new Outputs({ ring, store, stores, scratch });
const answer = (call) =>
  call.name === 'finish' ? outputs.finish(call.output) : Promise.reject(new Error(`no call ${call.name}`));
const sources = new Sources({ ring, store, stores, scratch, answer });
parentPort.on('message', (message) => {
  if (message.type === 'open') sources.start(message.source, message.request);
  if (message.type === 'release') sources.release(message.buffers);
  if (message.type === 'close') sources.close(message.source);
  if (message.type === 'open-output') outputs.start(message.output, message.request);
  if (message.type === 'write') outputs.write(message.output, message.buffer, message.length);
  if (message.type === 'end-attempt') void outputs.endAttempt().then(() => parentPort.postMessage('ended'));
});
parentPort.postMessage('ready');
