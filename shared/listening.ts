/** Addresses that a process is to listen on. */
import { GristmillError } from './errors.js';

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
