/** What cannot work says why and what to do, and exits with a code that a script can tell apart. */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import type { WorkerMessage__Output } from '../../../proto/generated/gristmill/v1/WorkerMessage.js';
import { statusOf } from '../../../coordinator/grpc/status.js';
import { GristmillError } from '../../../shared/errors.js';
import { WorkerService } from '../../../shared/wire/load.js';
import { Cluster, end } from '../../harness/cluster.js';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await Cluster.start({ workers: 1 });
});
afterAll(async () => {
  await cluster.stop();
  expect(cluster.leftovers()).toEqual([]);
  await cluster.remove();
});

async function refused(...args: readonly string[]) {
  const { code, stdout, stderr } = await cluster.place.run(...args);
  expect(stdout).toBe('');
  const said = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
  return { code, said: said.join('\n') };
}

describe('a standing process', () => {
  test.each([
    ['coordinator', 2, /^error: a coordinator needs a store: --store URI\nhint: /],
    [
      'coordinator --store s --lease-ms 0',
      2,
      /^error: --lease-ms takes a whole number from 500 to 600000, not the string "0"$/,
    ],
    [
      'coordinator --store s --listen 0.0.0.0:0',
      2,
      /^error: 0\.0\.0\.0:0 \(--listen\) .*is not encrypted\nhint: --tls-cert FILE and --tls-key FILE .*--insecure /,
    ],
    ['coordinator --store s --stor x', 2, /^error: unknown option '--stor'\n\(Did you mean --store\?\)/],
    [
      'coordinator --store s --config none.json',
      2,
      /^error: cannot use the configuration file .*none\.json, named by --config: ENOENT/,
    ],
    [
      'coordinator --store s3://bucket/x',
      2,
      /^error: cannot use s3:\/\/bucket\/x: there are no S3 credentials on .*\nhint: give --s3-access-key-file FILE/,
    ],
    ['coordinator --store s3://b/x', 2, /^error: cannot use the URI "s3:\/\/b\/x": b is no name of a bucket/],
    ['coordinator --store s3://bucket/x --s3-endpoint x:9000', 2, /^error: --s3-endpoint takes http:\/\/host:port/],
    ['coordinator --store fresh --data-root none', 2, /^error: the data root .*none cannot be used: .*ENOENT/],
    ['worker', 2, /^error: the token of the coordinator is not known\nhint: --token-file FILE/],
    ['worker --store nowhere', 2, /^error: the token file .*nowhere\/token cannot be read/],
    [
      'worker --store store --coordinator 10.0.0.1:7070',
      2,
      /^error: 10\.0\.0\.1:7070 \(--coordinator\) .*is not encrypted\nhint: --tls-ca FILE/,
    ],
    [
      'worker --store store --coordinator 127.0.0.1:1 --connect-ms 300',
      1,
      /^error: no coordinator answers at 127\.0\.0\.1:1(: connect ECONNREFUSED 127\.0\.0\.1:1)?\nhint: /,
    ],
  ] as const)('%s exits with %i and says why', async (line, code, says) => {
    const refusal = await refused(...line.split(' '));
    expect(refusal.said).toMatch(says);
    expect(refusal.code).toBe(code);
  });

  test('an unknown key of the file is refused by name with the nearest one', async () => {
    cluster.place.write('c.json', '{"store": "s", "dataRoots": ["."]}');
    const { code, said } = await refused('coordinator', '--config', 'c.json');
    expect(said).toMatch(/^error: the key "dataRoots" in .*c\.json is not an option\nhint: did you mean dataRoot\?$/);
    expect(code).toBe(2);
  });

  test('an occupied port is told before anything is taken from the coordinator that listens there', async () => {
    const { code, said } = await refused('coordinator', '--store', 'store', '--listen', cluster.address);
    expect(said).toBe(
      `error: cannot listen on ${cluster.address}: another process listens there already\n` +
        'hint: --listen host:port chooses another address; port 0 takes a free one',
    );
    expect(code).toBe(1);
    // It leads still.
    expect(await cluster.client.list()).toEqual([]);
    expect(cluster.coordinator?.child.exitCode).toBeNull();
  });

  test('a worker with a wrong token is refused with what to do', async () => {
    cluster.place.write('wrong', 'wrong\n');
    const { code, said } = await refused('worker', '--coordinator', cluster.address, '--token-file', 'wrong');
    expect(said).toBe(
      `error: the coordinator at ${cluster.address} refuses this worker: the token is missing or wrong\n` +
        "hint: --token-file FILE names the file that holds the coordinator's token",
    );
    expect(code).toBe(2);
  });

  test('a worker of another protocol version is told to use one release', async () => {
    const server = new Server();
    server.addService(WorkerService.service, {
      Session(stream: ServerDuplexStream<WorkerMessage__Output, unknown>) {
        stream.on('error', () => undefined);
        const error = new GristmillError(
          'protocol-mismatch',
          'the worker speaks protocol version 1, this coordinator 2',
        );
        stream.on('data', () => stream.emit('error', statusOf(error)));
      },
    });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    const { code, said } = await refused('worker', '--store', 'store', '--coordinator', `127.0.0.1:${port}`);
    server.forceShutdown();
    expect(said).toMatch(/refuses this worker: the worker speaks protocol version 1, this coordinator 2/);
    expect(code).toBe(1);
  });

  test('an output outside the data roots is refused with its URI and the remedy', async () => {
    cluster.prepare({ 'a.txt': 'a b\n' }, 'faults/talk.ts');
    const { outcome } = await cluster.watch(await cluster.submit('talk.ts', { output: '/etc/gristmill-out' }));
    expect(outcome).toMatchObject({ state: 'failed', failure: { code: 'outside-data-roots', class: 'definition' } });
    expect(outcome.failure?.message).toMatch(/output file:\/\/\/etc\/gristmill-out .*\nhint: .*--data-root \/etc/);
  });

  test('prints its configuration with the origin of each value', () => {
    cluster.place.write('w.json', '{"slots": 3, "worker": "w"}');
    const { stdout } = spawnSync(
      process.execPath,
      [join(import.meta.dirname, '../../../dist/client/main.js'), 'worker', '--config', 'w.json', '--print-config'],
      {
        cwd: cluster.place.folder,
        env: { ...cluster.place.environment(), GRISTMILL_SLOTS: '2' },
        encoding: 'utf8',
      },
    );
    expect(stdout).toMatch(/^slots +2 +\(GRISTMILL_SLOTS\)$/m);
    expect(stdout).toMatch(/^worker +w +\(.*w\.json\)$/m);
  });

  test('executors see neither the token nor where it is', () => {
    const token = readFileSync(cluster.place.path('store/token'), 'utf8').trim();
    const executors = cluster.place.executors();
    expect(executors.length).toBeGreaterThan(0);
    for (const pid of executors) {
      const seen = readFileSync(`/proc/${pid}/environ`, 'utf8') + readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      expect(seen).not.toContain(token);
      expect(seen).not.toMatch(/GRISTMILL_TOKEN|GRISTMILL_STORE/);
    }
  });
});

test('a worker whose coordinator comes back with another token ends and says why', async () => {
  const other = await Cluster.start({ workers: 1 });
  try {
    if (other.coordinator) await end(other.coordinator, 'SIGTERM');
    rmSync(other.place.path('store/token'));
    await other.startCoordinator();
    const ended = await other.workers[0]?.ended;
    expect(ended?.stderr).toMatch(/refuses this worker: the token is missing or wrong/);
    expect(ended?.code).toBe(2);
  } finally {
    await other.remove();
  }
});
