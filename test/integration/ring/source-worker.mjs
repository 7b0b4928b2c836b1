/** The I/O side of a ring without an agent: pumps of a directory store. Loads the built program. */
import { parentPort, workerData } from 'node:worker_threads';
const { Sources } = await import(new URL('../../../dist/worker/executor/io-sources.js', import.meta.url));
const { RingProducer } = await import(new URL('../../../dist/worker/executor/ring.js', import.meta.url));
const { openStore } = await import(new URL('../../../dist/shared/store/open.js', import.meta.url));

const store = openStore(workerData.storeUri);
const sources = new Sources(
  new RingProducer(workerData.ring),
  () => store,
  () => Promise.reject(new Error('no calls')),
);
parentPort.on('message', (message) => {
  if (message.type === 'open') sources.start(message.source, message.request);
  if (message.type === 'release') sources.release(message.source, message.buffer);
  if (message.type === 'close') sources.close(message.source);
});
