/** Binds a worker's name to its certificate: who has that of one worker cannot register as another. */
import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import type { Clock } from '../../shared/clock.js';
import { commonNameOf } from '../../shared/config/certificates.js';
import { GristmillError } from '../../shared/errors.js';

/**
 * Throws `permission-denied` unless the certificate of the connection is one for a worker of that name. `shown`: what came with
 * the connection, if its authority and dates were right.
 */
export function checkWorkerName(worker: string, shown: PeerCertificate | undefined, clock: Clock): void {
  if (!shown) {
    const message = `the worker ${worker} came without a certificate that this coordinator accepts`;
    const reasons = 'none was given, it has expired, or it is of another authority than that of --tls-client-ca';
    throw new GristmillError('permission-denied', `${message}\nhint: ${reasons}`);
  }
  const certificate = new X509Certificate(shown.raw);
  // A connection, or what is resumed of it, may be older than the end of its certificate.
  if (Date.parse(certificate.validTo) < clock.now()) {
    const message = `the certificate of the worker ${worker} has expired: it was valid until ${certificate.validTo}`;
    throw new GristmillError('permission-denied', message);
  }
  if (isFor(certificate, worker)) return;
  const names = [commonNameOf(certificate), certificate.subjectAltName].filter((name) => name !== undefined);
  const message = `the worker is named ${worker}, and its certificate is for ${names.join(', ') || 'nobody'}`;
  throw new GristmillError(
    'permission-denied',
    `${message}\nhint: --worker NAME names the worker as its certificate does`,
  );
}

/** Its common name, or one of its DNS names: letter by letter, without wildcards. */
function isFor(certificate: X509Certificate, worker: string): boolean {
  if (commonNameOf(certificate) === worker) return true;
  // Found by the rules of DNS, which take `W1` for `w1`; what was found is compared.
  return certificate.checkHost(worker, { subject: 'never', wildcards: false }) === worker;
}
