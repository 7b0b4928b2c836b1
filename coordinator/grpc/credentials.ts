/**
 * The server's side of TLS, whose certificate may be replaced while it listens. What gRPC has for that takes whatever stands in
 * the files: a missing or half-written one makes it drop every new connection until it is whole.
 */
import { ServerCredentials } from '@grpc/grpc-js';
import type { ServerContext, ServerTls } from '../../shared/config/tls.js';

export function credentialsOf(tls: ServerTls | undefined): ServerCredentials {
  return tls ? new ReplaceableCredentials(tls) : ServerCredentials.createInsecure();
}

class ReplaceableCredentials extends ServerCredentials {
  constructor(tls: ServerTls) {
    // Asked for and not demanded: commands have none, and a worker without a right one is told so in words.
    super({ requestCert: tls.isMutual, rejectUnauthorized: false }, contextOf(tls.context));
    tls.onChange((context) => this.updateSecureContextOptions(contextOf(context)));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

function contextOf({ cert, key, ca }: ServerContext) {
  return { cert, key, ...(ca && { ca }) };
}
