/** Files that hold a secret, such as a private key. */
import { statSync } from 'node:fs';
import { GristmillError } from '../errors.js';

/** On Windows files have no such permissions. */
const OTHERS_READ = 0o004;

/** Throws `config-invalid` where everybody on this machine can read the file; what the system says where there is none. */
export function refuseReadableByAll(path: string): void {
  if ((statSync(path).mode & OTHERS_READ) === 0 || process.platform === 'win32') return;
  throw new GristmillError(
    'config-invalid',
    `the key file ${path} can be read by every user of this machine\nhint: chmod 600 ${path}; a secret of Kubernetes is ` +
      'mounted with defaultMode 0440',
  );
}
