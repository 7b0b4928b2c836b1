/** Addresses that a process is to listen on; tried before it does anything that others would notice. */
import { createServer } from 'node:net';
import { GristmillError } from './errors.js';

/** Throws `unavailable` when nobody can listen there. */
export function refuseOccupied(listen: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', (error) => reject(cannotListen(listen, error)));
    server.listen({ ...placeOf(listen), exclusive: true }, () => server.close(() => resolve()));
  });
}

/** What Node listens on for `host:port`. */
export function placeOf(listen: string): { readonly host: string; readonly port: number } {
  const colon = listen.lastIndexOf(':');
  return { host: listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(listen.slice(colon + 1)) };
}

/** `flag`: the option that named the address. */
export function cannotListen(listen: string, cause: Error, flag = '--listen'): GristmillError {
  const reason = cause.message.includes('EADDRINUSE') ? 'another process listens there already' : cause.message;
  const hint = `${flag} host:port chooses another address; port 0 takes a free one`;
  return new GristmillError('unavailable', `cannot listen on ${listen}: ${reason}\nhint: ${hint}`, { cause });
}
