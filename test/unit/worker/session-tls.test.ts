/** A worker that connects again shows the certificate that it has by then. */
import { Server, type ServerDuplexStream } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import type { WorkerMessage__Output } from '../../../proto/generated/gristmill/v1/WorkerMessage.js';
import { credentialsOf } from '../../../coordinator/grpc/credentials.js';
import { systemClock } from '../../../shared/clock.js';
import type { ClientContext } from '../../../shared/config/tls.js';
import { parseWorkerId } from '../../../shared/ids.js';
import { PROTOCOL_VERSION } from '../../../shared/limits.js';
import { WorkerService } from '../../../shared/wire/load.js';
import { Session } from '../../../worker/session.js';
import { Authority } from '../../harness/certificates.js';
import { TestServerTls, trusting } from '../coordinator/secure-coordinator.js';

const authority = new Authority();
const contextOf = (name: string): ClientContext =>
  trusting(authority.cert, authority.issue({ commonName: name })).current();

test('a session that breaks comes back with the certificate that was put in the place of the first', async () => {
  const server = new Server();
  const seen: (string | undefined)[] = [];
  let context = contextOf('before');
  let isDone: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (isDone = resolve));
  server.addService(WorkerService.service, {
    Session(stream: ServerDuplexStream<WorkerMessage__Output, unknown>) {
      stream.on('error', () => undefined);
      stream.once('data', () => {
        const name = stream.getAuthContext().sslPeerCertificate?.subject.CN;
        seen.push(String(name));
        // The first two are of one certificate, and the third is of the next.
        if (seen.length === 2) context = contextOf('after');
        if (seen.length === 3) isDone();
        stream.end();
      });
    },
  });
  const credentials = credentialsOf(new TestServerTls(authority.server(), authority.cert));
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  const registration = { worker: parseWorkerId('w'), incarnation: 'a', host: 'h', nodeVersion: 'v' };
  const session = new Session({
    coordinator: `127.0.0.1:${port}`,
    token: 'x',
    tls: { current: () => context },
    clock: systemClock,
    registration: () => ({ ...registration, protocolVersion: PROTOCOL_VERSION, slots: 1, running: [] }),
    onMessage: () => undefined,
    onDetached: () => undefined,
    onRefused: (error) => expect.fail(error.message),
  });
  await done;
  session.close();
  server.forceShutdown();
  expect(seen.slice(0, 3)).toEqual(['before', 'before', 'after']);
});
