/**
 * A cluster in which everything has a host of its own: a MinIO, a fault proxy before it, a coordinator and four workers, joined
 * by a switch. Its job is a word count.
 */
import { writeFileSync } from 'node:fs';
import type { JobEvent } from '../../../client/job-types.js';
import { Bucket } from '../../harness/bucket.js';
import { Cluster, type Watched } from '../../harness/cluster.js';
import { Workplace, type Ended } from '../../harness/command.js';
import type { FaultControl } from '../../harness/fault-proxy.js';
import { startFaultProxy } from '../../harness/fault-proxy-process.js';
import { startMinio, type RunningMinio } from '../../harness/minio.js';
import { Network, type Host } from '../../harness/namespaces.js';

export const workerNames = ['one', 'two', 'three', 'four'] as const;

/** So many map tasks, whatever the size: enough that all of them are not yet done when something happens. */
const MAP_TASKS = 48;
const PARTITIONS = 8;

const definition = (bytes: number): string => `
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'word-count',
  input: read.text('input/*.txt', { splitBytes: ${Math.ceil(bytes / MAP_TASKS)} }),
  map(line, emit) {
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) emit(word, 1);
  },
  reduce: agg.sum(),
  partitions: ${PARTITIONS},
  output: write.jsonl('out'),
});
`;

export interface Counted extends Watched {
  /** By name. */
  readonly parts: Readonly<Record<string, string>>;
  readonly seconds: number;
}

export class SeparateCluster {
  readonly network: Network;
  readonly minio: RunningMinio;
  readonly proxy: FaultControl;
  readonly bucket: Bucket;
  readonly cluster: Cluster;
  readonly #place: Workplace;

  private constructor(
    parts: Pick<SeparateCluster, 'network' | 'minio' | 'proxy' | 'bucket' | 'cluster'>,
    place: Workplace,
  ) {
    this.network = parts.network;
    this.minio = parts.minio;
    this.proxy = parts.proxy;
    this.bucket = parts.bucket;
    this.cluster = parts.cluster;
    this.#place = place;
  }

  static async start(leaseMs: number): Promise<SeparateCluster> {
    const network = Network.start('store', 'proxy', 'coordinator', ...workerNames);
    const place = new Workplace();
    let minio: RunningMinio | undefined;
    try {
      const store = network.host('store');
      minio = await startMinio({ host: store.address, command: (words) => store.command(words) });
      const before = network.host('proxy');
      const start = (args: readonly string[], command: readonly string[]) => place.start(args, before.command(command));
      const proxy = await startFaultProxy(start, { server: minio.access.endpoint, host: before.address });
      const bucket = await Bucket.on({ ...minio.access, endpoint: proxy.endpoint });
      const workers = workerNames.map((name) => network.host(name));
      const hosts = { coordinator: network.host('coordinator'), workers };
      const coordinatorFlags = ['--lease-ms', String(leaseMs)];
      const cluster = await Cluster.start({ workers: workers.length, hosts, bucket, coordinatorFlags });
      return new SeparateCluster({ network, minio, proxy, bucket, cluster }, place);
    } catch (thrown) {
      network.remove();
      await minio?.stop();
      place.remove();
      throw thrown;
    }
  }

  host(name: string): Host {
    return this.network.host(name);
  }

  /** Sends the text by the command, as a person would. */
  upload(file: string): Promise<Ended> {
    const { accessKey, secretKey } = this.bucket.access;
    const keys = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
    const place = ['--s3-endpoint', this.proxy.endpoint, '--insecure', '--quiet'];
    return this.#place.start(['upload', file, this.bucket.uri('input'), ...place], undefined, keys).ended;
  }

  /** The job, from submission to outcome, over `bytes` of text; `onEvent` sees what happens as it does. */
  async count(output: string, bytes: number, onEvent: (event: JobEvent) => void): Promise<Counted> {
    const { cluster, bucket } = this;
    writeFileSync(cluster.place.path('word-count.ts'), definition(bytes));
    const beganMs = performance.now();
    const data = { inputs: [bucket.uri('input/*')], output: bucket.uri(output) };
    const job = await cluster.submitTo(data, 'word-count.ts');
    const events: JobEvent[] = [];
    for await (const event of cluster.client.watch(job)) {
      events.push(event);
      onEvent(event);
      if (event.type !== 'outcome') continue;
      const seconds = (performance.now() - beganMs) / 1000;
      await bucket.mirror(output, cluster.place.path(output));
      return { events, outcome: event.outcome, parts: cluster.place.parts(output), seconds };
    }
    throw new Error('the watch ended without an outcome');
  }

  /** Stops all of it; says what it has left. */
  async end(): Promise<readonly string[]> {
    await this.cluster.stop();
    const left = [...this.cluster.leftovers(), ...(await this.bucket.leftForGood())];
    await this.remove();
    return left;
  }

  async remove(): Promise<void> {
    await this.cluster.remove();
    await this.proxy.close();
    await this.minio.stop();
    this.network.remove();
    this.#place.remove();
  }
}
