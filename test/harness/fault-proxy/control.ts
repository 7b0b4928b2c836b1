/** A proxy in another process, told what to do over HTTP: each call is a POST whose path is the method's name. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { FaultControl, FaultProxy } from '../fault-proxy.js';
import type { Plan } from './plan.js';
import type { Counts } from './tally.js';

/** What the process prints when it is ready: where its clients and where its tests go. */
export interface Endpoints {
  readonly endpoint: string;
  readonly control: string;
}

export async function serveControl(proxy: FaultProxy, host: string): Promise<Server & { readonly url: string }> {
  const calls: Readonly<Record<string, (argument: unknown) => Promise<unknown>>> = {
    '/setPlan': (plan) => proxy.setPlan(plan as Plan),
    '/counts': () => proxy.counts(),
    '/struck': (argument) => {
      const { name, times } = argument as { readonly name: string; readonly times: number };
      return proxy.struck(name, times);
    },
    '/deliver': () => proxy.deliver(),
  };
  const server = createServer((request, response) => {
    const call = calls[request.url ?? ''];
    void json(request)
      .then((argument) => call?.(argument))
      .then(
        (result) => response.end(JSON.stringify(result ?? null)),
        (thrown: unknown) => response.writeHead(500).end(String(thrown)),
      );
  });
  server.listen(0, host);
  await once(server, 'listening');
  return Object.assign(server, { url: `http://${host}:${(server.address() as AddressInfo).port}` });
}

/** The test's side of it; `end` ends the process. */
export class RemoteFaultProxy implements FaultControl {
  readonly endpoint: string;
  readonly #control: string;
  readonly #end: () => Promise<void>;

  constructor({ endpoint, control }: Endpoints, end: () => Promise<void>) {
    this.endpoint = endpoint;
    this.#control = control;
    this.#end = end;
  }

  async setPlan(plan: Plan): Promise<void> {
    await this.#call('setPlan', plan);
  }

  async counts(): Promise<Counts> {
    return (await this.#call('counts')) as Counts;
  }

  async struck(name: string, times = 1): Promise<void> {
    await this.#call('struck', { name, times });
  }

  async deliver(): Promise<readonly number[]> {
    return (await this.#call('deliver')) as readonly number[];
  }

  close(): Promise<void> {
    return this.#end();
  }

  async #call(method: string, argument: unknown = null): Promise<unknown> {
    const response = await fetch(`${this.#control}/${method}`, { method: 'POST', body: JSON.stringify(argument) });
    if (!response.ok) throw new Error(`the fault proxy cannot ${method}: ${await response.text()}`);
    return response.json();
  }
}
