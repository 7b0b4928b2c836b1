/** What stands between a coordinator and the network: TLS, further tokens, and the refusal of addresses that have neither. */
import type { Logger } from 'pino';
import { NO_GRANTS, type Grants } from '../../coordinator/access/guard.js';
import { parseGrants } from '../../shared/access.js';
import type { Clock } from '../../shared/clock.js';
import { refuseUnencrypted } from '../../shared/config/network.js';
import { lookEvery, Reloaded } from '../../shared/config/reloaded.js';
import type { Config } from '../../shared/config/resolve.js';
import type { coordinatorSchema } from '../../shared/config/schema.js';
import { serverTls, type ServerTls } from '../../shared/config/tls.js';
import type { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';

export interface CoordinatorProtection {
  readonly grants: Grants;
  readonly tls: ServerTls | undefined;
  /** Looks at no file any more. */
  close(): void;
}

/** Throws `config-invalid`. */
export function protectionOf(
  { values, origins }: Config<typeof coordinatorSchema>,
  clock: Clock,
  log: Pick<Logger, 'info' | 'error'>,
): CoordinatorProtection {
  const { listen, http, insecure, accessFile } = values;
  const onRefused = ({ message }: GristmillError) =>
    log.error({ reason: message }, 'a file was replaced by one that is not right: the one before it stays in force');
  const tls = serverTls(values, clock, onRefused);
  tls?.onChange(({ validToMs }) => {
    log.info({ validTo: new Date(validToMs).toISOString() }, 'new connections are shown the new certificate');
  });
  const protection = { isEncrypted: tls !== undefined, insecure, by: '--tls-cert FILE and --tls-key FILE encrypt it' };
  refuseUnencrypted(listen, origins.listen, protection);
  if (http !== undefined) refuseUnencrypted(http, origins.http, protection);
  if (accessFile === undefined) return { grants: NO_GRANTS, tls, close: () => tls?.close() };
  const access = new Reloaded({
    paths: [accessFile],
    parse: ([text]) => parseGrants((text ?? '').toString(), accessFile),
    onRefused,
  });
  const listeners: (() => void)[] = [];
  const stopLooking = lookEvery(clock, limits.reloadMs, () => {
    if (!access.refresh()) return;
    log.info({ tokens: access.value.length }, 'the access file was read again');
    for (const listener of listeners) listener();
  });
  return {
    grants: {
      get current() {
        return access.value;
      },
      onChange: (listener) => void listeners.push(listener),
    },
    tls,
    close() {
      stopLooking();
      tls?.close();
    },
  };
}
