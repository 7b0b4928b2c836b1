/** A coordinator as a process of its own: store folder, address to listen on and token in, its address out. */
const { startCoordinator } = await import(new URL('../../../dist/coordinator/coordinator.js', import.meta.url));
const { systemClock } = await import(new URL('../../../dist/shared/clock.js', import.meta.url));
const { openStore } = await import(new URL('../../../dist/shared/store/open.js', import.meta.url));
const { currentOwner } = await import(new URL('../../../dist/shared/store/owner.js', import.meta.url));
const { randomBytes } = await import('node:crypto');
const { pino } = await import('pino');

const [folder, listen, token] = process.argv.slice(2);
const store = openStore(folder);
const { address, epoch } = await startCoordinator({
  store,
  storeUri: store.uri,
  clock: systemClock,
  random: (bytes) => randomBytes(bytes),
  owner: currentOwner(false),
  listen,
  token,
  onHalt: (error) => {
    console.error(`halted: ${error.code}: ${error.message}`);
    process.exit(1);
  },
  log: pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true })),
});
console.log(JSON.stringify({ address, epoch }));
