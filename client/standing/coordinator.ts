/** `gristmill coordinator`: the composition root of a coordinator that stands, over a store in a folder or a bucket. */
import { randomBytes } from 'node:crypto';
import { stayAlive } from '../../shared/clock.js';
import { printConfig } from '../../shared/config/print.js';
import { loadConfig } from '../../shared/config/resolve.js';
import { coordinatorSchema } from '../../shared/config/schema.js';
import { s3ServerOf, storeAccessOf } from '../../shared/config/s3.js';
import { ensureToken } from '../../shared/config/token.js';
import { GristmillError } from '../../shared/errors.js';
import { currentOwner } from '../../shared/store/owner.js';
import { Stores } from '../../shared/store/stores.js';
import { createLogger } from '../log.js';
import { stopRequested, type StandingContext } from './context.js';
import { protectionOf } from './protection.js';

/** Runs until the first signal, or until another coordinator leads; throws what kept it from starting or going on. */
export async function standAsCoordinator(context: StandingContext): Promise<void> {
  const config = loadConfig(coordinatorSchema, context);
  const { store: storePlace, listen, http, dataRoot, tokenFile, leaseMs, connectMs, logLevel } = config.values;
  if (config.values.printConfig) {
    context.say(printConfig(config).trimEnd());
    return;
  }
  if (storePlace === undefined) {
    const hint =
      'a folder on a disk that lasts, shared by all workers: gristmill coordinator --store /srv/gristmill; ' +
      'or a place in a bucket: --store s3://bucket/prefix';
    throw new GristmillError('command-line', `a coordinator needs a store: --store URI\nhint: ${hint}`);
  }
  const log = await createLogger(logLevel);
  const protection = protectionOf(config, context.clock, log);
  const random = (bytes: number) => randomBytes(bytes);
  const stores = new Stores(storeAccessOf(config));
  const store = stores.open(storePlace);
  const token = ensureToken({ store: store.uri, tokenFile }, random);
  if (dataRoot.length === 0)
    log.warn('no --data-root is given: jobs that read or write files of a disk will be refused');
  const [{ outputsIn, startCoordinator }, { standingRetention }] = await Promise.all([
    import('../../coordinator/coordinator.js'),
    import('../../coordinator/scheduler/retention.js'),
  ]);
  const letGo = stayAlive();
  try {
    let halt: (error: GristmillError) => void = () => undefined;
    const halted = new Promise<never>((_, reject) => (halt = reject));
    halted.catch(() => undefined);
    const s3 = s3ServerOf(config.values);
    const options = { store, storeUri: store.uri, s3, clock: context.clock, random, listen, http, token, leaseMs, log };
    const owner = currentOwner(false);
    const coordinator = await startCoordinator({
      ...options,
      contact: { forMs: connectMs, signal: context.stop.signal },
      owner,
      outputs: outputsIn(stores, context.clock),
      dataRoots: dataRoot,
      isDiscoverable: true,
      retention: standingRetention(config.values.lateWriteMs),
      grants: protection.grants,
      tls: protection.tls,
      onHalt: (error) => halt(error),
    }).catch((thrown: unknown) => {
      // Told to stop while it waited for its store, it has nothing to stop.
      if (context.stop.requested !== undefined) return undefined;
      throw thrown;
    });
    if (!coordinator) return;
    const { address, httpAddress, epoch } = coordinator;
    const metrics =
      httpAddress === undefined ? '' : `, metrics at ${protection.tls ? 'https' : 'http'}://${httpAddress}/metrics`;
    context.say(`gristmill coordinator is ready on ${address} (store ${store.uri}, epoch ${epoch}${metrics})`);
    try {
      await Promise.race([stopRequested(context), halted]);
      log.info({ signal: context.stop.requested }, 'the coordinator stops; workers wait for its successor');
    } finally {
      await coordinator.close();
    }
  } finally {
    protection.close();
    await stores.close();
    letGo();
  }
}
