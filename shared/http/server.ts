/** The HTTP port of a standing process: `/metrics` for Prometheus and `/healthz` for whoever restarts it. Encrypted where a coordinator is. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ServerTls } from '../config/tls.js';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import { cannotListen, placeOf } from '../listening.js';

export interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** By path; each is given the header `authorization`. */
export type Pages = Readonly<Record<string, (authorization: string | undefined) => Page | Promise<Page>>>;

export interface RunningHttp {
  /** `host:port` as bound. */
  readonly address: string;
  close(): Promise<void>;
}

export async function serveHttp(listen: string, pages: Pages, tls?: ServerTls): Promise<RunningHttp> {
  const server = serverFor(tls, (request, response) => {
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

function serverFor(tls: ServerTls | undefined, listener: RequestListener): Server {
  const options = { requestTimeout: limits.callDeadlineMs, keepAliveTimeout: limits.keepaliveTimeoutMs };
  if (!tls) return createServer(options, listener);
  // Browsers and scrapers have no certificates, whatever workers need.
  const server = createSecureServer({ ...options, cert: tls.context.cert, key: tls.context.key }, listener);
  tls.onChange(({ cert, key }) => server.setSecureContext({ cert, key }));
  return server;
}

async function answer(pages: Pages, request: IncomingMessage): Promise<Page> {
  const path = (request.url ?? '/').replace(/[?#].*$/s, '');
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET and HEAD');
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (!page) return plain(404, `there is ${Object.keys(pages).join(' and ')}`);
  try {
    return await page(request.headers.authorization);
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
  const more = status === 405 ? { allow: 'GET, HEAD' } : status === 401 ? { 'www-authenticate': 'Bearer' } : {};
  response.writeHead(status, { ...headers, ...more });
  response.end(method === 'HEAD' ? undefined : body);
}
