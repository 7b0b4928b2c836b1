/** Tokens with roles, and what is too large or too much, over real connections: the right status, and no state changed. */
import { createHash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobClient } from '../../../client/job-client.js';
import type { Role } from '../../../shared/access.js';
import { hasCode } from '../../../shared/errors.js';
import { parseJobId } from '../../../shared/ids.js';
import { limits } from '../../../shared/limits.js';
import { storeKeys } from '../../../shared/plan.js';
import { collectBundle, endLate, UploadRoom } from '../../../coordinator/grpc/bundle-upload.js';
import { observed } from '../../../coordinator/http/observed.js';
import { AccessGuard } from '../../../coordinator/access/guard.js';
import { nextTurn, systemClock } from '../../../shared/clock.js';
import { JobService } from '../../../shared/wire/load.js';
import { Authority } from '../../harness/certificates.js';
import { answerOverTls } from '../../harness/http-port.js';
import { ManualClock } from '../../harness/manual-clock.js';
import { OWN_TOKEN, SecureCoordinator, TestServerTls } from './secure-coordinator.js';

const code = Buffer.from('export default {};');
const sha256 = createHash('sha256').update(code).digest('hex');
const submission = (requestId: string) => ({ requestId, name: 'm', codeVersion: sha256, baseUri: 'file:///' });
const nobody = parseJobId('abcdefgh2345');

let coordinator: SecureCoordinator;
beforeEach(async () => {
  coordinator = await SecureCoordinator.start();
});
afterEach(() => coordinator.close());

/** The end of a call, as a code; `done` when it was answered. */
async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'done',
    (thrown: unknown) => (thrown as { code: string }).code,
  );
}

const first = async (stream: AsyncIterable<unknown>) => {
  for await (const each of stream) return each;
  return undefined;
};

const calls: Readonly<Record<string, (client: JobClient) => Promise<unknown>>> = {
  UploadBundle: (client) => client.uploadBundle(code, sha256),
  SubmitJob: (client) => client.submit(submission('r')),
  CancelJob: (client) => client.cancel(nobody, ''),
  GetJob: (client) => client.get(nobody),
  ListJobs: (client) => client.list(),
  WatchJob: (client) => first(client.watch(nobody)),
  GetLogs: (client) => first(client.logs(nobody)),
};
const looking = ['GetJob', 'ListJobs', 'WatchJob', 'GetLogs'];

describe('a token of role', () => {
  test.each(['read', 'submit', 'worker', 'admin'] as const)(
    '%s may do what it is for, and nothing else',
    async (role: Role) => {
      const client = coordinator.client(coordinator.grant(role, 'somebody'));
      const isLet: string[] = [];
      for (const [name, call] of Object.entries(calls)) {
        const ended = await outcome(call(client));
        if (ended !== 'permission-denied') isLet.push(name);
      }
      const all = Object.keys(calls);
      const may: Readonly<Record<Role, readonly string[]>> = { read: looking, submit: all, worker: [], admin: all };
      const expected = may[role];
      expect(isLet.sort()).toEqual([...expected].sort());
      const mayWork = role === 'worker' || role === 'admin';
      const begun = await coordinator.session('w1', 'somebody').begun;
      expect(begun === 'registered').toBe(mayWork);
      if (begun !== 'registered') expect(begun.code).toBe(status.PERMISSION_DENIED);
      const jobs = await coordinator.client(OWN_TOKEN).list();
      expect(jobs).toHaveLength(expected.includes('SubmitJob') ? 1 : 0);
      const bundle = coordinator.store.get(storeKeys.bundle(sha256)).then(() => true);
      expect(await bundle.catch(() => false)).toBe(expected.includes('UploadBundle'));
    },
  );

  test('that is refused is refused before a message of a stream is looked at', async () => {
    const client = coordinator.client(coordinator.grant('read', 'reader'));
    const large = Buffer.alloc(limits.bundleBytesMax);
    await expect(client.uploadBundle(large, sha256)).rejects.toMatchObject({
      code: 'permission-denied',
      message: 'the token of reader has the role read, and /gristmill.v1.JobService/UploadBundle needs the role submit',
    });
  });

  test('that is taken back ends what was open with it, and nothing else', async () => {
    const [gone, kept] = [coordinator.grant('worker', 'gone'), coordinator.grant('worker', 'kept')];
    const reader = coordinator.client(coordinator.grant('read', 'reader'));
    const { job } = await coordinator.client(OWN_TOKEN).submit(submission('r'));
    const watch = reader.watch(job);
    expect((await watch.next()).value).toMatchObject({ type: 'state', to: 'validating' });
    const toTheEnd = async () => {
      for (;;) if ((await watch.next()).done) return;
    };
    const watching = outcome(toTheEnd());
    const [ended, other] = [coordinator.session('w1', gone), coordinator.session('w2', kept)];
    expect(await Promise.all([ended.begun, other.begun])).toEqual(['registered', 'registered']);
    coordinator.revoke('gone');
    expect((await ended.broken).code).toBe(status.UNAUTHENTICATED);
    expect(await reader.list()).toHaveLength(1);
    coordinator.revoke('reader');
    expect(await watching).toBe('unauthenticated');
    expect(await outcome(reader.list())).toBe('unauthenticated');
    other.close();
    expect((await other.broken).code).toBe(status.CANCELLED);
  });

  test('is told in the reason of what it cancels, whatever the call says of itself', async () => {
    const client = coordinator.client(coordinator.grant('submit', 'ci'));
    await client.uploadBundle(code, sha256);
    const jobs = await Promise.all(['a', 'b', 'c'].map((id) => client.submit(submission(id))));
    const [a, b, c] = jobs.map(({ job }) => job);
    if (!a || !b || !c) throw new Error('three jobs');
    expect((await client.cancel(a, '')).reason).toBe('cancelled by ci');
    expect((await client.cancel(b, 'not needed')).reason).toBe('not needed (by ci)');
    const raw = new Client(coordinator.address, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = JobService.service.CancelJob;
    const forged = new Metadata();
    forged.set('authorization', 'Bearer ci');
    forged.set('gristmill-caller', 'somebody-else');
    const reply = await new Promise<{ reason?: string }>((resolve, reject) => {
      raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, { jobId: c }, forged, (error, job) => {
        if (error || !job) reject(error ?? new Error('empty'));
        else resolve(job);
      });
    });
    raw.close();
    expect(reply.reason).toBe('cancelled by ci');
  });
});

describe('what is too large', () => {
  /** A call past the limits that a client of ours keeps by itself. */
  function submitRaw(bytes: number): Promise<ServiceError | null> {
    const raw = new Client(coordinator.address, credentials.createInsecure(), { 'grpc.max_send_message_length': -1 });
    const { path, requestSerialize, responseDeserialize } = JobService.service.SubmitJob;
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${OWN_TOKEN}`);
    const params = { text: JSON.stringify('x'.repeat(bytes)) };
    return new Promise((resolve) => {
      const request = { ...submission('large'), params };
      raw.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error) => {
        raw.close();
        resolve(error);
      });
    });
  }

  test('a message of more than the limit is refused, and one of just less is not', async () => {
    expect((await submitRaw(limits.messageBytesMax))?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(await coordinator.client(OWN_TOKEN).list()).toEqual([]);
    expect(await submitRaw(limits.messageBytesMax - 1024)).toBeNull();
    expect(await coordinator.client(OWN_TOKEN).list()).toHaveLength(1);
  });

  test('a message that a client of ours would send is refused there', async () => {
    const request = { ...submission('large'), params: { text: 'x'.repeat(limits.messageBytesMax) } };
    expect(await outcome(coordinator.client(OWN_TOKEN).submit(request))).toBe('request-too-large');
  });

  test('a bundle of more than the limit is refused with its first message, and nothing of it is kept', async () => {
    const large = Buffer.alloc(limits.bundleBytesMax + 1);
    const hash = createHash('sha256').update(large).digest('hex');
    const client = coordinator.client(OWN_TOKEN);
    await expect(client.uploadBundle(large, hash)).rejects.toMatchObject({ code: 'request-too-large' });
    const keys: string[] = [];
    for await (const { key } of coordinator.store.list('v1/bundles/')) keys.push(key);
    expect(keys).toEqual([]);
    expect(await client.uploadBundle(code, sha256)).toEqual({ existed: false });
  });

  test('bundles on their way are bounded together, and each gives back its room however it ends', async () => {
    const room = new UploadRoom(100);
    const announced = (bytes: number) => ({ sha256, bytes: String(bytes), chunk: Buffer.alloc(0) });
    const held = room.take(60);
    async function* upload(bytes: number, chunk: Buffer) {
      yield Promise.resolve({ ...announced(bytes), chunk });
    }
    const use = () => Promise.resolve('kept');
    await expect(collectBundle(upload(41, code), room, use)).rejects.toMatchObject({ code: 'over-capacity' });
    // Wrong in its bytes: it had room, and does not keep it.
    for (let i = 0; i < 3; i++) {
      const wrong = collectBundle(upload(40, code), room, use);
      await expect(wrong).rejects.toMatchObject({ code: 'bundle-corrupt' });
    }
    expect(await collectBundle(upload(code.length, code), room, use)).toBe('kept');
    held();
    expect(() => room.take(100)()).not.toThrow();
  });
});

describe('an upload', () => {
  test('that stops in the middle is ended when its time is over, and gives back its room', async () => {
    const clock = new ManualClock();
    const room = new UploadRoom(100);
    const call = new PassThrough({ objectMode: true });
    call.on('error', () => undefined);
    const isWhole = endLate(call, clock);
    const upload = collectBundle(call, room, () => Promise.resolve('kept')).finally(isWhole);
    const refused = outcome(upload);
    call.write({ sha256, bytes: '100', chunk: code });
    await nextTurn();
    expect(() => room.take(1)).toThrow(/too many bundles/);
    clock.advance(limits.callDeadlineMs - 1);
    await nextTurn();
    expect(() => room.take(1)).toThrow(/too many bundles/);
    clock.advance(1);
    expect(await refused).toBe('unavailable');
    expect(() => room.take(100)).not.toThrow();
    expect(clock.waits).toEqual([]);
  });
});

describe('a burst', () => {
  test('of submissions fills the coordinator to its limit: those that it took are there, the rest may come again', async () => {
    const client = coordinator.client(OWN_TOKEN);
    await client.uploadBundle(code, sha256);
    const ids = Array.from({ length: limits.jobsOpenMax + 20 }, (_, i) => `r${i}`);
    const taken = new Map<string, string>();
    const refused: string[] = [];
    await Promise.all(
      ids.map(async (id) => {
        try {
          taken.set(id, (await client.submit(submission(id))).job);
        } catch (thrown) {
          if (!hasCode(thrown, 'over-capacity')) throw thrown;
          refused.push(id);
        }
      }),
    );
    expect([taken.size, refused.length]).toEqual([limits.jobsOpenMax, 20]);
    const listed = await client.list(limits.jobsListedMax);
    expect(listed.map(({ job }) => job).sort()).toEqual([...taken.values()].sort());
    // What is known is answered, full or not; and when one has ended there is room for one.
    const [[known = '', job = ''] = []] = taken;
    expect(await client.submit(submission(known))).toEqual({ job, existed: true });
    await client.cancel(parseJobId(job), '');
    expect(await outcome(client.submit(submission(refused[0] ?? '')))).toBe('done');
    expect(await outcome(client.submit(submission(refused[1] ?? '')))).toBe('over-capacity');
  });
});

describe('the HTTP port', () => {
  async function portOf(listen: string, tls?: TestServerTls) {
    const { store, stores } = coordinator;
    const outputs = { claim: () => Promise.reject(new Error()), release: () => Promise.reject(new Error()) };
    const seen = observed(
      store,
      { ...outputs, storeFor: (output) => ({ store: stores.open(output), prefix: '' }) },
      systemClock,
    );
    const guard = new AccessGuard(OWN_TOKEN, coordinator.granting);
    return seen.serve(listen, () => 'replaying', { guard, tls });
  }

  const ask = async (address: string, path: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`http://${address.replace('0.0.0.0', '127.0.0.1')}${path}`, { headers });
    return response.status;
  };

  test('wants a token that may read for /metrics where other machines can reach it, and none for /healthz', async () => {
    const http = await portOf('0.0.0.0:0');
    try {
      expect(await ask(http.address, '/metrics')).toBe(401);
      expect(await ask(http.address, '/metrics', 'wrong')).toBe(401);
      expect(await ask(http.address, '/metrics', coordinator.grant('worker', 'w1'))).toBe(403);
      // It does not lead yet, and says so to those who may know.
      expect(await ask(http.address, '/metrics', coordinator.grant('read', 'prometheus'))).toBe(503);
      expect(await ask(http.address, '/metrics', OWN_TOKEN)).toBe(503);
      expect(await ask(http.address, '/healthz')).toBe(503);
    } finally {
      await http.close();
    }
  });

  test('wants none on this machine', async () => {
    const http = await portOf('127.0.0.1:0');
    expect(await ask(http.address, '/metrics')).toBe(503);
    await http.close();
  });

  test('is encrypted where the coordinator is, with the certificate of the day', async () => {
    const [old, next] = [new Authority('old'), new Authority('next')];
    const tls = new TestServerTls(old.server());
    const http = await portOf('127.0.0.1:0', tls);
    const get = (ca: string) => answerOverTls(`https://${http.address}/healthz`, ca);
    try {
      expect([await get(old.cert), await get(next.cert)]).toEqual([
        503,
        expect.stringMatching(/CERT|SIGNATURE|ISSUER/),
      ]);
      tls.replace(next.server());
      expect([await get(next.cert), await get(old.cert)]).toEqual([
        503,
        expect.stringMatching(/CERT|SIGNATURE|ISSUER/),
      ]);
    } finally {
      await http.close();
    }
  });
});
