/** What an S3 server says, or does not say, as the store port's errors: what happened, to what, and what to do. No secrets. */
import { GristmillError, type ErrorCode } from '../../errors.js';
import { FULL, type Refusal, type Reply, type Silence } from './reply.js';

interface Server {
  /** `http(s)://host:port`. */
  readonly name: string;
  readonly region: string;
}

interface Asked {
  readonly method: string;
  readonly bucket: string;
  readonly key?: string;
  readonly changes: boolean;
}

/** An object or bucket as a person writes it. */
export function uriOf({ bucket, key }: Pick<Asked, 'bucket' | 'key'>): string {
  return key === undefined ? `s3://${bucket}` : `s3://${bucket}/${key}`;
}

/** Every request of a call has failed. */
export function noAnswer(
  server: Server,
  asked: Asked,
  last: Reply | undefined,
  mayHaveLanded: boolean,
): GristmillError {
  const place = { where: uriOf(asked), ...(last?.kind === 'silence' && { cause: last.cause }) };
  if (asked.changes && mayHaveLanded) {
    return new GristmillError(
      'store-timeout',
      `cannot say whether the store at ${server.name} has changed ${uriOf(asked)}: ${reasonOf(last)}`,
      place,
    );
  }
  const verb = asked.changes ? 'change' : 'read';
  return new GristmillError(
    'store-unavailable',
    `cannot ${verb} ${uriOf(asked)}: the store at ${server.name} ${reasonOf(last)}${hintOf(last)}`,
    place,
  );
}

function reasonOf(last: Reply | undefined): string {
  if (last === undefined) return 'does not answer';
  if (last.kind === 'silence') return `does not answer (${last.reason})`;
  if (last.kind === 'answer') return 'gave an answer that is not understood';
  const what = last.code === '' ? `status ${last.status}` : `${last.code}, status ${last.status}`;
  return `is busy or in trouble (${what}${last.says === '' ? '' : `: ${last.says}`})`;
}

function hintOf(last: Reply | undefined): string {
  if (last?.kind !== 'silence') return '';
  switch (last.errno) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return '; check the host in the S3 endpoint: its name has no address here';
    case 'ECONNREFUSED':
      return '; check that the server runs, and host and port of the S3 endpoint';
    case 'EPROTO':
      return '; check the S3 endpoint: the server may speak http, not https';
    default:
      return '; check the network, and host and port of the S3 endpoint';
  }
}

const CERTIFICATES = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Of a server whose certificate is not trusted: asking again will not help. */
export function certificateError(server: Server, silence: Silence): GristmillError | undefined {
  if (!CERTIFICATES.has(silence.errno)) return undefined;
  return new GristmillError(
    'store-denied',
    `the certificate of the store at ${server.name} is not trusted (${silence.reason}): give the file of the authority ` +
      'that signed it, or renew it',
    { cause: silence.cause },
  );
}

/** A refusal that no caller expected. */
export function refusalError(server: Server, asked: Asked, refusal: Refusal): GristmillError {
  const { status, code, says } = refusal;
  const uri = uriOf(asked);
  const make = (kind: ErrorCode, message: string) => new GristmillError(kind, message, { where: uri });
  const denied = (message: string) => make('store-denied', message);
  const verb = asked.changes ? 'change' : 'read';
  if (status === 507 || FULL.has(code)) {
    return make(
      'disk-full',
      `no space left in the store at ${server.name} to write ${uri}: free some, or raise its quota`,
    );
  }
  if (code === 'NoSuchBucket') {
    return denied(`there is no bucket ${asked.bucket} at ${server.name}: create it, or check its name`);
  }
  if (code === 'NoSuchKey') return make('object-not-found', `there is no object ${uri}`);
  const known = KNOWN.find(({ codes }) => codes.includes(code));
  if (known !== undefined) return denied(`cannot ${verb} ${uri}: ${known.message(server)}`);
  if (status === 401 || status === 403) {
    return denied(
      `not allowed to ${verb} ${uri} at ${server.name}: give the access key permission to ${verb} there` +
        (asked.method === 'HEAD' ? ' (or its keys are wrong: this request is answered without saying so)' : ''),
    );
  }
  const what = [code === '' ? `status ${status}` : `${code}, status ${status}`, ...(says === '' ? [] : [says])];
  // What is no S3 server, or speaks https, says no in words of its own.
  const hint = code === '' ? '; check that the S3 endpoint is of an S3 server, and whether it is http or https' : '';
  return denied(`the store at ${server.name} refuses to ${verb} ${uri} (${what.join(': ')})${hint}`);
}

interface KnownRefusal {
  readonly codes: readonly string[];
  readonly message: (server: Server) => string;
}

const KNOWN: readonly KnownRefusal[] = [
  {
    codes: ['InvalidAccessKeyId'],
    message: ({ name }) => `the store at ${name} does not know the access key; check it, and that it is of this server`,
  },
  {
    codes: ['SignatureDoesNotMatch'],
    message: ({ name }) => `the secret key is not that of the access key at ${name}; check both`,
  },
  {
    codes: ['RequestTimeTooSkewed', 'RequestExpired'],
    message: ({ name }) => `the clocks of this machine and of the store at ${name} differ by too much; set them right`,
  },
  {
    codes: ['ExpiredToken', 'InvalidToken', 'InvalidTokenId'],
    message: ({ name }) => `the session token is not valid at ${name}, or no longer; get new credentials`,
  },
  {
    codes: ['AuthorizationHeaderMalformed', 'PermanentRedirect', 'InvalidRegion', 'TemporaryRedirect'],
    message: ({ name, region }) => `the store at ${name} is not in the region ${region}; set the right one`,
  },
  {
    codes: ['KeyTooLongError', 'XMinioInvalidObjectName', 'XMinioParentIsObject', 'XMinioObjectExistsAsDirectory'],
    message: ({ name }) => `the store at ${name} takes no object of that name; choose a shorter or a simpler one`,
  },
  {
    codes: ['NotImplemented', 'MethodNotAllowed'],
    message: ({ name }) => `the store at ${name} cannot do that; use a server that can, such as MinIO`,
  },
];
