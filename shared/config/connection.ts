/** From the options of a worker or a command to what it needs to call a coordinator. */
import { refuseUnencrypted } from './network.js';
import type { ValuesOf } from './option.js';
import type { clientSchema } from './schema.js';
import { readToken } from './token.js';

export interface Connection {
  /** `host:port`. */
  readonly coordinator: string;
  readonly token: string;
}

type Connecting = Pick<ValuesOf<typeof clientSchema>, 'coordinator' | 'tokenFile' | 'store' | 'insecure'>;

interface ConnectionConfig {
  readonly values: Connecting;
  readonly origins: { readonly coordinator: string };
}

/** Throws `config-invalid`: no token, or an address that is not to be used so. */
export function connectionOf({ values, origins }: ConnectionConfig): Connection {
  const { coordinator, insecure } = values;
  refuseUnencrypted(coordinator, origins.coordinator, insecure);
  return { coordinator, token: readToken(values) };
}
