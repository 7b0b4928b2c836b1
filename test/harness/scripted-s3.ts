/** A server that answers as a test says, to see what is made of answers that a real one gives only now and then. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { S3Access } from '../../shared/store/s3/access.js';

export interface ScriptedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Script = (request: ScriptedRequest, response: ServerResponse, n: number) => void;

export interface ScriptedS3 {
  readonly access: S3Access;
  readonly requests: readonly ScriptedRequest[];
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** `script` is called for each request with its number, from 1 on. */
export async function scriptedS3(script: Script): Promise<ScriptedS3> {
  const requests: ScriptedRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const told = { method, url, headers, body: Buffer.concat(pieces).toString() };
      requests.push(told);
      script(told, response, requests.length);
    });
    request.on('error', () => undefined);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    access: { endpoint, region: 'us-east-1', accessKey: 'THE-ACCESS-KEY', secretKey: 'THE-SECRET-KEY' },
    requests,
    sockets,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function refuse(response: ServerResponse, status: number, code: string, more = ''): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<Error><Code>${code}</Code><Message>it says no</Message>${more}</Error>`);
}
