/** Who is let in, and over which network. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../shared/clock.js';
import { connectionOf } from '../../../shared/config/connection.js';
import { loadConfig } from '../../../shared/config/resolve.js';
import { clientSchema } from '../../../shared/config/schema.js';
import { ensureToken, readToken } from '../../../shared/config/token.js';

let store: string;
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'gristmill-token-'));
});
afterEach(() => {
  rmSync(store, { recursive: true });
});

const bytesOf = (value: number) => (bytes: number) => new Uint8Array(bytes).fill(value);
const connect = (flags: Record<string, unknown>) =>
  connectionOf(loadConfig(clientSchema, { flags, environment: {}, directory: store }), systemClock);

describe('the token', () => {
  test('is written once, for its owner alone, and is that of every later coordinator on the store', () => {
    const first = ensureToken({ store, tokenFile: undefined }, bytesOf(1));
    expect(first).toBe(Buffer.alloc(32, 1).toString('base64url'));
    expect(statSync(join(store, 'token')).mode & 0o777).toBe(0o600);
    expect(ensureToken({ store, tokenFile: undefined }, bytesOf(2))).toBe(first);
    expect(readdirSync(store)).toEqual(['token']);
  });

  test('that a coordinator is given is read and written nowhere', () => {
    writeFileSync(join(store, 'mine'), 'given\n');
    expect(ensureToken({ store, tokenFile: join(store, 'mine') }, bytesOf(1))).toBe('given');
    expect(readdirSync(store)).toEqual(['mine']);
    expect(readFileSync(join(store, 'mine'), 'utf8')).toBe('given\n');
  });

  test('is found by the store, as a path or a URI', () => {
    const token = ensureToken({ store, tokenFile: undefined }, bytesOf(3));
    expect(readToken({ store: pathToFileURL(store).href, tokenFile: undefined })).toBe(token);
    expect(connect({ store: '.' })).toEqual({ coordinator: '127.0.0.1:7070', token });
  });

  test('that is missing, empty or of two lines is refused with its file', () => {
    expect(() => connect({})).toThrow(/token of the coordinator is not known\nhint: --token-file FILE/);
    expect(() => connect({ store: '.' })).toThrow(
      /token file .*token cannot be read.*\nhint: a coordinator writes it/s,
    );
    for (const text of ['', '\n', 'a b', 'a\nb', 'é']) {
      writeFileSync(join(store, 'token'), text);
      expect(() => connect({ store: '.' })).toThrow(/does not hold one line/);
    }
  });
});

describe('the network', () => {
  test.each(['127.0.0.1:1', '127.9.8.7:1', 'localhost:1', '[::1]:1'])('%s is this machine', (coordinator) => {
    writeFileSync(join(store, 'token'), 't');
    expect(connect({ coordinator, store: '.' }).coordinator).toBe(coordinator);
  });

  test.each(['0.0.0.0:1', '10.0.0.1:1', '[::]:1', 'localhost.evil.example:1', '127.0.0.1.example:1'])(
    '%s is refused unless it is encrypted or --insecure says so',
    (coordinator) => {
      writeFileSync(join(store, 'token'), 't');
      expect(() => connect({ coordinator, store: '.' })).toThrow(
        /the connection is not encrypted\nhint: --tls-ca FILE, or --tls, encrypts it .*; --insecure/,
      );
      expect(connect({ coordinator, store: '.', insecure: true }).coordinator).toBe(coordinator);
      expect(connect({ coordinator, store: '.', tls: true }).tls).toBeDefined();
    },
  );
});
