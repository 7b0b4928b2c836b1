/** How a process comes to its S3 credentials, what is refused, and that none of it is shown. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { printConfig } from '../../../shared/config/print.js';
import { loadConfig } from '../../../shared/config/resolve.js';
import { s3ServerOf, storeAccessOf } from '../../../shared/config/s3.js';
import { coordinatorSchema, runSchema, workerSchema } from '../../../shared/config/schema.js';
import { ensureToken } from '../../../shared/config/token.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-s3-'));
  writeFileSync(join(folder, 'access'), 'file-access\n', { mode: 0o600 });
  writeFileSync(join(folder, 'secret'), 'file-secret', { mode: 0o440 });
});
afterEach(() => rmSync(folder, { recursive: true }));

const load = (environment: Record<string, string>, flags: Record<string, unknown> = {}) =>
  loadConfig(workerSchema, { flags, environment, directory: folder });
const files = { s3AccessKeyFile: 'access', s3SecretKeyFile: 'secret' };
const variables = { AWS_ACCESS_KEY_ID: 'env-access', AWS_SECRET_ACCESS_KEY: 'env-secret' };
const access = (environment: Record<string, string>, flags: Record<string, unknown> = {}) =>
  storeAccessOf(load(environment, flags));

describe('S3 credentials', () => {
  test('come from files', () => {
    expect(access({}, files).s3).toEqual({
      endpoint: 'https://s3.us-east-1.amazonaws.com',
      region: 'us-east-1',
      accessKey: 'file-access',
      secretKey: 'file-secret',
    });
  });

  test('come from the AWS variables, with endpoint, region and session token', () => {
    const environment = {
      ...variables,
      AWS_SESSION_TOKEN: 'token',
      AWS_REGION: 'eu-west-1',
      AWS_ENDPOINT_URL: 'https://general:1',
      AWS_ENDPOINT_URL_S3: 'https://special:2/',
    };
    expect(access(environment).s3).toEqual({
      endpoint: 'https://special:2',
      region: 'eu-west-1',
      accessKey: 'env-access',
      secretKey: 'env-secret',
      sessionToken: 'token',
    });
    expect(access({ ...variables, AWS_SESSION_TOKEN: '', AWS_DEFAULT_REGION: 'x' }).s3).toEqual({
      endpoint: 'https://s3.x.amazonaws.com',
      region: 'x',
      accessKey: 'env-access',
      secretKey: 'env-secret',
    });
  });

  test('of files go before those of variables, as a pair; our own options go before the variables of AWS', () => {
    const environment = { ...variables, AWS_SESSION_TOKEN: 'token', AWS_REGION: 'aws', GRISTMILL_S3_REGION: 'ours' };
    const { s3 } = access(environment, files);
    expect(s3).toMatchObject({ accessKey: 'file-access', secretKey: 'file-secret', region: 'ours' });
    expect(s3).not.toHaveProperty('sessionToken');
  });

  test('that nobody gave are none, and say nothing', () => {
    expect(access({})).toEqual({ s3: undefined });
    expect(access({ AWS_REGION: 'x', AWS_ACCESS_KEY_ID: '' })).toEqual({ s3: undefined });
  });

  test.each([
    [{ AWS_ACCESS_KEY_ID: 'a' }, {}, 'AWS_ACCESS_KEY_ID is given and AWS_SECRET_ACCESS_KEY is not'],
    [{ AWS_SECRET_ACCESS_KEY: 'a' }, {}, 'AWS_SECRET_ACCESS_KEY is given and AWS_ACCESS_KEY_ID is not'],
    [variables, { s3AccessKeyFile: 'access' }, '--s3-access-key-file is given and --s3-secret-key-file is not'],
    [{}, { ...files, s3SecretKeyFile: 'none' }, 'cannot read the key file'],
    [{}, { ...files, s3SecretKeyFile: '.' }, 'cannot read the key file'],
    [
      variables,
      { s3Endpoint: 'http://10.0.0.1:9000' },
      'http://10.0.0.1:9000 (--s3-endpoint) is on another machine and not encrypted',
    ],
  ])('%j %j is refused where S3 is used, and not before', (environment, flags, says) => {
    const { s3, s3Refusal } = access(environment, flags);
    expect(s3).toBeUndefined();
    expect(s3Refusal).toContain(says);
    expect(s3Refusal).not.toMatch(/env-|file-(access|secret)$/);
  });

  test('in a file that every user can read, or that holds no key, are refused with the remedy', () => {
    chmodSync(join(folder, 'secret'), 0o644);
    expect(access({}, files).s3Refusal).toMatch(/secret can be read by every user.*\nhint: chmod 600 .*0440/s);
    for (const content of ['', 'two words', 'two\nlines']) {
      writeFileSync(join(folder, 'access'), content);
      expect(access({}, files).s3Refusal).toContain('does not hold one line');
    }
  });

  test('are in no flag, no variable of ours and no key of the file', () => {
    expect(() => load({ GRISTMILL_S3_SECRET_KEY: 'hunter2' })).toThrow(
      /^the variable GRISTMILL_S3_SECRET_KEY in .* is not an option.*GRISTMILL_S3_SECRET_KEY_FILE/s,
    );
    writeFileSync(join(folder, 'c.json'), '{"s3SecretKey": "hunter2"}');
    expect(() => load({}, { config: 'c.json' })).toThrow(/"s3SecretKey" in .* is not an option.*s3SecretKeyFile/s);
    expect(load({}, { s3SecretKey: 'hunter2' }).values.s3SecretKey).toBeUndefined();
  });

  test('are said to be set, with where, and not shown', () => {
    for (const schema of [coordinatorSchema, workerSchema, runSchema]) {
      const environment = { ...variables, AWS_SESSION_TOKEN: 'env-token' };
      const printed = printConfig(loadConfig(schema, { flags: files, environment, directory: folder }));
      expect(printed).toMatch(/^s3AccessKey +<set> +\(AWS_ACCESS_KEY_ID\)$/m);
      expect(printed).toMatch(/^s3SecretKey +<set> +\(AWS_SECRET_ACCESS_KEY\)$/m);
      expect(printed).toMatch(/^s3SecretKeyFile +.*secret +\(--s3-secret-key-file\)$/m);
      expect(printed).not.toMatch(/env-(access|secret|token)|file-(access|secret)/);
    }
  });

  test('that cannot be right are not repeated', () => {
    expect(() => load({ AWS_SECRET_ACCESS_KEY: 'hunter 2' })).toThrow(/^AWS_SECRET_ACCESS_KEY takes a line/);
    expect(() => load({ AWS_SECRET_ACCESS_KEY: 'hunter 2' })).not.toThrow(/hunter/);
  });
});

describe('the S3 server', () => {
  test('of a worker is its own, and else that of its coordinator', () => {
    const server = { endpoint: 'http://127.0.0.1:9000', region: 'there' };
    expect(storeAccessOf(load(variables), server).s3).toMatchObject(server);
    const own = load({ ...variables, AWS_REGION: 'here' }, { s3Endpoint: 'https://mine:1' });
    expect(storeAccessOf(own, server).s3).toMatchObject({ endpoint: 'https://mine:1', region: 'here' });
    const far = storeAccessOf(load(variables), { ...server, endpoint: 'http://10.0.0.1:9000' });
    expect(far.s3Refusal).toContain("http://10.0.0.1:9000 (the coordinator's S3 endpoint)");
    const insecure = load(variables, { insecure: true });
    expect(storeAccessOf(insecure, { ...server, endpoint: 'http://10.0.0.1:9000' }).s3).toBeDefined();
  });

  test('is told to workers where one is named, without keys', () => {
    expect(s3ServerOf(load(variables).values)).toBeUndefined();
    const { values } = load({ ...variables, AWS_ENDPOINT_URL: 'http://127.0.0.1:9000' });
    expect(s3ServerOf(values)).toEqual({ endpoint: 'http://127.0.0.1:9000', region: 'us-east-1' });
  });

  test.each(['ftp://x', 'http://user:hunter2@x:1', 'http://x/bucket', 'x:9000', ''])('is not %s', (given) => {
    expect(() => load({}, { s3Endpoint: given })).toThrow(/--s3-endpoint takes http:\/\/host:port/);
    expect(() => load({}, { s3Endpoint: given })).not.toThrow(/hunter2/);
  });
});

test('a store in a bucket holds no token: it is in a file that the coordinator is given', () => {
  const random = (bytes: number) => new Uint8Array(bytes);
  expect(() => ensureToken({ store: 's3://bucket/p', tokenFile: undefined }, random)).toThrow(
    /s3:\/\/bucket\/p holds no token\nhint: --token-file FILE/,
  );
  expect(ensureToken({ store: 's3://bucket/p', tokenFile: join(folder, 'access') }, random)).toBe('file-access');
});
