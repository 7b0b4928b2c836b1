/** deploy/kubernetes in real pods, and what befalls those. */
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { zipfFile } from '../../bench/generate/zipf.js';
import { repository, type Running } from '../harness/command.js';
import { KubernetesFleet } from '../harness/kubernetes.js';
import { countedPlainly } from '../harness/plain-count.js';
import { attemptsIn, expectCounted, tasksDone } from '../harness/watched.js';
import { describeWithKubernetes } from './kubernetes-suite.js';

const INPUT_BYTES = 200_000_000;
const MINUTES = 60_000;
const LONG = 10 * MINUTES;
const MANIFESTS = join(repository, 'deploy/kubernetes');

describeWithKubernetes('the fleet of deploy/kubernetes', () => {
  let fleet: KubernetesFleet;
  let counted: ReadonlyMap<string, number>;
  let jobs = 0;

  beforeAll(async () => {
    fleet = await KubernetesFleet.up({ workers: 2 });
    const input = zipfFile(INPUT_BYTES);
    counted = await countedPlainly(input);
    copyFileSync(input, fleet.place.path('words.txt'));
    const uploaded = await fleet.upload('words.txt', 's3://gristmill/data/');
    expect(uploaded, uploaded.stderr).toMatchObject({ code: 0 });
  }, 15 * MINUTES);

  afterAll(async () => {
    await (fleet as KubernetesFleet | undefined)?.remove();
  }, 5 * MINUTES);

  function start(): Promise<Running> {
    return fleet.submit(join(repository, 'test/kubernetes/words.ts'), `s3://gristmill/data/out-${jobs++}`);
  }

  async function expectRight(running: Running): Promise<void> {
    try {
      await expectCounted(await running.ended, counted, (job) => fleet.results(job));
    } catch (thrown) {
      console.log(await fleet.describe());
      throw thrown;
    }
  }

  test(
    'is accepted by the API server, each file and each kustomization, strictly',
    async () => {
      const files = readdirSync(MANIFESTS, { recursive: true }).map(String);
      const manifests = files.filter((name) => name.endsWith('.yaml') && !/kustomization|^secrets/.test(name));
      const folders = files.filter((name) => name.endsWith('kustomization.yaml')).map((name) => dirname(name));
      expect(manifests.length).toBeGreaterThan(6);
      expect(folders).toEqual(expect.arrayContaining(['with-store', 'external-store', 'job']));
      for (const name of manifests) await fleet.dryRun('--filename', join(MANIFESTS, name));
      // A component is no kustomization by itself: it is part of others, as the guide shows.
      for (const name of folders.filter((folder) => !['autoscaling', 'load-balancer'].includes(folder)))
        await fleet.dryRun('--kustomize', fleet.copyOf(name));
      const guide = readFileSync(join(repository, 'docs/guide/deploy.md'), 'utf8');
      const [, overlay = ''] = /```yaml\n([\s\S]*?)```/.exec(guide) ?? [];
      const said = await fleet.dryRun('--kustomize', fleet.overlayShown(overlay));
      for (const name of [
        'deployment.apps/worker',
        'service/coordinator-outside',
        'horizontalpodautoscaler.autoscaling/worker',
      ])
        expect(said).toContain(name);
    },
    LONG,
  );

  test(
    'counts 200 MB for a pod that calls its Service',
    async () => {
      await expectRight(await start());
    },
    LONG,
  );

  test(
    'runs nothing as root, and writes nowhere but in its volumes',
    async () => {
      const writes = `
        const fs = require('node:fs');
        const status = fs.readFileSync('/proc/1/status', 'utf8');
        const tries = ['/', '/opt/gristmill', '/usr/local/bin', '/etc', '/home', '/var/tmp', '/dev'].map((folder) => {
          try { fs.writeFileSync(folder + '/x', ''); return folder; } catch { return null; }
        });
        process.stdout.write(JSON.stringify({
          user: process.getuid(), init: /Uid:\\s+(\\d+)/.exec(status)[1], capabilities: /CapPrm:\\s+(\\S+)/.exec(status)[1],
          written: tries.filter((folder) => folder !== null),
        }));`;
      const pods = await fleet.pods();
      expect(new Set(pods.map(({ component }) => component))).toEqual(
        new Set(['store', 'coordinator', 'worker', 'client']),
      );
      // Pods that submitted have ended, and the store's image has nothing to ask with: of those the API alone is asked.
      for (const { name } of pods.filter(({ component }) => component === 'coordinator' || component === 'worker')) {
        const found = JSON.parse(await fleet.kubectl('exec', name, '--', 'node', '-e', writes)) as unknown;
        expect(found, name).toEqual({ user: 1000, init: '1000', capabilities: '0000000000000000', written: [] });
      }
      const asked =
        '{range .items[*]}{.spec.securityContext.runAsNonRoot} {.spec.containers[*].securityContext}{"\\n"}{end}';
      const confined = (await fleet.kubectl('get', 'pods', '--output', `jsonpath=${asked}`)).trim().split('\n');
      expect(confined).toHaveLength(pods.length);
      for (const line of confined) {
        expect(line.startsWith('true ')).toBe(true);
        expect(JSON.parse(line.slice('true '.length))).toEqual({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
          readOnlyRootFilesystem: true,
        });
      }
    },
    LONG,
  );

  test(
    'has more workers and fewer while a job runs, and those that go cost no attempt',
    async () => {
      await fleet.scale(2);
      await fleet.settled(2);
      const running = await start();
      await tasksDone(running, 3);
      await fleet.scale(5);
      await fleet.settled(5);
      await fleet.scale(1);
      expect(running.child.exitCode, 'the job ended before its workers went').toBe(null);
      await expectRight(running);
      expect(attemptsIn(running.stdout).filter(({ won }) => !won)).toEqual([]);
      await fleet.settled(1);
    },
    LONG,
  );

  test(
    'goes on when a worker is deleted without any grace',
    async () => {
      await fleet.scale(2);
      await fleet.settled(2);
      const running = await start();
      await tasksDone(running, 5);
      const [worker] = await fleet.pods('worker');
      await fleet.kubectl('delete', 'pod', worker?.name ?? '', '--grace-period', '0', '--force');
      await expectRight(running);
      await fleet.settled(2);
    },
    LONG,
  );

  test(
    'goes on when the coordinator is deleted',
    async () => {
      const running = await start();
      await tasksDone(running, 5);
      const [coordinator] = await fleet.pods('coordinator');
      await fleet.kubectl('delete', 'pod', coordinator?.name ?? '');
      await fleet.ready();
      await expectRight(running);
    },
    LONG,
  );

  test(
    'goes on when all workers are started anew, one after the other, which costs no attempt',
    async () => {
      const before = (await fleet.pods('worker')).map(({ name }) => name);
      const running = await start();
      await tasksDone(running, 3);
      await fleet.kubectl('rollout', 'restart', 'deployment/worker');
      await fleet.ready();
      expect(running.child.exitCode, 'the job ended before its workers were others').toBe(null);
      await expectRight(running);
      expect(attemptsIn(running.stdout).filter(({ won }) => !won)).toEqual([]);
      await fleet.settled(2);
      for (const { name } of await fleet.pods('worker')) expect(before).not.toContain(name);
    },
    LONG,
  );
});
