/** Plain Python beyond one machine: over TLS, with tokens that have roles; each refusal has its status, and changes nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grantLine, tokenDigest, type Role } from '../../../shared/access.js';
import { limits } from '../../../shared/limits.js';
import { Authority, writePair } from '../../harness/certificates.js';
import type { Cluster } from '../../harness/cluster.js';
import { Workplace, type Ended, type Running } from '../../harness/command.js';
import { preparePrograms, pythonWithPackages, runsPython } from '../../harness/python.js';
import { expectRight, startTalk } from '../../harness/talk.js';
import { trusting } from '../../unit/coordinator/secure-coordinator.js';

describe.runIf(runsPython)('plain Python over TLS', () => {
  const authority = new Authority();
  const papers = new Workplace();
  let python: string;
  let cluster: Cluster;

  beforeAll(async () => {
    python = pythonWithPackages();
    const pair = writePair(papers.folder, 'coordinator', authority.server());
    papers.write('ca.crt', authority.cert);
    papers.write('other.crt', new Authority('another one').cert);
    const roles: readonly Role[] = ['read', 'submit', 'worker'];
    for (const role of roles) papers.write(`${role}.token`, `token-of-${role}`);
    const grants = roles.map((role) => grantLine({ role, name: role, sha256: tokenDigest(`token-of-${role}`) }));
    papers.write('access', `${grants.join('\n')}\n`);
    papers.write('wrong.token', 'not-the-token');
    const tls = ['--tls-cert', pair.cert, '--tls-key', pair.key, '--access-file', papers.path('access')];
    cluster = await startTalk({
      coordinatorFlags: tls,
      workerFlags: ['--tls-ca', papers.path('ca.crt')],
      clientTls: trusting(authority.cert),
    });
    await preparePrograms(cluster.place, python);
    expect((await cluster.place.run('bundle', 'talk.ts', '-o', 'talk.mjs')).code).toBe(0);
  }, 300_000);

  afterAll(async () => {
    await cluster.remove();
    papers.remove();
  });

  function start(program: string, args: readonly string[], token = 'submit', ca = 'ca'): Running {
    const reach = ['--coordinator', cluster.address, '--ca', papers.path(`${ca}.crt`)];
    const shown = ['--token-file', papers.path(`${token}.token`)];
    return cluster.place.start([join('python', program), ...args, ...reach, ...shown], [python]);
  }

  async function refused(running: Running): Promise<Ended> {
    const jobs = (await cluster.client.list()).length;
    const ended = await running.ended;
    expect(ended.code, ended.stdout).toBe(1);
    expect(await cluster.client.list()).toHaveLength(jobs);
    return ended;
  }

  test('submits, watches and cancels with the token of whoever may submit', async () => {
    const submitted = await start('submit.py', ['talk.mjs']).ended;
    expect(submitted.code, submitted.stderr).toBe(0);
    const job = submitted.stdout.trim();
    const watched = await start('watch.py', [job], 'read').ended;
    expect(watched.stdout, watched.stderr).toMatch(/^completed: 500 records read/m);
    expectRight(cluster, { events: [], outcome: await cluster.client.get(job as never) });
    cluster.place.hold('map');
    const second = (await start('submit.py', ['talk.mjs', '--output', 'second']).ended).stdout.trim();
    await cluster.place.reached('map');
    expect(await refused(start('cancel.py', [second], 'read'))).toMatchObject({
      stderr: expect.stringMatching(/^error: PERMISSION_DENIED permission-denied: .* needs the role submit/) as unknown,
    });
    expect((await cluster.client.get(second as never)).state).toBe('in_progress');
    const cancelled = await start('cancel.py', [second]).ended;
    cluster.place.release('map');
    expect(cancelled.stdout).toBe(`cancelled: ${second}, talk\n`);
  });

  test('is refused a wrong token and too low a role, each by its status', async () => {
    const wrong = await refused(start('submit.py', ['talk.mjs'], 'wrong'));
    expect(wrong.stderr).toMatch(/^error: UNAUTHENTICATED unauthenticated: /);
    for (const role of ['read', 'worker']) {
      const low = await refused(start('submit.py', ['talk.mjs'], role));
      expect(low.stderr).toMatch(/^error: PERMISSION_DENIED permission-denied: .* needs the role submit/);
    }
  });

  test('is refused a message and a bundle over the limit, each by its status', async () => {
    writeFileSync(cluster.place.path('large.mjs'), readFileSync(cluster.place.path('talk.mjs')));
    writeFileSync(cluster.place.path('large.mjs'), Buffer.alloc(limits.bundleBytesMax, ' '), { flag: 'a' });
    const large = await refused(start('submit.py', ['large.mjs']));
    expect(large.stderr).toMatch(/^error: RESOURCE_EXHAUSTED request-too-large: /);
    const program = readFileSync(cluster.place.path('python/submit.py'), 'utf8');
    const one = program.replace(/^CHUNK_BYTES = .*$/m, `CHUNK_BYTES = ${limits.messageBytesMax + 1}`);
    expect(one).not.toBe(program);
    cluster.place.write('python/at-once.py', one);
    expect((await refused(start('at-once.py', ['large.mjs']))).stderr).toMatch(/^error: RESOURCE_EXHAUSTED /);
  });

  test('does not send its token to whoever has no certificate of its authority', async () => {
    // As the programs are, but sooner out of patience.
    const connection = readFileSync(cluster.place.path('python/connection.py'), 'utf8');
    const impatient = connection.replace(/^TRIES = .*$/m, 'TRIES = 3');
    expect(impatient).not.toBe(connection);
    cluster.place.write('python/connection.py', impatient);
    const distrusted = await start('watch.py', ['abcdefghijkl'], 'submit', 'other').ended;
    expect(distrusted.stderr).toMatch(/^error: UNAVAILABLE .*(?:certificate|handshak)/im);
  });
});
