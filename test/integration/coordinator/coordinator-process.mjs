/** A coordinator as a process of its own: store folder, address to listen on and token in, its address out. */
const { outputsIn, startCoordinator } = await import(
  new URL('../../../dist/coordinator/coordinator.js', import.meta.url)
);
const { systemClock } = await import(new URL('../../../dist/shared/clock.js', import.meta.url));
const { Stores } = await import(new URL('../../../dist/shared/store/stores.js', import.meta.url));
const { currentOwner } = await import(new URL('../../../dist/shared/store/owner.js', import.meta.url));
const { randomBytes } = await import('node:crypto');
const { pino } = await import('pino');

const [folder, listen, token] = process.argv.slice(2);
const stores = new Stores();
const store = stores.open(folder);
const { address, epoch } = await startCoordinator({
  store,
  storeUri: store.uri,
  outputs: outputsIn(stores, systemClock),
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
