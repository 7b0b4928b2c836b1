/** A coordinator that starts before its store waits for it, and says so to whoever looks after it. */
import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, Workplace, type Running } from '../../harness/command.js';
import { freePort, startMinio, type RunningMinio } from '../../harness/minio.js';
import { describeWithMinio } from '../../harness/minio-suite.js';

describeWithMinio('a coordinator whose store is not up yet', () => {
  let minio: RunningMinio;
  let place: Workplace;
  let coordinator: Running;
  let http: string;

  beforeEach(async () => {
    minio = await startMinio();
    await minio.kill();
    place = new Workplace();
    const { accessKey, secretKey, endpoint } = minio.access;
    for (const [name, text] of Object.entries({ access: accessKey, secret: secretKey, token: 'a-token' })) {
      chmodSync(place.write(name, text), 0o600);
    }
    http = `127.0.0.1:${await freePort('127.0.0.1')}`;
    const keys = ['--s3-access-key-file', 'access', '--s3-secret-key-file', 'secret', '--token-file', 'token'];
    const store = ['--store', 's3://wait/store', '--s3-endpoint', endpoint, ...keys];
    coordinator = place.start([
      'coordinator',
      ...store,
      '--listen',
      '127.0.0.1:0',
      '--http',
      http,
      '--connect-ms',
      '120000',
    ]);
  });

  afterEach(async () => {
    coordinator.child.kill('SIGKILL');
    await coordinator.ended;
    place.remove();
    await minio.stop();
  });

  /** Asks until the health is so, for a process that is not up yet refuses. */
  async function health(status: string): Promise<Record<string, unknown>> {
    for (;;) {
      const answer = await fetch(`http://${http}/healthz`).catch(() => undefined);
      const body = answer && ((await answer.json()) as Record<string, unknown>);
      if (body?.['status'] === status) return { ...body, code: answer?.status };
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  test('says on /healthz what it waits for, and leads once the store is there', async () => {
    expect(await health('waiting-for-store')).toMatchObject({
      code: 503,
      reason: expect.stringContaining(minio.access.endpoint) as unknown,
    });
    await minio.startAgain();
    expect(await health('leading')).toMatchObject({ code: 200, epoch: 1 });
    await eventually(() => coordinator.stdout.includes('is ready on'));
  });

  test('stops in order when it is told to while it waits', async () => {
    await health('waiting-for-store');
    coordinator.child.kill('SIGTERM');
    expect(await coordinator.ended).toMatchObject({ code: 0, stdout: '' });
  });
});
