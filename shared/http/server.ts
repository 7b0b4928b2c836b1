/** The HTTP port of a standing process: `/metrics` for Prometheus and `/healthz` for whoever restarts it. Nothing is secret here. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { cannotListen, placeOf } from '../listening.js';

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** By path. */
export type Pages = Readonly<Record<string, () => Page | Promise<Page>>>;

export interface RunningHttp {
  /** `host:port` as bound. */
  readonly address: string;
  close(): Promise<void>;
}

export async function serveHttp(listen: string, pages: Pages): Promise<RunningHttp> {
  const options = { requestTimeout: limits.callDeadlineMs, keepAliveTimeout: limits.keepaliveTimeoutMs };
  const server = createServer(options, (request, response) => {
    // A reader that leaves is no trouble of ours.
    response.on('error', () => undefined);
    void answer(pages, request).then((page) => send(response, request, page));
  });
  server.maxConnections = limits.httpConnectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(cannotListen(listen, error, '--http')));
    server.listen(placeOf(listen), resolve);
  });
  server.on('error', () => undefined);
  const { port } = server.address() as AddressInfo;
  return {
    address: `${listen.slice(0, listen.lastIndexOf(':'))}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(pages: Pages, request: IncomingMessage): Promise<Page> {
  const path = (request.url ?? '/').replace(/[?#].*$/s, '');
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET and HEAD');
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (!page) return plain(404, `there is ${Object.keys(pages).join(' and ')}`);
  try {
    return await page();
  } catch (thrown) {
    return plain(500, GristmillError.from(thrown).message);
  }
}

function plain(status: number, text: string): Page {
  return { status, contentType: 'text/plain; charset=utf-8', text: `${text}\n` };
}

function send(response: ServerResponse, { method }: IncomingMessage, { status, contentType, text }: Page): void {
  const body = Buffer.from(text);
  const headers = { 'content-type': contentType, 'content-length': body.length, 'cache-control': 'no-store' };
  response.writeHead(status, status === 405 ? { ...headers, allow: 'GET, HEAD' } : headers);
  response.end(method === 'HEAD' ? undefined : body);
}
