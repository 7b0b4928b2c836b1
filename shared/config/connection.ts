/** From the options of a worker or a command to what it needs to call a coordinator. */
import type { Clock } from '../clock.js';
import type { GristmillError } from '../errors.js';
import { refuseUnencrypted } from './network.js';
import type { ValuesOf } from './option.js';
import type { clientSchema, workerSchema } from './schema.js';
import { clientTls, type ClientTls } from './tls.js';
import { readToken } from './token.js';

export interface Connection {
  /** `host:port`. */
  readonly coordinator: string;
  readonly token: string;
  /** Absent: nothing is encrypted. */
  readonly tls?: ClientTls;
}

type Connecting = Pick<
  ValuesOf<typeof clientSchema>,
  'coordinator' | 'tokenFile' | 'store' | 'insecure' | 'tls' | 'tlsCa'
> &
  Partial<Pick<ValuesOf<typeof workerSchema>, 'tlsCert' | 'tlsKey'>>;

interface ConnectionConfig {
  readonly values: Connecting;
  readonly origins: { readonly coordinator: string };
}

/**
 * Throws `config-invalid`: no token, files of TLS that are not to be used, or an address that is not to be used so.
 * `onRefused` is told of files that were replaced by broken ones later.
 */
export function connectionOf(
  { values, origins }: ConnectionConfig,
  clock: Clock,
  onRefused: (error: GristmillError) => void = () => undefined,
): Connection {
  const { coordinator, insecure } = values;
  const tls = clientTls(values, clock, onRefused);
  const by = '--tls-ca FILE, or --tls, encrypts it';
  refuseUnencrypted(coordinator, origins.coordinator, { isEncrypted: tls !== undefined, insecure, by });
  return { coordinator, token: readToken(values), ...(tls && { tls }) };
}
