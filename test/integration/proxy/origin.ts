/** A small server of objects in memory, and a client without any patience: what is on either side of a proxy in its tests. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type Agent, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly host: string;
}

export interface Origin {
  readonly endpoint: string;
  readonly objects: ReadonlyMap<string, Buffer>;
  readonly seen: readonly Seen[];
  /** Requests whose bodies broke off. */
  readonly broken: readonly string[];
  readonly connections: number;
  /** Resolves as soon as it holds, looking after each request. */
  until(holds: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export async function startOrigin(): Promise<Origin> {
  const objects = new Map<string, Buffer>();
  const seen: Seen[] = [];
  const broken: string[] = [];
  const watchers = new Set<() => void>();
  let connections = 0;
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, host: headers.host ?? '' });
    void buffer(request)
      .then((body) => {
        if (method === 'PUT' || method === 'POST') objects.set(url, body);
        const object = objects.get(url);
        const { status, answer } = object ? rangeOf(object, headers.range) : { status: 404, answer: Buffer.alloc(0) };
        const isRead = method === 'GET';
        response.writeHead(status, { 'Content-Length': isRead ? answer.length : 0 });
        response.end(isRead ? answer : undefined);
      })
      .catch(() => broken.push(url))
      .finally(() => [...watchers].forEach((look) => look()));
  });
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    seen,
    broken,
    get connections() {
      return connections;
    },
    until: (holds) =>
      new Promise((resolve) => {
        const look = () => {
          if (!holds()) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function rangeOf(object: Buffer, range: string | undefined): { readonly status: number; readonly answer: Buffer } {
  const match = /^bytes=(\d+)-(\d+)$/.exec(range ?? '');
  if (!match) return { status: 200, answer: object };
  return { status: 206, answer: object.subarray(Number(match[1]), Number(match[2]) + 1) };
}

export interface Asked {
  readonly method?: string;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

export interface Told {
  readonly status: number;
  readonly body: Buffer;
  /** The connection broke in the middle of the body. */
  readonly isCut: boolean;
}

/** Rejects when the connection breaks before there is an answer. */
export async function ask(endpoint: string, path: string, asked: Asked = {}): Promise<Told> {
  const { method = 'GET', body, headers = {}, agent, signal } = asked;
  const length = body ? { 'Content-Length': String(body.length) } : {};
  const outgoing = httpRequest(`${endpoint}${path}`, {
    method,
    headers: { ...length, ...headers },
    ...(agent && { agent }),
    ...(signal && { signal }),
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
  });
  outgoing.end(body);
  const answer = await answered;
  const pieces: Buffer[] = [];
  try {
    for await (const piece of answer as AsyncIterable<Buffer>) pieces.push(piece);
  } catch {
    return { status: answer.statusCode ?? 0, body: Buffer.concat(pieces), isCut: true };
  }
  return { status: answer.statusCode ?? 0, body: Buffer.concat(pieces), isCut: false };
}
