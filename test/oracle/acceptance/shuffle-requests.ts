/**
 * What a shuffle over an object store costs in requests: as many map as reduce tasks on four workers, the store a real MinIO
 * behind a proxy that counts. Values are random bytes, so that nothing is combined; the result is that of a plain program.
 */
import { createHash } from 'node:crypto';
import { Bucket } from '../../harness/bucket.js';
import { Cluster } from '../../harness/cluster.js';
import { FaultProxy, requestsOf } from '../../harness/fault-proxy.js';
import { hasMinio, startMinio } from '../../harness/minio.js';
import type { Program } from './program.js';

/** Reads of shuffle data, beside one for each pair of a map and a reduce task. */
const READS_MAX = 0.35;
const VALUE_BYTES = 1000;

interface Size {
  readonly tasks: number;
  /** Of all values. */
  readonly bytes: number;
  readonly workers: number;
}

const valuesOf = ({ tasks, bytes }: Size): number => Math.ceil(bytes / tasks / VALUE_BYTES);

/** Each task is one item, and makes its values from its number. */
function definition(size: Size): string {
  return `
import { createHash } from 'node:crypto';
import { defineJob, read, write, type Emit } from 'gristmill';

export default defineJob({
  name: 'shuffle',
  input: read.items(Array.from({ length: ${size.tasks} }, (_, item) => item), { itemsPerSplit: 1 }),
  map(item: number, emit: Emit<string, Uint8Array>) {
    const value = new Uint8Array(${VALUE_BYTES});
    for (let i = 0; i < ${valuesOf(size)}; i++) {
      for (let at = 0; at < value.length; at++) value[at] = (item * 31 + i * 7 + at * 13) & 255;
      emit(\`key-\${i}\`, value);
    }
  },
  reduce(key, values, emit) {
    const hash = createHash('sha256');
    let count = 0;
    for (const value of values) {
      hash.update(value);
      count++;
    }
    emit({ key, count, sha256: hash.digest('hex') });
  },
  partitions: ${size.tasks},
  output: write.jsonl('out'),
});
`;
}

/** The rows by a plain program, sorted: values of a key come in the order of map tasks. */
function expected(size: Size): string[] {
  const value = new Uint8Array(VALUE_BYTES);
  const rows: string[] = [];
  for (let i = 0; i < valuesOf(size); i++) {
    const hash = createHash('sha256');
    for (let item = 0; item < size.tasks; item++) {
      for (let at = 0; at < value.length; at++) value[at] = (item * 31 + i * 7 + at * 13) & 255;
      hash.update(value);
    }
    rows.push(JSON.stringify({ key: `key-${i}`, count: size.tasks, sha256: hash.digest('hex') }));
  }
  return rows.sort();
}

export const shuffleRequests: Program = async ({ number, verdicts }) => {
  if (!hasMinio) {
    verdicts.note('skipped: there is no MinIO here; scripts/minio.sh build makes it');
    return;
  }
  const tasks = number('tasks', 300, 48);
  const size: Size = { tasks, bytes: number('bytes', 1e9, 2e7), workers: number('workers', 4, 2) };
  const minio = await startMinio();
  const proxy = await FaultProxy.start({ server: minio.access.endpoint });
  const bucket = await Bucket.on({ ...minio.access, endpoint: proxy.endpoint });
  try {
    const cluster = await Cluster.start({ workers: size.workers, slots: 1, bucket });
    try {
      cluster.place.write('shuffle.ts', definition(size));
      const startedMs = performance.now();
      const { outcome } = await cluster.watch(await cluster.submitTo({ output: bucket.uri('out') }, 'shuffle.ts'));
      const seconds = (performance.now() - startedMs) / 1000;
      const counted = await proxy.counts();
      await bucket.mirror('out', cluster.place.path('out'));
      const rows = Object.values(cluster.place.parts('out')).flatMap((part) => part.split('\n').filter(Boolean));
      const isRight = rows.sort().join('\n') === expected(size).join('\n');
      verdicts.judge(
        'the rows are those of a plain program',
        isRight,
        `${outcome.state}: ${outcome.reason}; ${rows.length} rows`,
      );
      const reads = requestsOf(counted, { operations: ['GetObject', 'GetObjectRange'], folderIncludes: 'v1/shuffle' });
      const share = reads / (tasks * tasks);
      verdicts.judge(
        `at most ${READS_MAX} reads of shuffle data for each pair of tasks`,
        share <= READS_MAX,
        `${reads} for ${tasks} x ${tasks}: ${share.toFixed(3)}; ${seconds.toFixed(1)} s`,
      );
      for (const { operation, folder, requests, bytesSent, bytesReceived } of counted.counts) {
        verdicts.note(`${requests} ${operation} ${folder}: ${bytesSent} bytes out, ${bytesReceived} in`);
      }
      await cluster.stop();
    } finally {
      await cluster.remove();
    }
  } finally {
    await proxy.close();
    await minio.stop();
  }
};
