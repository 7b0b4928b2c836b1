/** Beyond this machine nothing goes unencrypted unless somebody says that it may. */
import { GristmillError } from '../errors.js';

export interface Protection {
  /** Whoever listens in reads nothing. */
  readonly isEncrypted: boolean;
  readonly insecure: boolean;
  /** The options that would encrypt it. */
  readonly by: string;
}

/** Throws `config-invalid` for an address of another machine, or of all, that is not encrypted, without `insecure`. */
export function refuseUnencrypted(address: string, origin: string, { isEncrypted, insecure, by }: Protection): void {
  if (isEncrypted || insecure || isLoopback(address)) return;
  const message = `${address} (${origin}) can be reached from other machines, and the connection is not encrypted`;
  const risk = 'whoever can listen in reads the token, and can run code on the workers';
  throw new GristmillError(
    'config-invalid',
    `${message}\nhint: ${by} (docs/guide/security.md); --insecure takes the risk: ${risk}`,
  );
}

export function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':'));
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
