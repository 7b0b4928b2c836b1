/** The port that a coordinator is to listen on, tried before it does anything that others would notice. */
import { createServer } from 'node:net';
import { GristmillError } from '../../shared/errors.js';

/** Throws `unavailable` when nobody can listen there. */
export function refuseOccupied(listen: string): Promise<void> {
  const colon = listen.lastIndexOf(':');
  const host = listen.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(listen.slice(colon + 1));
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', (error) => reject(cannotListen(listen, error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

export function cannotListen(listen: string, cause: Error): GristmillError {
  const reason = cause.message.includes('EADDRINUSE') ? 'another process listens there already' : cause.message;
  const hint = '--listen host:port chooses another address; port 0 takes a free one';
  return new GristmillError('unavailable', `cannot listen on ${listen}: ${reason}\nhint: ${hint}`, { cause });
}
