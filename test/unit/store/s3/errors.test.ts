/** Refusals for good: each says what, and what to do, and none says a secret. */
import { afterEach, describe, expect, test } from 'vitest';
import { GristmillError } from '../../../../shared/errors.js';
import { limits } from '../../../../shared/limits.js';
import { checkAccess } from '../../../../shared/store/s3/access.js';
import { S3Endpoint } from '../../../../shared/store/s3/endpoint.js';
import { S3Store } from '../../../../shared/store/s3/s3-store.js';
import { keysOf, text } from '../../../contract/store/subject.js';
import { HastyClock } from '../../../harness/manual-clock.js';
import { refuse, scriptedS3, type Script, type ScriptedS3 } from '../../../harness/scripted-s3.js';

let server: ScriptedS3 | undefined;
let endpoint: S3Endpoint | undefined;
afterEach(async () => {
  await endpoint?.close();
  await server?.close();
  server = endpoint = undefined;
});

async function storeOver(script: Script): Promise<S3Store> {
  server = await scriptedS3(script);
  const access = { ...server.access, sessionToken: 'THE-SESSION-TOKEN' };
  endpoint = new S3Endpoint({ access, clock: new HastyClock(limits.s3SilenceMs / 2), random: () => 1 });
  return new S3Store({ uri: 's3://bucket/prefix', access, endpoint });
}

async function thrownBy(call: Promise<unknown>): Promise<GristmillError> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(GristmillError);
  return thrown as GristmillError;
}

/** All that anybody could print of an error. */
function everythingIn(thrown: unknown, depth = 0): string {
  if (typeof thrown !== 'object' || thrown === null || depth > 6) return String(thrown);
  const names = Object.getOwnPropertyNames(thrown);
  return names.map((name) => `${name}: ${everythingIn(Reflect.get(thrown, name), depth + 1)}`).join('\n');
}

const secrets = /THE-SECRET-KEY|THE-SESSION-TOKEN|THE-ACCESS-KEY|Signature=|X-Amz-|x-amz-|AWS4/;

describe('a refusal', () => {
  test.each([
    [403, 'InvalidAccessKeyId', 'store-denied', /does not know the access key; check it/],
    [403, 'SignatureDoesNotMatch', 'store-denied', /secret key is not that of the access key.*check both/],
    [
      403,
      'AccessDenied',
      'store-denied',
      /not allowed to change s3:\/\/bucket\/prefix\/key.*give the access key permission/,
    ],
    [403, 'RequestTimeTooSkewed', 'store-denied', /clocks.*differ by too much; set them right/],
    [400, 'ExpiredToken', 'store-denied', /session token is not valid.*get new credentials/],
    [400, 'AuthorizationHeaderMalformed', 'store-denied', /not in the region us-east-1; set the right one/],
    [404, 'NoSuchBucket', 'store-denied', /there is no bucket bucket at http.*: create it, or check its name/],
    [400, 'KeyTooLongError', 'store-denied', /choose a shorter/],
    [400, 'XMinioInvalidObjectName', 'store-denied', /choose a shorter/],
    [501, 'NotImplemented', 'store-denied', /use a server that can/],
    [507, 'XMinioStorageFull', 'disk-full', /no space left.*free some/],
    [403, 'XMinioAdminBucketQuotaExceeded', 'disk-full', /no space left.*quota/],
    [418, 'Teapot', 'store-denied', /refuses to change s3:\/\/bucket\/prefix\/key \(Teapot, status 418: it says no\)/],
  ])('%s %s is told at once, with the remedy, and without a secret', async (status, code, expected, message) => {
    const store = await storeOver((request, response) => {
      const signed = `<StringToSign>AWS4-HMAC ${request.headers.authorization}</StringToSign>`;
      refuse(response, status, code, `${signed}<AWSAccessKeyId>THE-ACCESS-KEY</AWSAccessKeyId>`);
    });
    const thrown = await thrownBy(store.put('key', text('x')));
    expect(thrown.code).toBe(expected);
    expect(thrown.message).toMatch(message);
    expect(everythingIn(thrown)).not.toMatch(secrets);
    expect(server?.requests.length).toBe(1);
  });

  test('of a request whose answer has no body says that the keys may be wrong', async () => {
    const store = await storeOver((_, response) => response.writeHead(403).end());
    expect((await thrownBy(store.head('key'))).message).toMatch(/or its keys are wrong/);
  });

  test('of a bucket that is not there is no missing object', async () => {
    const headers = { 'x-minio-error-code': 'NoSuchBucket' };
    const store = await storeOver((_, response) => response.writeHead(404, headers).end());
    expect((await thrownBy(store.head('key'))).message).toMatch(/there is no bucket/);
  });

  test('that is a page for a browser is shortened to its status', async () => {
    const store = await storeOver((_, response) => response.writeHead(400).end(`<html>${'x'.repeat(200_000)}`));
    expect((await thrownBy(store.put('key', text('x')))).message).toMatch(
      /\(status 400\); check that the S3 endpoint is of an S3 server/,
    );
  });

  test('an answer that is not S3’s is not understood', async () => {
    const store = await storeOver((_, response) => response.writeHead(200).end('<html>hello</html>'));
    const listing = store.list('')[Symbol.asyncIterator]().next();
    expect((await thrownBy(listing)).message).toMatch(/not understood/);
  });

  test('a listing out of order is refused: whoever reads it takes the last key for the newest', async () => {
    const entry = (key: string) => `<Contents><Key>prefix/${key}</Key><Size>1</Size><ETag>"e"</ETag></Contents>`;
    const store = await storeOver((_, response) =>
      response.end(`<ListBucketResult>${entry('b')}${entry('a')}<IsTruncated>false</IsTruncated></ListBucketResult>`),
    );
    const thrown = await thrownBy(keysOf(store, ''));
    expect(thrown.code).toBe('store-unfit');
  });
});

test('what an unreachable server leaves in an error holds no secret either', async () => {
  const store = await storeOver((_, response) => response.destroy());
  const thrown = await thrownBy(store.put('key', text('x')));
  expect(thrown.code).toBe('store-timeout');
  expect(thrown.cause).toBeInstanceOf(Error);
  expect(everythingIn(thrown)).not.toMatch(secrets);
});

describe('access', () => {
  const access = { endpoint: 'http://host:9000', region: 'r', accessKey: 'a', secretKey: 's' };

  test('an endpoint is a host with or without a port', () => {
    expect(checkAccess(access)).toEqual({ host: 'host', port: 9000, isEncrypted: false });
    expect(checkAccess({ ...access, endpoint: 'https://host' })).toEqual({
      host: 'host',
      port: 443,
      isEncrypted: true,
    });
    expect(checkAccess({ ...access, endpoint: 'http://[::1]:9000' })).toMatchObject({ host: '::1' });
  });

  test.each([
    [{ endpoint: 'host:9000' }, /neither http nor https|no URL/],
    [{ endpoint: 'nothing' }, /no URL/],
    [{ endpoint: 'http://host/path' }, /more than a host/],
    [{ endpoint: 'ftp://host' }, /neither http nor https/],
    [{ endpoint: 'http://me:hidden@host' }, /a name or password/],
    [{ endpoint: 'me:hidden@host' }, /cannot use/],
    [{ accessKey: '' }, /access key and a secret key are needed/],
    [{ secretKey: '' }, /access key and a secret key are needed/],
    [{ region: '' }, /region is needed/],
  ])('%o is refused before anything is sent', (change, message) => {
    let thrown: unknown;
    try {
      checkAccess({ ...access, ...change });
    } catch (error) {
      thrown = error;
    }
    expect((thrown as GristmillError).code).toBe('config-invalid');
    expect((thrown as GristmillError).message).toMatch(message);
    expect((thrown as GristmillError).message).not.toContain('hidden');
  });

  test('a certificate file that is not there is named', async () => {
    const https = { ...access, endpoint: 'https://127.0.0.1:1', caFile: '/no/such/file.pem' };
    const store = new S3Store({ uri: 's3://bucket', access: https });
    expect((await thrownBy(store.get('key'))).message).toMatch(/cannot read the certificates.*file\.pem/);
  });

  test('a host that the client takes for none is refused with its name', async () => {
    const odd = { ...access, endpoint: 'http://a_-:1' };
    const store = new S3Store({ uri: 's3://bucket', access: odd });
    expect((await thrownBy(store.get('key'))).code).toBe('config-invalid');
  });
});
