/**
 * A proxy between an S3 client and its server, through which tests inject what networks and servers do: see
 * fault-proxy/plan.ts for the faults. It speaks plain HTTP, streams what it passes on, keeps connections alive on both sides,
 * and counts. Its plan can be changed while it runs. fault-proxy/main.ts is the same as a process of its own.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Exchange } from './fault-proxy/exchange.js';
import { Held } from './fault-proxy/held.js';
import { Fates, type Plan } from './fault-proxy/plan.js';
import { describeRequest } from './fault-proxy/s3-request.js';
import { Tally, type Counts } from './fault-proxy/tally.js';
import { Upstream } from './fault-proxy/upstream.js';

export * from './fault-proxy/plan.js';
export { requestsOf, type Counts } from './fault-proxy/tally.js';

/** What a test does with a proxy, in its own process or in another. */
export interface FaultControl {
  /** `http://host:port`, for the client in the place of the server's. */
  readonly endpoint: string;
  /** From the next request on; what is under way keeps its fate. */
  setPlan(plan: Plan): Promise<void>;
  counts(): Promise<Counts>;
  /** Resolves when faults of this name have struck so often. */
  struck(name: string, times?: number): Promise<void>;
  /** Delivers the requests of `late` faults; the server's statuses. */
  deliver(): Promise<readonly number[]>;
  close(): Promise<void>;
}

export interface FaultProxyOptions {
  /** The server: `http://host:port`. */
  readonly server: string;
  /** Default: a free port of the loopback interface. */
  readonly host?: string;
  readonly port?: number;
  readonly plan?: Plan;
}

/** A client may let a connection rest for longer than Node would. */
const IDLE_MS = 60_000;

export class FaultProxy implements FaultControl {
  readonly #server: Server;
  readonly #upstream: Upstream;
  readonly #held: Held;
  readonly #tally = new Tally();
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #watchers = new Set<() => void>();
  #fates: Fates;
  #endpoint = '';

  private constructor({ server, plan = { rules: [] } }: FaultProxyOptions) {
    this.#upstream = new Upstream(server);
    this.#held = new Held(this.#upstream);
    this.#fates = new Fates(plan);
    this.#server = createServer({ keepAliveTimeout: IDLE_MS }, (request, response) => {
      const run = this.#serve(request, response).finally(() => this.#running.delete(run));
      this.#running.add(run);
    });
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    const host = options.host ?? '127.0.0.1';
    proxy.#server.listen(options.port ?? 0, host);
    await once(proxy.#server, 'listening');
    proxy.#endpoint = `http://${host}:${(proxy.#server.address() as AddressInfo).port}`;
    return proxy;
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  setPlan(plan: Plan): Promise<void> {
    this.#fates = new Fates(plan);
    return Promise.resolve();
  }

  counts(): Promise<Counts> {
    return Promise.resolve(this.#tally.read());
  }

  struck(name: string, times = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if ((this.#tally.read().injected[name] ?? 0) < times) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  deliver(): Promise<readonly number[]> {
    return this.#held.deliver();
  }

  /** Breaks what is under way; requests that were held back are never delivered. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#held.close();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.all([closed, ...this.#running]);
    this.#upstream.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that leaves makes both emit errors, of which nobody needs to know.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
    const described = describeRequest(request);
    const { latencyMs, fault, latencies, faults } = this.#fates.next(described);
    const ports = { upstream: this.#upstream, tally: this.#tally, held: this.#held };
    const exchange = new Exchange(request, response, described, ports);
    this.#strike(latencies);
    const { signal } = this.#closing;
    if (latencyMs > 0) await delay(latencyMs, undefined, { signal }).catch(() => request.socket.destroy());
    // A client that gave up meanwhile has sent nothing.
    if (response.destroyed || signal.aborted) return;
    await exchange.run(fault, () => this.#strike(faults));
  }

  #strike(names: readonly string[]): void {
    this.#tally.injected(names);
    for (const look of [...this.#watchers]) look();
  }
}
