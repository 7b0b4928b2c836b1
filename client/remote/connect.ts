/** From the options of a command to a client of the coordinator that they name. */
import { stayAlive, type Clock } from '../../shared/clock.js';
import { connectionOf } from '../../shared/config/connection.js';
import { JobClient } from '../job-client.js';
import type { ClientConfig } from './config.js';

/** Throws `config-invalid` before anything is sent where there is no token or the address is not to be used. */
export async function connected<T>(
  config: ClientConfig,
  clock: Clock,
  use: (client: JobClient) => Promise<T>,
): Promise<T> {
  const { coordinator, token, tls } = connectionOf(config, clock);
  const client = new JobClient({ address: coordinator, token, tls, clock });
  // Between two attempts to reach the coordinator again there is nothing else that would.
  const letGo = stayAlive();
  try {
    return await use(client);
  } finally {
    letGo();
    client.close();
  }
}
