/** A certificate is for the names that it was made for, to the letter, and for no other worker. */
import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkWorkerName } from '../../../coordinator/grpc/worker-certificate.js';
import { systemClock } from '../../../shared/clock.js';
import { hasCode } from '../../../shared/errors.js';
import { Authority } from '../../harness/certificates.js';

const authority = new Authority();

function isLetIn(worker: string, shown: PeerCertificate | undefined): boolean {
  try {
    checkWorkerName(worker, shown, systemClock);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'permission-denied')) return false;
    throw thrown;
  }
}

/** Short and alike, so that names that are nearly right come up. */
const name = fc.stringMatching(/^[aA1][aA1._-]{0,3}$/);
const written = fc.oneof(
  name,
  name.map((text) => `*.${text}`),
  fc.constantFrom('*', 'a*', '*a', 'a\0', 'a, DNS:A', 'a\nCN=A'),
);

// Of DNS names that differ in case alone the first is found: nobody makes such a certificate, and it lets in fewer.
test('a worker is let in exactly when its name is the common name or one of the DNS names', () => {
  const certificate = fc.record({
    commonName: fc.option(written, { nil: undefined }),
    dnsNames: fc.uniqueArray(written, { selector: (text) => text.toLowerCase(), maxLength: 3 }),
  });
  fc.assert(
    fc.property(certificate, fc.array(name, { minLength: 1, maxLength: 5 }), ({ commonName, dnsNames }, others) => {
      const { cert } = authority.issue({ ...(commonName !== undefined && { commonName }), dnsNames });
      const { raw } = new X509Certificate(cert);
      const given = [...(commonName === undefined ? [] : [commonName]), ...dnsNames];
      for (const worker of [...others, ...given.filter((text) => /^[aA1][aA1._-]*$/.test(text))]) {
        expect([worker, isLetIn(worker, { raw } as PeerCertificate)]).toEqual([worker, given.includes(worker)]);
      }
    }),
    { numRuns: 200 },
  );
  expect(isLetIn('a', undefined)).toBe(false);
});
