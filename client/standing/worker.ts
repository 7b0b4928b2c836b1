/** `gristmill worker`: the composition root of a worker that stands. It learns from its coordinator where the store is. */
import { randomBytes } from 'node:crypto';
import { availableParallelism, hostname, tmpdir } from 'node:os';
import type { Logger } from 'pino';
import { stayAlive, within, type Clock } from '../../shared/clock.js';
import { connectionOf } from '../../shared/config/connection.js';
import { serverTls, type ClientTls, type ServerTls } from '../../shared/config/tls.js';
import { isLoopback, refuseUnencrypted } from '../../shared/config/network.js';
import type { ValuesOf } from '../../shared/config/option.js';
import { printConfig } from '../../shared/config/print.js';
import { loadConfig, type Config } from '../../shared/config/resolve.js';
import { workerSchema } from '../../shared/config/schema.js';
import { word } from '../../shared/config/types.js';
import { storeAccessOf } from '../../shared/config/s3.js';
import { GristmillError } from '../../shared/errors.js';
import type { RunningHttp } from '../../shared/http/server.js';
import { parseWorkerId, type WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { S3Server } from '../../shared/protocol.js';
import { currentOwner } from '../../shared/store/owner.js';
import { Stores } from '../../shared/store/stores.js';
import type { Agent } from '../../worker/agent.js';
import type { WorkerObserver } from '../../worker/observer.js';
import { createLogger } from '../log.js';
import { executorEnvironment } from '../run/executor-environment.js';
import { stopRequested, type StandingContext } from './context.js';
import { makeScratch } from './scratch.js';

/** Runs until the first signal, then drains; throws what kept it from starting or going on. */
export async function standAsWorker(context: StandingContext): Promise<void> {
  const config = loadConfig(workerSchema, context);
  const { values } = config;
  if (values.printConfig) {
    context.say(printConfig(config).trimEnd());
    return;
  }
  const log = await createLogger(values.logLevel);
  const onRefused = ({ message }: GristmillError) => {
    log.error({ reason: message }, 'the certificate was replaced by one that is not right: the one before it stays');
  };
  const connection = connectionOf(config, context.clock, onRefused);
  const port: HttpPort = { tls: httpTls(config, context.clock, onRefused) };
  const scratch = makeScratch(values.scratchDir ?? tmpdir(), currentOwner(false), randomBytes(8));
  const opened: Stores[] = [];
  const storesAt = (s3: S3Server | undefined) => {
    const stores = new Stores(storeAccessOf(config, s3));
    opened.push(stores);
    return stores;
  };
  const letGo = stayAlive();
  try {
    const observer = values.http === undefined ? undefined : await observe(values.http, port);
    const { startAgent, heapMegabytesFor, memoryHere } = await import('../../worker/agent.js');
    const slots = values.slots ?? Math.min(limits.slotsMax, availableParallelism());
    const worker = workerId(values.worker, connection.tls);
    const trouble = new Trouble(log);
    const agent = startAgent({
      ...connection,
      worker,
      slots,
      keepsSpares: true,
      scratchDir: scratch.path,
      heapMegabytes: heapMegabytesFor(slots, values.memory ?? memoryHere()),
      environment: executorEnvironment(context.environment),
      stores: storesAt,
      observer,
      clock: context.clock,
      random: (bytes) => randomBytes(bytes),
      log,
      onBroken: (error) => trouble.tell(error),
    });
    port.agent = agent;
    const ready = `gristmill worker ${worker} is ready (coordinator ${connection.coordinator}, slots ${slots}${told(port)})`;
    await serve(agent, context, { values, ready, log, trouble });
  } finally {
    await port.http?.close();
    port.tls?.close();
    for (const stores of opened) await stores.close();
    scratch.remove();
    letGo();
  }
}

interface HttpPort {
  readonly tls: ServerTls | undefined;
  agent?: Agent;
  http?: RunningHttp;
}

/** The rule of a coordinator's port: encrypted where the process has a certificate, and refused beyond this machine where it is not. */
function httpTls(
  { values, origins }: Config<typeof workerSchema>,
  clock: Clock,
  onRefused: (error: GristmillError) => void,
): ServerTls | undefined {
  const { http, insecure } = values;
  if (http === undefined) return undefined;
  const tls = serverTls({ ...values, tlsClientCa: undefined }, clock, onRefused);
  const by = '--tls-cert FILE and --tls-key FILE encrypt it, and an address of this machine needs nothing';
  refuseUnencrypted(http, origins.http, { isEncrypted: tls !== undefined, insecure, by });
  return tls;
}

/** Answers from here on, whether there is a coordinator or not. */
async function observe(listen: string, port: HttpPort): Promise<WorkerObserver> {
  const { observedWorker } = await import('../../worker/http/observed.js');
  const observed = observedWorker();
  port.http = await observed.serve(listen, () => port.agent, port.tls);
  return observed.observer;
}

function told({ http, tls }: HttpPort): string {
  if (http === undefined) return '';
  const base = `${tls ? 'https' : 'http'}://${http.address}`;
  return isLoopback(http.address) ? `, metrics at ${base}/metrics` : `, health at ${base}/healthz`;
}

interface Service {
  readonly values: ValuesOf<typeof workerSchema>;
  readonly ready: string;
  readonly log: Logger;
  readonly trouble: Trouble;
}

async function serve(agent: Agent, context: StandingContext, { values, ready, log, trouble }: Service): Promise<void> {
  let graceMs = 0;
  const stopped = stopRequested(context);
  try {
    const registered = within(
      context.clock,
      values.connectMs,
      agent.ready,
      () => trouble.last ?? unreachable(values.coordinator),
    );
    registered.catch(() => undefined); // a signal may come first
    if (await Promise.race([registered.then(() => true), stopped.then(() => false)])) {
      context.say(ready);
      await Promise.race([stopped, agent.lost]);
    }
    graceMs = values.drainMs;
    log.info({ signal: context.stop.requested, graceMs }, 'the worker takes no more tasks and lets those that run end');
  } finally {
    await agent.stop(graceMs);
  }
}

/** Why there is no connection: told in the log when it is another reason than before. */
class Trouble {
  last: GristmillError | undefined;
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  tell(error: GristmillError): void {
    if (error.message !== this.last?.message)
      this.#log.warn({ reason: error.message }, 'no connection to the coordinator');
    this.last = error;
  }
}

/** Two workers of one name would take each other for a restarted one. */
function workerId(given: string | undefined, tls: ClientTls | undefined): WorkerId {
  const certified = tls?.current().pair?.commonName;
  if (given !== undefined) return parseWorkerId(given);
  // A coordinator that asks for certificates takes no other name.
  if (certified !== undefined && word.fromText(certified, '') !== undefined) return parseWorkerId(certified);
  const host = hostname()
    .replace(/[^A-Za-z0-9.-]/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 80);
  return parseWorkerId(`${host === '' ? 'worker' : host}-${randomBytes(4).toString('hex')}`);
}

function unreachable(coordinator: string): GristmillError {
  const hint = 'start it with: gristmill coordinator --store URI; --coordinator host:port names another address';
  return new GristmillError('unavailable', `no coordinator answers at ${coordinator}\nhint: ${hint}`);
}
