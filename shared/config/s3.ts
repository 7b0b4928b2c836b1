/** From the options of a process to its access to S3. */
import { readFileSync } from 'node:fs';
import { GristmillError } from '../errors.js';
import type { S3Server } from '../protocol.js';
import { addressOf, type S3Access } from '../store/s3/access.js';
import type { StoreAccess } from '../store/stores.js';
import { isLoopback } from './network.js';
import { refuseReadableByAll } from './secret-file.js';
import type { ValuesOf } from './option.js';
import type { s3Options } from './s3-options.js';

export interface S3Config {
  readonly values: ValuesOf<typeof s3Options> & { readonly insecure: boolean };
  readonly origins: { readonly s3Endpoint: string };
}

interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

const REGION = 'us-east-1';

/** The server that is named; undefined where only the defaults say. */
export function s3ServerOf({ s3Endpoint, s3Region }: S3Config['values']): S3Server | undefined {
  if (s3Endpoint === undefined && s3Region === undefined) return undefined;
  const region = s3Region ?? REGION;
  return { endpoint: s3Endpoint ?? endpointOf(region), region };
}

/**
 * What is wrong with the access to S3 is said by whoever opens something there: variables of AWS are often about something
 * else. `other`: the server that is used where none is named here, a coordinator's.
 */
export function storeAccessOf(config: S3Config, other?: S3Server): StoreAccess {
  try {
    return { s3: s3AccessOf(config, other) };
  } catch (thrown) {
    return { s3Refusal: GristmillError.from(thrown).message };
  }
}

/**
 * Undefined without any keys. Throws `config-invalid` for half of them, a file that cannot be used, or an unencrypted server
 * elsewhere.
 */
function s3AccessOf({ values, origins }: S3Config, other: S3Server | undefined): S3Access | undefined {
  const keys = keysInFiles(values) ?? keysInVariables(values);
  if (keys === undefined) return undefined;
  const region = values.s3Region ?? other?.region ?? REGION;
  const endpoint = values.s3Endpoint ?? other?.endpoint ?? endpointOf(region);
  const origin = values.s3Endpoint === undefined ? "the coordinator's S3 endpoint" : origins.s3Endpoint;
  if (!values.insecure) refuseListeners(endpoint, origin);
  return { endpoint, region, ...keys, ...(values.s3CaFile !== undefined && { caFile: values.s3CaFile }) };
}

/** The secret key is never sent, but all data is. */
function refuseListeners(endpoint: string, origin: string): void {
  const { host, port, isEncrypted } = addressOf(endpoint);
  if (isEncrypted || isLoopback(`${host.includes(':') ? `[${host}]` : host}:${port}`)) return;
  const hint = 'use https, or --insecure: whoever can listen in on the network can then read and change all data';
  throw new GristmillError(
    'config-invalid',
    `${endpoint} (${origin}) is on another machine and not encrypted\nhint: ${hint}`,
  );
}

function endpointOf(region: string): string {
  return `https://s3.${region}.amazonaws.com`;
}

function keysInFiles({ s3AccessKeyFile, s3SecretKeyFile }: S3Config['values']): Keys | undefined {
  if (s3AccessKeyFile === undefined && s3SecretKeyFile === undefined) return undefined;
  if (s3AccessKeyFile === undefined) throw half('--s3-secret-key-file', '--s3-access-key-file');
  if (s3SecretKeyFile === undefined) throw half('--s3-access-key-file', '--s3-secret-key-file');
  return { accessKey: keyIn(s3AccessKeyFile), secretKey: keyIn(s3SecretKeyFile) };
}

function keysInVariables({ s3AccessKey, s3SecretKey, s3SessionToken }: S3Config['values']): Keys | undefined {
  if (s3AccessKey === undefined && s3SecretKey === undefined) return undefined;
  if (s3AccessKey === undefined) throw half('AWS_SECRET_ACCESS_KEY', 'AWS_ACCESS_KEY_ID');
  if (s3SecretKey === undefined) throw half('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY');
  const keys = { accessKey: s3AccessKey, secretKey: s3SecretKey };
  return s3SessionToken === undefined ? keys : { ...keys, sessionToken: s3SessionToken };
}

function half(there: string, missing: string): GristmillError {
  return new GristmillError('config-invalid', `${there} is given and ${missing} is not: S3 needs both keys`);
}

function keyIn(path: string): string {
  let text: string;
  try {
    refuseReadableByAll(path);
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    if (cause instanceof GristmillError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GristmillError('config-invalid', `cannot read the key file ${path}: ${reason}`, { cause });
  }
  if (/^[\x21-\x7e]{1,1000}$/.test(text)) return text;
  throw new GristmillError(
    'config-invalid',
    `the key file ${path} does not hold one line of 1 to 1,000 ASCII characters`,
  );
}
