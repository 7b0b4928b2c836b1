/**
 * The fleet of docker-compose.yml in real containers, under a project name of its own, with secrets, ports and volumes of its
 * own; spoken to from outside, by the command of this checkout with a token.
 */
import { randomBytes } from 'node:crypto';
import { delay, systemClock } from '../../shared/clock.js';
import { repository, Workplace, type Ended, type Running } from './command.js';
import { run } from './docker.js';
import { coordinatorFlags, storeFlags } from './secret-flags.js';
import { freePort } from './ports.js';

/** Between two looks at a condition that the engine tells only when it is asked. */
const LOOK_MS = 100;

export interface FleetOptions {
  readonly workers: number;
  /** Of docker-compose.yml, and of Compose itself. */
  readonly variables?: Readonly<Record<string, string>>;
}

export type Service = 'store' | 'coordinator' | 'worker';

export class Fleet {
  readonly place = new Workplace();
  readonly project = `gristmill-test-${randomBytes(4).toString('hex')}`;
  #variables: Readonly<Record<string, string>> = {};
  /** That its containers have had: those without a name have no label either. */
  readonly #volumes = new Set<string>();

  /** Resolves when every container is healthy. */
  static async up({ workers, variables = {} }: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet();
    try {
      await fleet.#prepare(variables);
      await fleet.scale(workers);
      return fleet;
    } catch (thrown) {
      console.log(await fleet.compose('logs', '--no-color', '--tail', '50').catch(String));
      await fleet.remove();
      throw thrown;
    }
  }

  async #prepare(variables: Readonly<Record<string, string>>): Promise<void> {
    const directory = repository;
    await run('docker', ['build', '--quiet', '--tag', 'gristmill:local', '.'], { directory });
    const secrets = this.place.path('secrets');
    const said = await run('deploy/secrets.sh', ['--folder', secrets], { directory });
    const [coordinator, http, store, prometheus] = await Promise.all(
      Array.from({ length: 4 }, () => freePort('127.0.0.1')),
    );
    this.#variables = {
      SECRETS: secrets,
      CONTAINER_USER: /CONTAINER_USER=(\S+)/.exec(said)?.[1] ?? '',
      COORDINATOR_PORT: String(coordinator),
      COORDINATOR_HTTP_PORT: String(http),
      STORE_PORT: String(store),
      PROMETHEUS_PORT: String(prometheus),
      WORKER_SLOTS: '1',
      WORKER_CPUS: '1',
      ...variables,
    };
  }

  compose(...args: readonly string[]): Promise<string> {
    const all = ['compose', '--project-name', this.project, ...args];
    return run('docker', all, { directory: repository, variables: this.#variables });
  }

  /** So many workers run, and all that runs is healthy. */
  async scale(workers: number): Promise<void> {
    await this.compose('up', '--detach', '--no-build', '--wait', '--quiet-pull', '--scale', `worker=${workers}`);
    const ids = words(await this.compose('ps', '--all', '--quiet'));
    const format = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}} {{end}}{{end}}';
    for (const volume of words(await this.docker('inspect', '--format', format, ...ids))) this.#volumes.add(volume);
  }

  /** What was frozen or cut off is healthy again once its health has been asked for anew. */
  async healthy(container: string): Promise<void> {
    while ((await this.docker('inspect', '--format', '{{.State.Health.Status}}', container)) !== 'healthy') {
      await delay(systemClock, LOOK_MS);
    }
  }

  docker(...args: readonly string[]): Promise<string> {
    return run('docker', args, { directory: repository });
  }

  /** Ids of the containers of a service that run. */
  async containers(service: Service): Promise<readonly string[]> {
    return words(await this.compose('ps', '--quiet', service));
  }

  get network(): string {
    return `${this.project}_default`;
  }

  /** How a command from outside reaches the fleet, as somebody who may submit. */
  get reach(): readonly string[] {
    return coordinatorFlags(this.place.path('secrets'), this.#variables['COORDINATOR_PORT'] ?? '');
  }

  get keys(): readonly string[] {
    return storeFlags(this.place.path('secrets'), this.#variables['STORE_PORT'] ?? '');
  }

  upload(name: string, target: string): Promise<Ended> {
    return this.place.run('upload', name, target, '--quiet', ...this.keys);
  }

  /** All rows of a job that ended. */
  results(job: string): Promise<Ended> {
    return this.place.run('results', job, ...this.reach, ...this.keys);
  }

  /** Submits and watches, as `gristmill run --coordinator` does. */
  submit(jobFile: string, ...flags: readonly string[]): Running {
    return this.place.start(['run', jobFile, '--json', ...flags, ...this.reach]);
  }

  /** Starts the one part of the profile `monitoring` that answers questions, and says where. */
  async watch(): Promise<string> {
    await this.compose('--profile', 'monitoring', 'up', '--detach', '--no-build', '--wait', 'prometheus');
    return `http://127.0.0.1:${this.#variables['PROMETHEUS_PORT'] ?? ''}`;
  }

  /** Stops all containers and says how each ended. */
  async stop(): Promise<readonly { readonly service: string; readonly code: number }[]> {
    await this.compose('stop');
    const ids = words(await this.compose('ps', '--all', '--quiet'));
    const format = '{{index .Config.Labels "com.docker.compose.service"}} {{.State.ExitCode}}';
    const ended = ids.length === 0 ? '' : await this.docker('inspect', '--format', format, ...ids);
    return ended.split('\n').map((line) => {
      const [service = '', code = ''] = line.split(' ');
      return { service, code: Number(code) };
    });
  }

  /** Everything that the engine still has of it. */
  async leftovers(): Promise<readonly string[]> {
    const filter = ['--filter', `label=com.docker.compose.project=${this.project}`];
    const lists = await Promise.all([
      this.docker('ps', '--all', '--quiet', ...filter),
      this.docker('volume', 'ls', '--quiet', ...filter),
      this.docker('network', 'ls', '--quiet', ...filter),
    ]);
    const volumes = words(await this.docker('volume', 'ls', '--quiet')).filter((name) => this.#volumes.has(name));
    return [...lists.flatMap(words), ...volumes];
  }

  async down(): Promise<void> {
    await this.compose('--profile', '*', 'down', '--volumes', '--remove-orphans');
  }

  async remove(): Promise<void> {
    await this.down().catch((error: unknown) => console.log(String(error)));
    this.place.remove();
  }
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
