/**
 * The fleet of deploy/kubernetes in real pods, in a namespace of its own, asked for by `kubectl` alone. Jobs are submitted by
 * pods, through the Service; data comes and goes through a forwarded port.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { eventually, repository, Workplace, type Ended, type Running } from './command.js';
import { run } from './docker.js';
import { coordinatorFlags, storeFlags } from './secret-flags.js';

const MINUTES = 60_000;

/** A context is chosen and its cluster answers. */
export const hasKubernetes = answers();

function answers(): boolean {
  try {
    execFileSync('kubectl', ['get', '--raw', '/readyz'], { stdio: 'ignore', timeout: MINUTES });
    return true;
  } catch {
    return false;
  }
}

const SERVICE_PORTS = { store: 9000, coordinator: 7070 } as const;

const AUTOSCALER = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'worker' },
};

export interface Pod {
  readonly name: string;
  readonly component: string;
  readonly ready: boolean;
  readonly going: boolean;
}

interface PodObject {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export class KubernetesFleet {
  readonly place = new Workplace();
  readonly namespace = `gristmill-test-${randomBytes(4).toString('hex')}`;
  /** Where what is only tried would be created. */
  readonly empty = `${this.namespace}-empty`;
  readonly #secrets = this.place.path('secrets');
  #jobs = 0;

  /** Resolves when everything is ready. The cluster has to have the images of the manifests. */
  static async up({ workers }: { readonly workers: number }): Promise<KubernetesFleet> {
    const fleet = new KubernetesFleet();
    try {
      await fleet.#apply(workers);
      return fleet;
    } catch (thrown) {
      console.log(await fleet.describe());
      await fleet.remove();
      throw thrown;
    }
  }

  async #apply(workers: number): Promise<void> {
    await run('deploy/secrets.sh', ['--folder', this.#secrets], { directory: repository });
    for (const name of [this.namespace, this.empty]) await this.kubectl('create', 'namespace', name);
    await this.kubectl('apply', '--kustomize', this.#overlay('secrets-here', { resources: ['../secrets'] }));
    const fleet = this.#overlay('fleet', {
      resources: [this.#manifests('with-store')],
      // Small enough for many of them on one node, and one slot each: tasks enough for all.
      configMapGenerator: [{ name: 'workers', behavior: 'merge', literals: ['GRISTMILL_SLOTS=1'] }],
      patches: [
        requests('Deployment', 'worker', { cpu: '20m', memory: '256Mi' }),
        requests('StatefulSet', 'store', { cpu: '20m', memory: '256Mi' }),
        // How many there are is for the tests to say.
        { patch: JSON.stringify({ ...AUTOSCALER, $patch: 'delete' }) },
      ],
    });
    await this.kubectl('apply', '--kustomize', fleet);
    await makeVolumesWritable(this.namespace);
    await this.scale(workers);
    await this.ready();
  }

  /** A kustomization of this test over others, as a user's own copy is. */
  #overlay(name: string, content: Readonly<Record<string, unknown>>, namespace = this.namespace): string {
    const folder = this.place.path(name);
    mkdirSync(folder, { recursive: true });
    const kustomization = { kind: 'Kustomization', namespace, ...content };
    // JSON is YAML.
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    return folder;
  }

  #manifests(name: string): string {
    return relative(this.place.path('overlay'), join(repository, 'deploy/kubernetes', name));
  }

  /** A kustomization of deploy/kubernetes, in the empty namespace. */
  copyOf(name: string): string {
    return this.#overlay(`copy-of-${name}`, { resources: [this.#manifests(name)] }, this.empty);
  }

  /** An overlay as a guide shows it, beside a checkout, in the empty namespace. */
  overlayShown(text: string): string {
    const folder = this.place.path('overlay-shown');
    mkdirSync(folder, { recursive: true });
    const mine = text
      .replaceAll('../gristmill/', `${relative(folder, repository)}/`)
      .replace('namespace: gristmill\n', `namespace: ${this.empty}\n`);
    writeFileSync(join(folder, 'kustomization.yaml'), mine);
    return folder;
  }

  /** What the API server would say; rejects with what it does not know or allow. */
  dryRun(...args: readonly string[]): Promise<string> {
    // The namespace is the one file that says which it is.
    const namespaced = args.some((arg) => arg.endsWith('namespace.yaml')) ? [] : ['--namespace', this.empty];
    const all = ['apply', '--dry-run=server', '--validate=strict', ...args, ...namespaced];
    return run('kubectl', all, { directory: this.place.folder });
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return run('kubectl', ['--namespace', this.namespace, ...args], { directory: this.place.folder });
  }

  /** Everything that was told to change has changed. */
  async ready(): Promise<void> {
    for (const what of ['statefulset/store', 'deployment/coordinator', 'deployment/worker']) {
      await this.kubectl('rollout', 'status', what, '--timeout', '5m');
    }
  }

  async scale(workers: number): Promise<void> {
    await this.kubectl('scale', 'deployment/worker', '--replicas', String(workers));
  }

  async pods(component?: string): Promise<readonly Pod[]> {
    const label = component === undefined ? 'app.kubernetes.io/component' : `app.kubernetes.io/component=${component}`;
    const { items } = JSON.parse(await this.kubectl('get', 'pods', '--selector', label, '--output', 'json')) as {
      readonly items: readonly PodObject[];
    };
    return items.map(({ metadata, status }) => ({
      name: metadata.name,
      component: metadata.labels['app.kubernetes.io/component'] ?? '',
      ready: status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
      going: metadata.deletionTimestamp !== undefined,
    }));
  }

  /** Exactly so many workers are there, and ready. */
  async settled(workers: number): Promise<void> {
    await eventually(async () => {
      const pods = await this.pods('worker');
      return pods.length === workers && pods.every(({ ready, going }) => ready && !going);
    });
  }

  /** Submits from a pod, and shows what that prints, as deploy/kubernetes/job does. */
  async submit(jobFile: string, output: string): Promise<Running> {
    const suffix = `-${this.#jobs++}`;
    const folder = `job${suffix}`;
    mkdirSync(this.place.path(folder));
    copyFileSync(jobFile, join(this.place.path(folder), basename(jobFile)));
    const flags = ['--json', '--output', output];
    const job = this.#overlay(folder, {
      nameSuffix: suffix,
      resources: [this.#manifests('job')],
      configMapGenerator: [{ name: 'word-count', behavior: 'replace', files: [`word-count.ts=${basename(jobFile)}`] }],
      patches: [
        {
          target: { kind: 'Job', name: 'word-count' },
          patch: JSON.stringify(
            flags.map((value) => ({ op: 'add', path: '/spec/template/spec/containers/0/args/-', value })),
          ),
        },
      ],
    });
    await this.kubectl('apply', '--kustomize', job);
    const name = `job/word-count${suffix}`;
    await this.kubectl('wait', '--for', 'jsonpath={.status.ready}=1', '--timeout', '2m', name);
    // The log of a pod is what it printed on both outputs: events are the lines that are objects.
    const events = '/^{/ { print; fflush(); next } { print > "/dev/stderr" }';
    const script = `kubectl logs --follow ${name} --namespace ${this.namespace} | awk '${events}'`;
    return this.place.start(['-o', 'pipefail', '-c', script], ['bash']);
  }

  upload(name: string, target: string): Promise<Ended> {
    return this.#through(['store'], ([store = 0]) =>
      this.place.run('upload', name, target, '--quiet', ...storeFlags(this.#secrets, store)),
    );
  }

  /** All rows of a job that ended. */
  results(job: string): Promise<Ended> {
    return this.#through(['store', 'coordinator'], ([store = 0, coordinator = 0]) =>
      this.place.run(
        'results',
        job,
        ...coordinatorFlags(this.#secrets, coordinator),
        ...storeFlags(this.#secrets, store),
      ),
    );
  }

  /** Services are reached through ports of this machine as long as they are used. */
  async #through(
    services: readonly (keyof typeof SERVICE_PORTS)[],
    use: (ports: readonly number[]) => Promise<Ended>,
  ): Promise<Ended> {
    const forwards = services.map((service) => {
      const args = ['port-forward', `service/${service}`, `:${SERVICE_PORTS[service]}`, '--namespace', this.namespace];
      return this.place.start(args, ['kubectl']);
    });
    try {
      return await use(await Promise.all(forwards.map(portOf)));
    } finally {
      for (const { child } of forwards) child.kill();
      await Promise.all(forwards.map(({ ended }) => ended));
    }
  }

  /** For whoever asks why something failed. */
  async describe(): Promise<string> {
    const asked = [
      this.kubectl('get', 'pods', '--output', 'wide'),
      this.kubectl('get', 'events'),
      this.kubectl('logs', '--all-pods', '--tail', '30', 'deployment/worker'),
      this.kubectl('logs', '--tail', '30', 'deployment/coordinator'),
    ];
    return (await Promise.all(asked.map((one) => one.catch(String)))).join('\n');
  }

  async remove(): Promise<void> {
    await this.kubectl(
      'delete',
      'namespace',
      this.namespace,
      this.empty,
      '--ignore-not-found',
      '--timeout',
      '4m',
    ).catch((error: unknown) => console.log(String(error)));
    this.place.remove();
  }
}

/** Where a port is forwarded to now. */
async function portOf(forward: Running): Promise<number> {
  const found = () => /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout)?.[1];
  await eventually(() => found() !== undefined || forward.child.exitCode !== null);
  if (found() === undefined) throw new Error(`no port is forwarded: ${forward.stderr}`);
  return Number(found());
}

function requests(kind: string, name: string, value: Readonly<Record<string, string>>) {
  const path = '/spec/template/spec/containers/0/resources/requests';
  return { target: { kind, name }, patch: JSON.stringify([{ op: 'replace', path, value }]) };
}

interface VolumeObject {
  readonly spec: {
    readonly claimRef?: { readonly namespace: string };
    readonly hostPath?: { readonly path: string };
  };
}

/**
 * A volume driver gives volumes to the pod's group, which Kubernetes does not do for folders of the node: where the node is
 * this machine and its volumes are such, it is done here.
 */
export async function makeVolumesWritable(namespace: string): Promise<void> {
  const args = ['get', 'pvc', '--namespace', namespace, '--output', 'jsonpath={.items[*].status.phase}'];
  await eventually(async () => (await run('kubectl', args, { directory: repository })) === 'Bound');
  const listed = await run('kubectl', ['get', 'pv', '--output', 'json'], { directory: repository });
  for (const { spec } of (JSON.parse(listed) as { readonly items: readonly VolumeObject[] }).items) {
    const isOurs = spec.claimRef?.namespace === namespace;
    if (isOurs && spec.hostPath && existsSync(spec.hostPath.path)) chmodSync(spec.hostPath.path, 0o777);
  }
}
