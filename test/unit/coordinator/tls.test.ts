/** The services over TLS: who is believed, on either side, and what a new certificate changes. */
import { createHash } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nextTurn } from '../../../shared/clock.js';
import { Authority, type Certificate } from '../../harness/certificates.js';
import { OWN_TOKEN, SecureCoordinator, TestServerTls, trusting } from './secure-coordinator.js';

const authority = new Authority();
const workers = new Authority('the workers');
const stranger = new Authority('a stranger');
const namesake = new Authority();
const code = Buffer.from('export default {};');
const sha256 = createHash('sha256').update(code).digest('hex');

let tls: TestServerTls;
let coordinator: SecureCoordinator;
beforeEach(async () => {
  tls = new TestServerTls(authority.server(), workers.cert);
  coordinator = await SecureCoordinator.start(tls);
});
afterEach(() => coordinator.close());

const of = (name: string, more = {}) => workers.issue({ commonName: name, ...more });

describe('a worker', () => {
  test.each([
    ['in its common name', of('w1')],
    ['in a DNS name', workers.issue({ commonName: 'a fleet', dnsNames: ['w0', 'w1'] })],
    ['in a DNS name alone', workers.issue({ dnsNames: ['w1'] })],
  ])('is let in with a certificate that has its name %s', async (_where, certificate) => {
    const session = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, certificate));
    expect(await session.begun).toBe('registered');
  });

  const refusals: readonly (readonly [string, Certificate | undefined, RegExp])[] = [
    [
      'none',
      undefined,
      /^the worker w1 came without a certificate that this coordinator accepts\nhint: none was given/,
    ],
    ['that of another worker', of('w2'), /^the worker is named w1, and its certificate is for w2\nhint: --worker NAME/],
    ['one for a name that only looks like it', of('W1'), /is named w1, and its certificate is for W1/],
    ['one for all names', workers.issue({ dnsNames: ['*', '*.w1', 'w1.x', 'W1'] }), /its certificate is for DNS:\*/],
    ['one for two names at a time', of('w1\nCN=w2'), /is named w1/],
    ['one that has expired', of('w1', { validForMs: -60_000 }), /without a certificate that this coordinator accepts/],
    ['one of another authority', stranger.issue({ commonName: 'w1' }), /without a certificate/],
    [
      "one of the coordinator's authority, which is not that of the workers",
      authority.issue({ commonName: 'w1' }),
      /without/,
    ],
  ];
  test.each(refusals)('with %s is refused, and nothing of it is known', async (_which, certificate, says) => {
    const session = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, certificate));
    const error = await session.begun;
    expect(error).toMatchObject({ code: status.PERMISSION_DENIED, details: expect.stringMatching(says) as string });
    if (error !== 'registered') expect(error.metadata.get('gristmill-code')).toEqual(['permission-denied']);
  });

  test('with one of an authority that only has the name of the right one begins no session', async () => {
    const forged = namesake.issue({ commonName: 'w1' });
    const session = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, forged));
    expect(await session.begun).not.toBe('registered');
  });

  test('with the certificate of another does not take over the session of that name', async () => {
    const w1 = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, of('w1')));
    expect(await w1.begun).toBe('registered');
    const thief = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, of('w2')));
    expect(await thief.begun).toMatchObject({ code: status.PERMISSION_DENIED });
    const again = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, of('w2')));
    expect(await again.begun).toMatchObject({ code: status.PERMISSION_DENIED });
    // The one that is w1 is there still: a third, with a right certificate, finds the name taken.
    const second = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, of('w1')));
    expect(await second.begun).toBe('registered');
  });

  test('needs a token beside its certificate', async () => {
    const session = coordinator.session('w1', 'wrong', trusting(authority.cert, of('w1')));
    expect(await session.begun).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  test('whose certificate expires keeps its session, and begins no other over the connection it has', async () => {
    const first = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, of('w1')));
    expect(await first.begun).toBe('registered');
    coordinator.aheadMs = 2 * 24 * 60 * 60_000;
    const late = await first.again().begun;
    expect(late).toMatchObject({
      code: status.PERMISSION_DENIED,
      details: expect.stringContaining('has expired') as string,
    });
  });
});

describe('a client', () => {
  test('is warned of nothing when the coordinator is an address of numbers', async () => {
    const warnings: string[] = [];
    const heard = (warning: Error) => void warnings.push(warning.message);
    process.on('warning', heard);
    await coordinator.client(OWN_TOKEN, trusting(authority.cert)).list();
    await nextTurn();
    process.off('warning', heard);
    expect(warnings).toEqual([]);
  });

  test('needs a token and no certificate', async () => {
    const client = coordinator.client(OWN_TOKEN, trusting(authority.cert));
    expect(await client.uploadBundle(code, sha256)).toEqual({ existed: false });
    expect(await client.list()).toEqual([]);
    await expect(coordinator.client('wrong', trusting(authority.cert)).list()).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });

  test('that trusts another authority sends nothing and says why', async () => {
    await expect(coordinator.client(OWN_TOKEN, trusting(stranger.cert)).list()).rejects.toMatchObject({
      code: 'tls-failed',
      message: expect.stringMatching(
        /^no encrypted connection to 127\.0\.0\.1:\d+: .*certificate.*\nhint: --tls-ca/,
      ) as string,
    });
  });

  test('finds the coordinator by the names of its certificate alone', async () => {
    tls.replace(authority.issue({ commonName: '127.0.0.1', dnsNames: ['elsewhere'] }));
    await expect(coordinator.client(OWN_TOKEN, trusting(authority.cert)).list()).rejects.toMatchObject({
      code: 'tls-failed',
      message: expect.stringContaining("does not match certificate's altnames") as string,
    });
  });

  test('of a coordinator whose certificate has expired says so', async () => {
    tls.replace(authority.server({ validForMs: -60_000 }));
    await expect(coordinator.client(OWN_TOKEN, trusting(authority.cert)).list()).rejects.toMatchObject({
      code: 'tls-failed',
      message: expect.stringContaining('certificate has expired') as string,
    });
  });

  test('without TLS is told that the coordinator may use it', async () => {
    await expect(coordinator.client(OWN_TOKEN).list()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('--tls-ca FILE is for one that uses TLS') as string,
    });
  });

  test('with TLS of a server without it says that no encrypted connection came about', async () => {
    const plain = new Server();
    const port = await new Promise<number>((resolve, reject) => {
      plain.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    const client = coordinator.client(OWN_TOKEN, trusting(authority.cert), `127.0.0.1:${port}`);
    await expect(client.list()).rejects.toMatchObject({ code: 'tls-failed' });
    plain.forceShutdown();
  });
});

describe('a new certificate', () => {
  function shownTo(ca: string): Promise<string> {
    const [host = '', port = ''] = coordinator.address.split(':');
    return new Promise((resolve, reject) => {
      const socket: TLSSocket = connect({ host, port: Number(port), ca, ALPNProtocols: ['h2'] }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on('error', reject);
    });
  }

  test('is shown to new connections, while those that are open live on', async () => {
    const before = await shownTo(authority.cert);
    const client = coordinator.client(OWN_TOKEN, trusting(authority.cert));
    const { job } = await client.submit({ requestId: 'r', name: 'm', codeVersion: sha256, baseUri: 'file:///' });
    const watch = client.watch(job);
    expect((await watch.next()).value).toMatchObject({ type: 'state', to: 'validating' });
    const session = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, of('w1')));
    expect(await session.begun).toBe('registered');
    tls.replace(stranger.server());
    expect(await shownTo(stranger.cert)).not.toBe(before);
    // The old connection goes on: were it opened anew, its authority would not do any more.
    expect(await client.list()).toHaveLength(1);
    await watch.return();
    await expect(coordinator.client(OWN_TOKEN, trusting(authority.cert)).list()).rejects.toMatchObject({
      code: 'tls-failed',
    });
  });

  test('of the authority of workers counts for those that connect from then on', async () => {
    tls.replace(authority.server(), stranger.cert);
    const old = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, of('w1')));
    expect(await old.begun).toMatchObject({ code: status.PERMISSION_DENIED });
    const fresh = stranger.issue({ commonName: 'w1' });
    const session = coordinator.session('w1', OWN_TOKEN, trusting(authority.cert, fresh));
    expect(await session.begun).toBe('registered');
  });
});
