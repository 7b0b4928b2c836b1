/** A worker as a process of its own: address, token and scratch folder in; runs until SIGTERM. */
const { heapMegabytesFor, startAgent } = await import(new URL('../../../dist/worker/agent.js', import.meta.url));
const { Stores } = await import(new URL('../../../dist/shared/store/stores.js', import.meta.url));
const { systemClock } = await import(new URL('../../../dist/shared/clock.js', import.meta.url));
const { randomBytes } = await import('node:crypto');
const { totalmem } = await import('node:os');
const { pino } = await import('pino');

const [coordinator, token, scratchDir] = process.argv.slice(2);
const stores = new Stores();
const agent = startAgent({
  coordinator,
  token,
  worker: 'w1',
  slots: 2,
  keepsSpares: false,
  scratchDir,
  heapMegabytes: heapMegabytesFor(2, totalmem()),
  environment: { PATH: process.env.PATH, GRISTMILL_GATES: process.env.GRISTMILL_GATES },
  stores: () => stores,
  clock: systemClock,
  random: (bytes) => randomBytes(bytes),
  log: pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true })),
});
process.on('SIGTERM', () => void agent.stop().then(() => process.exit(0)));
