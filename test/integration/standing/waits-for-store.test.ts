/** A coordinator that starts before its store waits for it, and says so to whoever looks after it. */
import { chmodSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, Workplace, type Running } from '../../harness/command.js';
import { healthOf, untilHealth } from '../../harness/http-port.js';
import { startMinio, type RunningMinio } from '../../harness/minio.js';
import { describeWithMinio } from '../../harness/minio-suite.js';
import { freePlace } from '../../harness/ports.js';

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
    const listen = await freePlace();
    http = `http://${listen}`;
    const keys = ['--s3-access-key-file', 'access', '--s3-secret-key-file', 'secret', '--token-file', 'token'];
    const store = ['--store', 's3://wait/store', '--s3-endpoint', endpoint, ...keys];
    const ports = ['--listen', '127.0.0.1:0', '--http', listen];
    coordinator = place.start(['coordinator', ...store, ...ports, '--connect-ms', '120000']);
  });

  afterEach(async () => {
    coordinator.child.kill('SIGKILL');
    await coordinator.ended;
    place.remove();
    await minio.stop();
  });

  test('says on /healthz what it waits for, and leads once the store is there', async () => {
    await untilHealth(http, 503, 'waiting-for-store');
    expect((await healthOf(http))?.['reason']).toContain(minio.access.endpoint);
    await minio.startAgain();
    await untilHealth(http, 200, 'leading');
    expect(await healthOf(http)).toMatchObject({ epoch: 1 });
    await eventually(() => coordinator.stdout.includes('is ready on'));
  });

  test('stops in order when it is told to while it waits', async () => {
    await untilHealth(http, 503, 'waiting-for-store');
    coordinator.child.kill('SIGTERM');
    expect(await coordinator.ended).toMatchObject({ code: 0, stdout: '' });
  });
});
