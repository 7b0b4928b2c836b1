/**
 * A cluster of real processes in a folder of its own: a coordinator, workers, and whatever a test does to them. The store is
 * `store/`, inputs and outputs lie beside it, and everything is gone when the test has ended. With a bucket, store, inputs and
 * outputs lie there, and an output is brought into the folder when its job has ended, so that tests find it as ever.
 */
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleJob } from '../../client/bundle/bundle.js';
import { JobClient } from '../../client/job-client.js';
import type { Job, JobEvent, SubmitRequest } from '../../client/job-types.js';
import type { ClientTls } from '../../shared/config/tls.js';
import type { JobId } from '../../shared/ids.js';
import type { Bucket } from './bucket.js';
import { eventually, program, repository, Workplace, type Ended, type Running } from './command.js';
import type { Host } from './namespaces.js';

export interface ClusterOptions {
  readonly workers?: number;
  readonly slots?: number;
  /** Further flags of the coordinator; given again at each start. */
  readonly coordinatorFlags?: readonly string[];
  /** Further flags of every worker. */
  readonly workerFlags?: readonly string[];
  /** Where the processes run, in the place of this host: workers beyond the list on its last one. */
  readonly hosts?: { readonly coordinator: Host; readonly workers: readonly Host[] };
  /** How the client of the test connects; absent: nothing is encrypted. */
  readonly clientTls?: ClientTls;
  readonly bucket?: Bucket;
  /** How processes get the keys of the bucket. */
  readonly keys?: 'files' | 'variables';
}

export interface Watched {
  readonly events: readonly JobEvent[];
  readonly outcome: Job;
}

export class Cluster {
  readonly place = new Workplace();
  readonly workers: Running[] = [];
  coordinator: Running | undefined;
  readonly #coordinators: Running[] = [];
  /** Of the first coordinator; its successors take the same one. */
  address = '127.0.0.1:0';
  readonly #options: ClusterOptions;
  #client: JobClient | undefined;
  readonly #outputs = new Map<JobId, string>();

  private constructor(options: ClusterOptions) {
    this.#options = options;
    if (options.hosts) this.address = `${options.hosts.coordinator.address}:0`;
  }

  /** Resolves when all processes have said that they are ready. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      await cluster.startCoordinator();
      await Promise.all(Array.from({ length: options.workers ?? 2 }, () => cluster.startWorker()));
      return cluster;
    } catch (thrown) {
      await cluster.remove();
      throw thrown;
    }
  }

  /** The first coordinator, or a successor at the same address on the same store. */
  async startCoordinator(...flags: readonly string[]): Promise<Running> {
    const { bucket, hosts, coordinatorFlags = [] } = this.#options;
    const store = bucket ? [...this.#keyFlags(bucket), '--s3-endpoint', bucket.access.endpoint] : [];
    const roots = bucket ? ['--store', bucket.storeUri] : ['--store', 'store', '--data-root', '.'];
    const given = [...roots, ...store, '--listen', this.address, '--log-level', 'warn'];
    const running = this.#start(hosts?.coordinator, ['coordinator', ...given, ...coordinatorFlags, ...flags]);
    this.#coordinators.push(running);
    const line = await ready(running);
    this.address = /ready on (\S+)/.exec(line)?.[1] ?? this.address;
    this.coordinator = running;
    return running;
  }

  /** One more on the same store, at an address of its own: from now on it is the cluster's. */
  startAnotherCoordinator(): Promise<Running> {
    this.#client?.close();
    this.#client = undefined;
    this.address = '127.0.0.1:0';
    return this.startCoordinator();
  }

  async startWorker(...flags: readonly string[]): Promise<Running> {
    const { bucket } = this.#options;
    // The endpoint is the coordinator's to tell.
    const given = [...(bucket ? this.#keyFlags(bucket) : ['--store', 'store']), '--coordinator', this.address];
    const slots = ['--slots', String(this.#options.slots ?? 1)];
    const { hosts, workerFlags = [] } = this.#options;
    const host = hosts?.workers[this.workers.length] ?? hosts?.workers.at(-1);
    const running = this.#start(host, ['worker', ...given, ...slots, ...workerFlags, ...flags]);
    this.workers.push(running);
    await ready(running);
    return running;
  }

  /** The hosts of tests are no loopback, and have no certificates. */
  #start(host: Host | undefined, args: readonly string[]): Running {
    const command = [process.execPath, program];
    const variables = this.#keyVariables();
    if (!host) return this.place.start(args, command, variables);
    return this.place.start([...args, '--insecure'], host.command(command), variables);
  }

  /** Keys and token in files that nobody else can read. */
  #keyFlags({ access }: Bucket): string[] {
    const files = { token: 'token-of-the-cluster', access: access.accessKey, secret: access.secretKey };
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(this.place.path(name), `${text}\n`, { mode: 0o600 });
    }
    const token = ['--token-file', 'token'];
    if (this.#options.keys === 'variables') return token;
    return [...token, '--s3-access-key-file', 'access', '--s3-secret-key-file', 'secret'];
  }

  #keyVariables(): NodeJS.ProcessEnv {
    const { bucket, keys } = this.#options;
    if (bucket === undefined || keys !== 'variables') return {};
    return { AWS_ACCESS_KEY_ID: bucket.access.accessKey, AWS_SECRET_ACCESS_KEY: bucket.access.secretKey };
  }

  get client(): JobClient {
    const path = this.place.path(this.#options.bucket ? 'token' : 'store/token');
    const token = readFileSync(path, 'utf8').trim();
    return (this.#client ??= new JobClient({ address: this.address, token, tls: this.#options.clientTls }));
  }

  /** The worker whose executor has this process id. */
  workerOf(executor: number): Running {
    const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${executor}/stat`, 'utf8'))?.[1]);
    const worker = this.workers.find(({ pid }) => pid === parent);
    if (!worker) throw new Error(`no worker of this cluster has the executor ${executor}`);
    return worker;
  }

  /** Writes text files below `input/`, and copies a job definition of test/fixtures beside it. */
  prepare(inputs: Readonly<Record<string, string>>, fixture: string): void {
    mkdirSync(this.place.path('input'), { recursive: true });
    for (const [name, text] of Object.entries(inputs)) this.place.write(`input/${name}`, text);
    copyFileSync(join(repository, 'test/fixtures', fixture), this.place.path(fixture.replace(/.*\//, '')));
  }

  /** Brings `input/` into the bucket, if there is one. */
  async upload(): Promise<void> {
    for (const name of this.place.files('input')) {
      await this.#options.bucket?.put(`input/${name}`, readFileSync(this.place.path(`input/${name}`), 'utf8'));
    }
  }

  /** With a bucket, `input/` and the output are there. */
  async submit(jobFile: string, request: Partial<SubmitRequest> = {}): Promise<JobId> {
    const { bucket } = this.#options;
    const output = request.output ?? 'out';
    const data = bucket && { inputs: [bucket.uri('input/*.txt')], output: bucket.uri(output) };
    const job = await this.submitTo({ ...request, ...data }, jobFile);
    if (bucket) this.#outputs.set(job, output);
    return job;
  }

  /** With inputs and output as they are. */
  async submitTo(request: Partial<SubmitRequest>, jobFile = 'talk.ts'): Promise<JobId> {
    const bundle = await bundleJob(this.place.path(jobFile));
    await this.client.uploadBundle(bundle.code, bundle.sha256);
    const { job } = await this.client.submit({
      requestId: randomBytes(16).toString('hex'),
      name: jobFile.replace(/\.ts$/, ''),
      codeVersion: bundle.sha256,
      baseUri: `${pathToFileURL(this.place.folder).href}/`,
      ...request,
    });
    return job;
  }

  /** All events of the job, to its outcome; goes on over broken connections as any client does. */
  async watch(job: JobId): Promise<Watched> {
    const events: JobEvent[] = [];
    for await (const event of this.client.watch(job)) {
      events.push(event);
      if (event.type !== 'outcome') continue;
      await this.#bring(job);
      return { events, outcome: event.outcome };
    }
    throw new Error('the watch ended without an outcome');
  }

  async #bring(job: JobId): Promise<void> {
    const output = this.#outputs.get(job);
    if (output !== undefined) await this.#options.bucket?.mirror(output, this.place.path(output));
  }

  /** Asks all processes to stop, workers first, and says how each ended. */
  async stop(): Promise<readonly Ended[]> {
    const ended = await Promise.all(this.workers.map((worker) => end(worker, 'SIGTERM')));
    return this.coordinator ? [...ended, await end(this.coordinator, 'SIGTERM')] : ended;
  }

  /** What a stopped cluster should not have left: processes, temporary files, staged outputs, shuffle objects. */
  leftovers(): readonly string[] {
    const files = this.place.files('.').filter((file) => /^tmp\/|_staging|v1\/shuffle\/.*\//.test(file));
    return [...this.place.processes().map((pid) => `process ${pid}`), ...files];
  }

  /** Ends whatever is left of it, and removes its folder. */
  async remove(): Promise<void> {
    this.#client?.close();
    await this.#options.bucket?.close();
    const running = [...this.workers, ...this.#coordinators];
    await Promise.all(running.map((process) => end(process, 'SIGKILL')));
    await eventually(() => this.place.processes().length === 0);
    this.place.remove();
  }
}

/** The signal reaches stopped processes too. */
export function end(running: Running, signal: NodeJS.Signals): Promise<Ended> {
  running.child.kill(signal);
  return running.ended;
}

/** Resolves with the line that says so; rejects with what the process said when it ends instead. */
export function ready(running: Running): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const line = running.stdout.split('\n').find((text) => text.includes('is ready'));
      if (line !== undefined) resolve(line);
    };
    running.child.stdout?.on('data', look);
    look();
    void running.ended.then(({ stderr }) => reject(new Error(`a process ended before it was ready: ${stderr}`)));
  });
}
