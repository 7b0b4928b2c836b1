/** Files of TLS: what is refused and why, what is read again, and that a broken version changes nothing. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../../shared/clock.js';
import { clientTls, serverTls } from '../../../shared/config/tls.js';
import { limits } from '../../../shared/limits.js';
import { Authority, writePair } from '../../harness/certificates.js';
import { ManualClock } from '../../harness/manual-clock.js';

const authority = new Authority();
let folder: string;
let timers: ManualClock;
let clock: Clock;
let refused: string[];
const path = (name: string) => join(folder, name);
const onRefused = (error: Error) => void refused.push(error.message);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-tls-'));
  timers = new ManualClock();
  clock = { now: () => Date.now(), monotonic: () => timers.monotonic(), after: (ms, act) => timers.after(ms, act) };
  refused = [];
  writePair(folder, 'server', authority.server());
  writePair(folder, 'other', authority.server());
  writePair(folder, 'expired', authority.server({ validForMs: -60_000 }));
  writePair(folder, 'nobody', authority.issue({ commonName: 'nobody' }));
  writeFileSync(path('ca.crt'), authority.cert);
  writeFileSync(path('empty'), '', { mode: 0o600 });
  writeFileSync(path('damaged'), authority.cert.replace(/\n(.{40})/, '\nAAAA'));
  writeFileSync(path('open.key'), authority.server().key, { mode: 0o644 });
  writeFileSync(path('large'), Buffer.alloc(limits.credentialFileBytesMax + 1, 32), { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const server = (cert?: string, key?: string, ca?: string) =>
  serverTls(
    {
      tlsCert: cert === undefined ? undefined : path(cert),
      tlsKey: key === undefined ? undefined : path(key),
      tlsClientCa: ca === undefined ? undefined : path(ca),
    },
    clock,
    onRefused,
  );

describe('the files of a coordinator', () => {
  test.each([
    ['server.crt', undefined, undefined, /^--tls-cert is not enough by itself\nhint: --tls-key FILE/],
    [undefined, 'server.key', undefined, /^--tls-key is not enough by itself\nhint: --tls-cert FILE/],
    [undefined, undefined, 'ca.crt', /^--tls-client-ca is not enough by itself\nhint: /],
    ['none.crt', 'server.key', undefined, /^cannot read .*none\.crt: ENOENT/],
    ['server.crt', 'none.key', undefined, /^cannot read .*none\.key: ENOENT/],
    ['server.crt', 'other.key', undefined, /^the key in .*other\.key is not that of the certificate in .*server\.crt$/],
    ['server.crt', 'server.crt', undefined, /^the key file .*server\.crt can be read by every user/],
    ['server.crt', 'empty', undefined, /^cannot use the key in .*empty: .*\nhint: it is to be a private key as PEM/],
    ['server.crt', 'open.key', undefined, /^the key file .*open\.key can be read by every user.*\nhint: chmod 600/],
    ['empty', 'server.key', undefined, /^.*empty holds no certificate: it is to be PEM/],
    ['damaged', 'server.key', undefined, /^a certificate in .*damaged is damaged: /],
    ['large', 'server.key', undefined, /^.*large has 1048577 bytes: a certificate, key or access file has at most/],
    ['expired.crt', 'expired.key', undefined, /^a certificate in .*expired\.crt has expired: it was valid until /],
    ['server.crt', 'server.key', 'empty', /^.*empty holds no certificate of an authority/],
    ['server.crt', 'server.key', 'none', /^cannot read .*none: ENOENT/],
  ] as const)('%s, %s and %s are refused with what is wrong', (cert, key, ca, says) => {
    expect(() => server(cert, key, ca)).toThrow(says);
  });

  test('are taken when they are right, and without any nothing is encrypted', () => {
    const tls = server('server.crt', 'server.key');
    expect(tls?.isMutual).toBe(false);
    expect(tls?.context.commonName).toBe('coordinator');
    expect(server('server.crt', 'server.key', 'ca.crt')?.isMutual).toBe(true);
    expect(server()).toBeUndefined();
  });

  test('are read again: a whole new pair is told once, half of one never', () => {
    const tls = server('server.crt', 'server.key');
    const told: Buffer[] = [];
    tls?.onChange(({ cert }) => told.push(cert));
    const old = tls?.context.cert;
    const fresh = authority.server();
    timers.advance(limits.reloadMs);
    writeFileSync(path('server.crt'), fresh.cert);
    timers.advance(3 * limits.reloadMs);
    expect(tls?.context.cert).toBe(old);
    expect(refused).toEqual([expect.stringMatching(/the key in .* is not that of the certificate/)]);
    rmSync(path('server.key'));
    timers.advance(limits.reloadMs);
    expect(refused).toHaveLength(2);
    expect(told).toEqual([]);
    writePair(folder, 'server', fresh);
    timers.advance(3 * limits.reloadMs);
    expect(told.map(String)).toEqual([fresh.cert]);
    expect(tls?.context.cert.toString()).toBe(fresh.cert);
    expect(refused).toHaveLength(2);
    tls?.close();
    expect(timers.waits).toEqual([]);
  });
});

describe('the files of a client', () => {
  const client = (given: { tls?: boolean; ca?: string; cert?: string; key?: string }) =>
    clientTls(
      {
        tls: given.tls ?? false,
        tlsCa: given.ca === undefined ? undefined : path(given.ca),
        tlsCert: given.cert === undefined ? undefined : path(given.cert),
        tlsKey: given.key === undefined ? undefined : path(given.key),
      },
      clock,
      onRefused,
    );

  test.each([
    [{ cert: 'nobody.crt', key: 'nobody.key' }, /^--tls-cert is not enough by itself\nhint: .*--tls-ca FILE as well/],
    [{ tls: true, cert: 'nobody.crt' }, /^--tls-cert is not enough by itself\nhint: --tls-key/],
    [{ ca: 'empty' }, /^.*empty holds no certificate of an authority/],
    [{ ca: 'damaged' }, /^a certificate in .*damaged is damaged/],
    [{ ca: 'ca.crt', cert: 'expired.crt', key: 'expired.key' }, /^a certificate in .*expired\.crt has expired/],
  ])('%j are refused with what is wrong', (given, says) => {
    expect(() => client(given)).toThrow(says);
  });

  test('are the same object until they change, and stay when they become broken', () => {
    const tls = client({ ca: 'ca.crt', cert: 'nobody.crt', key: 'nobody.key' });
    const first = tls?.current();
    expect(first?.pair?.commonName).toBe('nobody');
    expect(tls?.current()).toBe(first);
    writeFileSync(path('nobody.crt'), 'broken');
    expect(tls?.current()).toBe(first);
    expect(refused).toEqual([expect.stringMatching(/nobody\.crt holds no certificate/)]);
    writePair(folder, 'nobody', authority.issue({ commonName: 'somebody' }));
    expect(tls?.current().pair?.commonName).toBe('somebody');
  });

  test('may name no authority: then those that Node knows are trusted', () => {
    expect(client({ tls: true })?.current()).toEqual({ ca: undefined, pair: undefined });
    expect(client({})).toBeUndefined();
  });
});
