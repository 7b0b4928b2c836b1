/** Ports that nobody has, for processes that are told theirs. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

export async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** `host:port` on loopback. */
export async function freePlace(): Promise<string> {
  return `127.0.0.1:${await freePort('127.0.0.1')}`;
}
