/** Who may call whom, by the network policies of deploy/kubernetes. Not every cluster enforces them: they are read as the standard says. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repository } from '../harness/command.js';
import { run } from '../harness/docker.js';
import { mayCall, type End, type NetworkPolicy } from '../harness/network-policy.js';
import { describeWithKubernetes } from './kubernetes-suite.js';

const COMPONENT = 'app.kubernetes.io/component';
const part = (component: string): End => ({ labels: { [COMPONENT]: component }, isHere: true });

const ends: Readonly<Record<string, End>> = {
  coordinator: part('coordinator'),
  worker: part('worker'),
  store: part('store'),
  client: part('client'),
  'another pod of the namespace': { labels: {}, isHere: true },
  'a pod elsewhere': { labels: {}, namespace: {}, isHere: false },
  'a client elsewhere': { labels: {}, namespace: { [COMPONENT]: 'client' }, isHere: false },
  names: { labels: {}, namespace: { 'kubernetes.io/metadata.name': 'kube-system' }, isHere: false },
  'the world': { isHere: false },
};
const PORTS = [53, 443, 7070, 7071, 9000];

const everywhere = [
  'client calls coordinator:7070',
  'worker calls coordinator:7070',
  'a client elsewhere calls coordinator:7070',
  ...['coordinator', 'worker', 'store', 'client', 'another pod of the namespace'].map((one) => `${one} calls names:53`),
  // Prometheus and whoever probes; /metrics wants a token.
  ...['a pod elsewhere', 'a client elsewhere', 'names', 'the world'].map((one) => `${one} calls coordinator:7071`),
];

const expected: Readonly<Record<string, readonly string[]>> = {
  'with-store': [
    ...everywhere,
    ...['coordinator', 'worker', 'client', 'a client elsewhere'].map((one) => `${one} calls store:9000`),
  ],
  'external-store': [...everywhere, ...['coordinator', 'worker', 'client'].map((one) => `${one} calls the world:443`)],
};

describeWithKubernetes('network policies', () => {
  test.each(Object.keys(expected))('of %s let call whoever has to, and nobody else', async (folder) => {
    const policies = await policiesOf(folder);
    const found: string[] = [];
    for (const [caller, from] of Object.entries(ends)) {
      for (const [called, to] of Object.entries(ends)) {
        // What neither side is of the namespace is not theirs to say, nor is what talks to itself.
        if (caller === called || (!from.isHere && !to.isHere)) continue;
        if (folder === 'external-store' && [caller, called].includes('store')) continue;
        for (const port of PORTS)
          if (mayCall(policies, from, to, port)) found.push(`${caller} calls ${called}:${port}`);
      }
    }
    const wanted = (expected[folder] ?? []).filter((line) => folder !== 'external-store' || !line.startsWith('store '));
    expect(found.sort()).toEqual([...wanted].sort());
  });
});

async function policiesOf(folder: string): Promise<readonly NetworkPolicy[]> {
  const manifests = join(repository, 'deploy/kubernetes', folder);
  const args = ['create', '--dry-run=client', '--output', 'json', '--kustomize', manifests];
  const said = await run('kubectl', args, { directory: repository });
  // One object after the other.
  const objects = said.split(/^(?=\{)/m).map((text) => JSON.parse(text) as NetworkPolicy);
  return objects.filter(({ kind }) => kind === 'NetworkPolicy');
}
