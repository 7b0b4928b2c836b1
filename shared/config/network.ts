/** Nothing is encrypted yet, so the network is this machine unless somebody says that it may be more. */
import { GristmillError } from '../errors.js';

/** Throws `config-invalid` for an address of another machine, or of all, without `insecure`. */
export function refuseUnencrypted(address: string, origin: string, insecure: boolean): void {
  if (insecure || isLoopback(address)) return;
  const message = `${address} (${origin}) can be reached from other machines, and connections are not encrypted yet`;
  const hint = '--insecure takes the risk: whoever can listen in reads the token, and can run code on the workers';
  throw new GristmillError('config-invalid', `${message}\nhint: ${hint}`);
}

export function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':'));
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
