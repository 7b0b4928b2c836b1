/** How commands reach a fleet whose secrets `deploy/secrets.sh` made, at ports of this machine. */
import { join } from 'node:path';

/** As somebody who may submit. */
export function coordinatorFlags(secrets: string, port: number | string): readonly string[] {
  const trust = ['--tls-ca', join(secrets, 'authority.crt'), '--token-file', join(secrets, 'submit.token')];
  return ['--coordinator', `localhost:${port}`, ...trust];
}

/** As somebody who has the keys of its store. */
export function storeFlags(secrets: string, port: number | string): readonly string[] {
  const keys = ['access', 'secret'].flatMap((key) => [`--s3-${key}-key-file`, join(secrets, `store-${key}-key`)]);
  return ['--s3-endpoint', `https://localhost:${port}`, '--s3-ca-file', join(secrets, 'authority.crt'), ...keys];
}
