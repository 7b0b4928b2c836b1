/** How an S3 server is reached, and as whom. Secrets: never in an environment of ours, a log, an error or an event. */
import { GristmillError } from '../../errors.js';

export interface S3Access {
  /** `http(s)://host:port`. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
  /** Certificates of the authority that signed the server's, in PEM; for `https` only. */
  readonly caFile?: string;
}

export interface S3Address {
  readonly host: string;
  readonly port: number;
  readonly isEncrypted: boolean;
}

/** The address of an endpoint as a person wrote it, or `config-invalid`. */
export function addressOf(endpoint: string): S3Address {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw invalid(endpoint, 'it is no URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw invalid(endpoint, 'it is neither http nor https');
  if (url.username !== '' || url.password !== '') {
    throw new GristmillError(
      'config-invalid',
      'the S3 endpoint has a name or password in it: give keys in files or in the AWS variables',
    );
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw invalid(endpoint, 'it has more than a host and a port');
  }
  const isEncrypted = url.protocol === 'https:';
  const port = url.port === '' ? (isEncrypted ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port, isEncrypted };
}

/** Refuses what cannot work: requests without a key would be sent unsigned. */
export function checkAccess(access: S3Access): S3Address {
  if (access.accessKey === '' || access.secretKey === '') {
    throw new GristmillError(
      'config-invalid',
      `an access key and a secret key are needed for ${access.endpoint}: give both in files, or in AWS_ACCESS_KEY_ID and ` +
        'AWS_SECRET_ACCESS_KEY',
    );
  }
  if (access.region === '') throw new GristmillError('config-invalid', `a region is needed for ${access.endpoint}`);
  return addressOf(access.endpoint);
}

function invalid(endpoint: string, reason: string): GristmillError {
  return new GristmillError(
    'config-invalid',
    // What stands before an @ may be a password.
    `cannot use the S3 endpoint ${JSON.stringify(endpoint.replace(/^.*@/s, '...@'))}: ${reason}; ` +
      'write http://host:port or https://host:port',
  );
}
