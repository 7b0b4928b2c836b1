/**
 * Certificates for tests, made when they are needed: an authority, and what it signs for a name and a time. They are written in
 * DER by hand, since Node reads certificates and makes none; TLS itself is the judge of whether they are right.
 */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface CertificateOptions {
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  /** IPv4. */
  readonly addresses?: readonly string[];
  /** From now; negative: it has expired. */
  readonly validForMs?: number;
}

const DAY_MS = 24 * 60 * 60_000;

export class Authority {
  readonly #name: Buffer;
  readonly #key: KeyObject;
  /** The certificate of the authority itself. */
  readonly cert: string;
  #serial = 1;

  constructor(name = 'the authority') {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#key = privateKey;
    this.#name = nameOf(name);
    this.cert = this.#signed(this.#name, publicKey, 10 * DAY_MS, [
      extension('2.5.29.19', true, sequence(boolean(true))),
      extension('2.5.29.15', true, bits(Buffer.from([0x06]), 1)),
    ]);
  }

  issue({ commonName, dnsNames = [], addresses = [], validForMs = DAY_MS }: CertificateOptions): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = [
      ...dnsNames.map((name) => value(0x82, Buffer.from(name))),
      ...addresses.map((address) => value(0x87, Buffer.from(address.split('.').map(Number)))),
    ];
    const alternative = names.length === 0 ? [] : [extension('2.5.29.17', false, sequence(...names))];
    const subject = commonName === undefined ? sequence() : nameOf(commonName);
    const cert = this.#signed(subject, publicKey, validForMs, alternative);
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }

  /** For a coordinator on this machine. */
  server(options: CertificateOptions = {}): Certificate {
    return this.issue({ commonName: 'coordinator', dnsNames: ['localhost'], addresses: ['127.0.0.1'], ...options });
  }

  #signed(subject: Buffer, publicKey: KeyObject, validForMs: number, extensions: readonly Buffer[]): string {
    const toMs = Date.now() + validForMs;
    const body = sequence(
      value(0xa0, integer(2)),
      integer(this.#serial++),
      ECDSA_WITH_SHA256,
      this.#name,
      sequence(time(Math.min(Date.now(), toMs) - DAY_MS), time(toMs)),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      ...(extensions.length === 0 ? [] : [value(0xa3, sequence(...extensions))]),
    );
    const signature = sign('sha256', body, this.#key);
    const der = sequence(body, ECDSA_WITH_SHA256, bits(signature, 0));
    const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
    return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  }
}

/** Writes `<name>.crt` and `<name>.key` into the folder, the key for its owner alone. */
export function writePair(folder: string, name: string, { cert, key }: Certificate): { cert: string; key: string } {
  mkdirSync(folder, { recursive: true });
  const paths = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  writeFileSync(paths.cert, cert);
  writeFileSync(paths.key, key, { mode: 0o600 });
  return paths;
}

/** A DER value: its tag, its length and its content. */
function value(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const hex = length.toString(16);
  const digits = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | digits.length]), digits, content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return value(0x30, ...parts);
}

function boolean(holds: boolean): Buffer {
  return value(0x01, Buffer.from([holds ? 0xff : 0]));
}

/** From 0 to 127. */
function integer(number: number): Buffer {
  return value(0x02, Buffer.from([number]));
}

function bits(content: Buffer, unused: number): Buffer {
  return value(0x03, Buffer.from([unused]), content);
}

function identifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap((number) => {
    const digits = [number & 0x7f];
    for (let left = number >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return value(0x06, Buffer.from([40 * first + second, ...bytes]));
}

/** GeneralizedTime is for years from 2050 on alone. */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
  return value(0x17, Buffer.from(digits.slice(2)));
}

function nameOf(commonName: string): Buffer {
  return sequence(value(0x31, sequence(identifier('2.5.4.3'), value(0x0c, Buffer.from(commonName)))));
}

function extension(id: string, isCritical: boolean, content: Buffer): Buffer {
  return sequence(identifier(id), ...(isCritical ? [boolean(true)] : []), value(0x04, content));
}

const ECDSA_WITH_SHA256 = sequence(identifier('1.2.840.10045.4.3.2'));
