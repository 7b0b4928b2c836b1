/** The client's side of TLS, and what a connection that does not come about says. */
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import type { ClientContext } from '../config/tls.js';
import { GristmillError } from '../errors.js';

export interface Channel {
  readonly credentials: ChannelCredentials;
  readonly options: ChannelOptions;
}

/** How to reach the address. Its certificate has to be for the host in it, whether that is a name or a number. */
export function channelTo(address: string, context: ClientContext | undefined): Channel {
  if (!context) return { credentials: ChannelCredentials.createInsecure(), options: {} };
  const { ca, pair } = context;
  const secure = createSecureContext({ ...(ca && { ca }), ...(pair && { cert: pair.cert, key: pair.key }) });
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0) return { credentials: ChannelCredentials.createFromSecureContext(secure), options: {} };
  // TLS has no numbers where a server's name is sent, and Node warns of them: what is sent is a name that nobody looks at.
  const byNumber = {
    checkServerIdentity: (_sent: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
  };
  return {
    credentials: ChannelCredentials.createFromSecureContext(secure, byNumber),
    options: { 'grpc.ssl_target_name_override': 'coordinator.invalid' },
  };
}

/** What OpenSSL and Node call what goes wrong before anything is encrypted. */
const OF_TLS = /certificate|altnames|issuer|\bSSL\b|\bTLS\b|EPROTO|wrong version number/i;

/** gRPC surrounds what the socket said with what it had tried, and OpenSSL with where in its code it was. */
function causeIn(details: string): string {
  const said = /Last error: (?:Error: )?(.*?)(?:\. Resolution note:.*)?$/s.exec(details)?.[1] ?? details;
  const cause = said.replace(/ \(\d{4}-.*$/s, '').trim();
  return /:SSL routines:[^:]*:([^:]+):/.exec(cause)?.[1] ?? cause;
}

/** From the status of a call without a connection: which address, why, and what to try. `isTls`: as the caller wanted it. */
export function connectionError(address: string, details: string, isTls: boolean): GristmillError {
  const cause = causeIn(details);
  if (isTls && OF_TLS.test(cause)) {
    const hint =
      '--tls-ca FILE names the authority that has signed the certificate of the coordinator; the certificate has to be in date, ' +
      'and for the name or address in --coordinator';
    return new GristmillError('tls-failed', `no encrypted connection to ${address}: ${cause}\nhint: ${hint}`);
  }
  const tls = isTls ? '' : '; --tls-ca FILE is for one that uses TLS';
  const hint = `start it with 'gristmill coordinator', or name another address with --coordinator HOST:PORT${tls}`;
  return new GristmillError('unavailable', `no coordinator answers at ${address}: ${cause}\nhint: ${hint}`);
}
