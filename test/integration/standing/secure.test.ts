/** Real processes over TLS: each with its certificate, each token with its role, and what is refused to whom. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority, writePair } from '../../harness/certificates.js';
import { eventually } from '../../harness/command.js';
import { end, type Cluster } from '../../harness/cluster.js';
import { answerOverTls } from '../../harness/http-port.js';
import { expectRight, expectWhole, startTalk } from '../../harness/talk.js';
import { trusting } from '../../unit/coordinator/secure-coordinator.js';

const authority = new Authority();
const workers = new Authority('the workers');
let folder: string;
let cluster: Cluster;
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gristmill-certificates-'));
  writePair(folder, 'coordinator', authority.server());
  for (const name of ['w1', 'w2', 'w3']) writePair(folder, name, workers.issue({ commonName: name }));
  writePair(folder, 'w4', workers.issue({ commonName: 'w4', addresses: ['127.0.0.1'] }));
  writePair(folder, 'expired', workers.issue({ commonName: 'w3', validForMs: -60_000 }));
  writeFileSync(path('ca.crt'), authority.cert);
  writeFileSync(path('workers.crt'), workers.cert);
  writeFileSync(path('access'), '# who may do what\n');
  const tls = ['--tls-cert', path('coordinator.crt'), '--tls-key', path('coordinator.key')];
  const asked = ['--tls-client-ca', path('workers.crt'), '--access-file', path('access'), '--log-level', 'info'];
  cluster = await startTalk({
    workers: 0,
    coordinatorFlags: [...tls, ...asked, '--http', '127.0.0.1:0'],
    workerFlags: ['--tls-ca', path('ca.crt')],
    clientTls: { current: () => trusting(readFileSync(path('ca.crt'), 'utf8')).current() },
  });
  for (const name of ['w1', 'w2']) await cluster.startWorker(...shown(name));
});
afterAll(async () => {
  await cluster.remove();
  rmSync(folder, { recursive: true });
});

/** Without `--worker`: a worker is named by its certificate. */
const shown = (name: string) => ['--tls-cert', path(`${name}.crt`), '--tls-key', path(`${name}.key`)];
const there = () => ['--coordinator', cluster.address, '--tls-ca', path('ca.crt')];

/** Makes a token with the command, and lets it in. */
async function grant(role: string, name: string): Promise<readonly string[]> {
  const { stdout, code } = await cluster.place.run(
    'token',
    '--role',
    role,
    '--name',
    name,
    '--to',
    path(`${name}.token`),
  );
  expect(code).toBe(0);
  const before = cluster.coordinator?.stderr.split('the access file was read again').length ?? 0;
  appendFileSync(path('access'), stdout);
  await eventually(() => (cluster.coordinator?.stderr.split('the access file was read again').length ?? 0) > before);
  return ['--token-file', path(`${name}.token`)];
}

async function refused(...args: readonly string[]) {
  const { code, stderr } = await cluster.place.run(...args);
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  return { code, said: said.join('\n') };
}

describe('a cluster over TLS', () => {
  test('runs a job right on workers with certificates, and tokens made by the command do what they are for', async () => {
    const job = await cluster.submit('talk.ts');
    expectRight(cluster, await cluster.watch(job));
    const reader = await grant('read', 'reader');
    const seen = await cluster.place.run('jobs', ...there(), ...reader);
    expect(seen.stderr).toBe('');
    expect(seen.stdout).toContain(job);
    expect(await refused('cancel', job, ...there(), ...reader)).toEqual({
      code: 2,
      said:
        'error: the token of reader has the role read, and /gristmill.v1.JobService/CancelJob needs the role submit\n' +
        'hint: ask whoever looks after the coordinator for a token of that role: docs/guide/security.md',
    });
    const ci = await grant('submit', 'ci');
    const submitted = await cluster.place.run('submit', 'talk.ts', '--output', 'out-of-ci', ...there(), ...ci);
    expect(submitted.stderr).toBe('');
    expect(submitted.code).toBe(0);
    const id = submitted.stdout.trim();
    const watched = await cluster.place.run('watch', id, '--quiet', ...there(), ...reader);
    expect(watched.code, watched.stderr).toBe(0);
    const audit = readFileSync(cluster.place.path(`store/v1/jobs/${id}/audit`), 'utf8');
    expect(JSON.parse(audit.split('\n')[0] ?? '')).toMatchObject({ event: 'submitted', by: 'ci' });
    const worker = await refused('worker', ...there(), ...ci, ...shown('w3'));
    expect(worker.said).toMatch(
      /refuses this worker: the token of ci has the role submit, and \S+Session needs the role worker/,
    );
    expect(worker.code).toBe(2);
  });

  test('refuses a worker with the certificate of another, one with none, and one that has expired', async () => {
    const store = ['--store', 'store'];
    const other = await refused('worker', ...there(), ...store, ...shown('w1'), '--worker', 'w3');
    expect(other.said).toMatch(
      /refuses this worker: the worker is named w3, and its certificate is for w1\nhint: --worker NAME/,
    );
    expect(other.code).toBe(2);
    const none = await refused('worker', ...there(), ...store, '--worker', 'w3');
    expect(none.said).toMatch(
      /refuses this worker: the worker w3 came without a certificate that this coordinator accepts/,
    );
    expect(none.code).toBe(2);
    const late = await refused('worker', ...there(), ...store, ...shown('expired'));
    expect(late.said).toMatch(/^error: a certificate in .*expired\.crt has expired: it was valid until /);
    expect(late.code).toBe(2);
    // The ones that are there go on.
    expect(cluster.workers.map(({ child }) => child.exitCode)).toEqual([null, null]);
  });

  test('is left alone by a client that does not trust it, and by one without TLS', async () => {
    const elsewhere = new Authority('elsewhere');
    writeFileSync(path('elsewhere.crt'), elsewhere.cert);
    const store = ['--coordinator', cluster.address, '--store', 'store'];
    const distrusting = await refused('jobs', ...store, '--tls-ca', path('elsewhere.crt'));
    expect(distrusting.said).toMatch(/^error: no encrypted connection to \S+: .*\nhint: --tls-ca FILE/);
    expect(distrusting.code).toBe(2);
    const plain = await refused('jobs', ...store);
    expect(plain.said).toMatch(/^error: no coordinator answers at .*\nhint: .*--tls-ca FILE is for one that uses TLS/);
    expect(plain.code).toBe(1);
    const worker = await refused('worker', ...store, '--tls-ca', path('elsewhere.crt'), '--connect-ms', '3000');
    expect(worker.said).toMatch(/^error: no encrypted connection to \S+: /);
    expect(worker.code).toBe(2);
  });

  test('has workers whose own port is encrypted with their certificate, and tells other machines their health alone', async () => {
    const worker = await cluster.startWorker(...shown('w4'), '--http', '0.0.0.0:0');
    const [, port = ''] = /, health at https:\/\/0\.0\.0\.0:(\d+)\/healthz\)/.exec(worker.stdout) ?? [];
    const ask = (page: string) => answerOverTls(`https://127.0.0.1:${port}${page}`, workers.cert);
    expect([await ask('/healthz'), await ask('/metrics')]).toEqual([200, 403]);
    expect((await end(worker, 'SIGTERM')).code).toBe(0);
  });

  test('takes a new certificate in the middle of a job, and a half of one not at all', async () => {
    cluster.place.hold('map');
    const job = await cluster.submit('talk.ts', { output: 'out-renewed' });
    const watching = cluster.watch(job);
    await cluster.place.reached('map');
    const renewed = new Authority('renewed');
    const log = () => cluster.coordinator?.stderr ?? '';
    const pair = renewed.server();
    writeFileSync(path('coordinator.crt'), pair.cert);
    await eventually(() => log().includes('is not that of the certificate'));
    expect((await cluster.place.run('jobs', ...there(), '--store', 'store')).code).toBe(0);
    writePair(folder, 'coordinator', pair);
    await eventually(() => log().includes('are shown the new certificate'));
    expect((await refused('jobs', ...there(), '--store', 'store')).code).toBe(2);
    writeFileSync(path('ca.crt'), renewed.cert);
    expect((await cluster.place.run('jobs', ...there(), '--store', 'store')).code).toBe(0);
    cluster.place.release('map');
    const { outcome } = await watching;
    expect(outcome.state).toBe('completed');
    expect(cluster.place.parts('out-renewed')).toEqual(cluster.place.parts('out'));
  });

  test('ends the session of a worker whose token is taken out of the access file', async () => {
    const token = await grant('worker', 'w3');
    const worker = await cluster.startWorker(...shown('w3'), ...token);
    const lines = readFileSync(path('access'), 'utf8').split('\n');
    writeFileSync(path('access'), lines.filter((line) => !line.startsWith('worker w3 ')).join('\n'));
    const { code, stderr } = await worker.ended;
    expect(stderr).toMatch(/refuses this worker: the token is missing or wrong/);
    expect(code).toBe(2);
    cluster.workers.pop();
    await expectWhole(cluster);
  });
});

describe('a command', () => {
  test('of a coordinator whose certificate has expired says so and exits with 2', async () => {
    const { cert, key } = authority.server({ validForMs: -60_000 });
    const server = new Server();
    const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) };
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [pair]), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    writeFileSync(path('old-ca.crt'), authority.cert);
    const address = `127.0.0.1:${port}`;
    const { code, said } = await refused(
      'jobs',
      '--coordinator',
      address,
      '--store',
      'store',
      '--tls-ca',
      path('old-ca.crt'),
    );
    server.forceShutdown();
    expect(said).toMatch(
      /^error: no encrypted connection to 127\.0\.0\.1:\d+: certificate has expired\nhint: --tls-ca FILE/,
    );
    expect(code).toBe(2);
  });

  test.each([
    ['--tls-cert w1.crt', /^error: --tls-cert is not enough by itself\nhint: --tls-key FILE/],
    ['--tls-cert w1.crt --tls-key w2.key', /^error: the key in .*w2\.key is not that of the certificate in .*w1\.crt/],
    ['--tls-cert none.crt --tls-key w1.key', /^error: cannot read .*none\.crt: ENOENT/],
    ['--tls-cert expired.crt --tls-key expired.key', /^error: a certificate in .*expired\.crt has expired/],
    ['--tls-client-ca ca.crt', /^error: --tls-client-ca is not enough by itself/],
    ['--access-file w1.crt', /^error: line 1 of .*w1\.crt begins with no role: read, submit, worker, admin/],
  ])('that is to start a coordinator with %s exits with 2 and says why', async (flags, says) => {
    const given = flags.split(' ').map((word) => (word.startsWith('--') ? word : path(word)));
    const { code, said } = await refused('coordinator', '--store', 'not-made', '--listen', '127.0.0.1:0', ...given);
    expect(said).toMatch(says);
    expect(code).toBe(2);
    expect(cluster.place.files('not-made')).toEqual([]);
  });
});
