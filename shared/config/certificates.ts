/** What a certificate file, a key file and the file of an authority have to hold, and what is said when they do not. */
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { GristmillError } from '../errors.js';

/** A certificate, those between it and its authority, and its key: as PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Wall clock: it is accepted by nobody after that. */
  readonly validToMs: number;
  /** The common name of its subject; undefined where it has none, or several. */
  readonly commonName: string | undefined;
}

export interface PairPaths {
  readonly cert: string;
  readonly key: string;
}

const CERTIFICATE =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[\s\S]*?-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** Throws `config-invalid`: what others would refuse is refused here, where somebody can mend it. */
export function keyPairOf(cert: Buffer, key: Buffer, paths: PairPaths, nowMs: number): KeyPair {
  const [own, ...chain] = certificatesIn(cert, paths.cert);
  if (own === undefined)
    throw invalid(`${paths.cert} holds no certificate: it is to be PEM, -----BEGIN CERTIFICATE-----`);
  for (const certificate of [own, ...chain]) refuseOutOfDate(certificate, paths.cert, nowMs);
  if (!own.checkPrivateKey(privateKeyIn(key, paths.key))) {
    throw invalid(`the key in ${paths.key} is not that of the certificate in ${paths.cert}`);
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw invalid(`cannot use the certificate ${paths.cert} with the key ${paths.key}: ${reasonOf(cause)}`, cause);
  }
  return { cert, key, validToMs: Date.parse(own.validTo), commonName: commonNameOf(own) };
}

/** Throws `config-invalid` unless the file has certificates, all of them well-formed. */
export function authorityOf(ca: Buffer, path: string): Buffer {
  if (certificatesIn(ca, path).length > 0) return ca;
  throw invalid(`${path} holds no certificate of an authority: it is to be PEM, -----BEGIN CERTIFICATE-----`);
}

export function commonNameOf(certificate: X509Certificate): string | undefined {
  // Whatever its type says, it is undefined where there is nothing in it.
  const subject = certificate.subject as string | undefined;
  const names = [...(subject ?? '').matchAll(/^CN=(.*)$/gm)].map(([, name]) => name);
  return names.length === 1 ? names[0] : undefined;
}

function certificatesIn(pem: Buffer, path: string): readonly X509Certificate[] {
  try {
    return (pem.toString('latin1').match(CERTIFICATE) ?? []).map((block) => new X509Certificate(block));
  } catch (cause) {
    throw invalid(`a certificate in ${path} is damaged: ${reasonOf(cause)}`, cause);
  }
}

function privateKeyIn(key: Buffer, path: string): KeyObject {
  try {
    return createPrivateKey(key);
  } catch (cause) {
    const hint = 'it is to be a private key as PEM, without a passphrase';
    throw invalid(`cannot use the key in ${path}: ${reasonOf(cause)}\nhint: ${hint}`, cause);
  }
}

function refuseOutOfDate({ validFrom, validTo }: X509Certificate, path: string, nowMs: number): void {
  if (Date.parse(validTo) < nowMs) throw invalid(`a certificate in ${path} has expired: it was valid until ${validTo}`);
  if (Date.parse(validFrom) > nowMs)
    throw invalid(`a certificate in ${path} is not valid yet: it begins at ${validFrom}`);
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function invalid(message: string, cause?: unknown): GristmillError {
  return new GristmillError('config-invalid', message, cause === undefined ? {} : { cause });
}
