/**
 * Small jobs, one after the other, on a cluster whose store lies behind a proxy that injects faults into 2 % of all requests:
 * every job is right, no process grows, and nothing is left in the bucket.
 */
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { delay, systemClock } from '../../../shared/clock.js';
import { Bucket } from '../../harness/bucket.js';
import { Cluster } from '../../harness/cluster.js';
import { conflict, FaultProxy, slowDown, tooManyRequests, type Fault, type Rule } from '../../harness/fault-proxy.js';
import { hasMinio, startMinio } from '../../harness/minio.js';
import type { Program } from './program.js';
import type { Verdicts } from './verdicts.js';

/** Of all requests. */
const FAULTS = 0.02;
const GROWTH_MAX = 1.2;
/** The heap of a process grows with its first jobs, about a hundred, whatever comes after: fewer say nothing of growth. */
const JOBS_MIN = 200;
/** In CI; drawn otherwise. */
const SEED = 20_261;
/** A late write lands so long after its client has seen it fail ... */
const LATE_MS = 500;
/** ... and the coordinator sweeps a job once more so long after its end. */
const LATE_WRITE_MS = 5_000;
/** What is left is to be gone so long after the last write has landed. */
const SWEPT_MS_MAX = 60_000;
const LOOK_MS = 500;

const job = `
import { agg, defineJob, read, write } from 'gristmill';

export default defineJob({
  name: 'soak',
  input: read.text('s3://nowhere/given-at-submission', { splitBytes: 65_536 }),
  map(line, emit) {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: agg.sum(),
  partitions: 4,
  output: write.jsonl('out'),
});
`;
const lines = Array.from({ length: 8000 }, (_, i) => `word${i % 997} word${(i * 7) % 401} line ${i}`);

/** Each request draws once for each rule, so that together they strike about as often as they should. */
function rules(): Rule[] {
  const faults: Omit<Rule, 'rate'>[] = [
    { fault: { kind: 'drop-before' } },
    { fault: { kind: 'drop-in-request' } },
    { fault: { kind: 'drop-after-request' } },
    { fault: { kind: 'lose-answer' } },
    { fault: { kind: 'drop-in-answer' } },
    { fault: { kind: 'truncate' } },
    { name: 'slow-down', fault: slowDown },
    { name: 'too-many-requests', fault: tooManyRequests },
    { name: 'conflict', fault: conflict, operations: ['PutObject'] },
  ];
  const late: Fault = { kind: 'late', client: 'dropped', afterMs: LATE_MS };
  const rate = FAULTS / (faults.length + 1);
  const errorIn200 = { kind: 'error-in-200', code: 'InternalError', tookEffect: true } as const;
  return [
    ...faults.map((rule) => ({ ...rule, rate })),
    // What changes nothing comes to nothing when it is late; about every other request changes something.
    { fault: late, methods: ['PUT', 'POST', 'DELETE'], rate: 2 * rate },
    { fault: errorIn200, operations: ['CompleteMultipartUpload'], rate: FAULTS },
  ];
}

function expected(): string {
  const counts = new Map<string, number>();
  for (const word of lines.flatMap((line) => line.split(' '))) counts.set(word, (counts.get(word) ?? 0) + 1);
  const rows = [...counts].map(([key, value]) => JSON.stringify({ key, value }));
  return rows.sort().join('\n');
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** The last quarter beside the second: the first is warm-up. */
function judgeGrowth(verdicts: Verdicts, name: string, samples: readonly number[]): void {
  const quarter = Math.floor(samples.length / 4);
  const before = median(samples.slice(quarter, 2 * quarter));
  const after = median(samples.slice(-quarter));
  const figures = `${(before / 2 ** 20).toFixed(0)} MiB, then ${(after / 2 ** 20).toFixed(0)} MiB`;
  if (samples.length < JOBS_MIN) verdicts.note(`memory of ${name}: ${figures}; not judged, of ${samples.length} jobs`);
  else verdicts.judge(`memory of ${name} is flat within 20 %`, after <= GROWTH_MAX * before, figures);
}

interface Soaked {
  readonly cluster: Cluster;
  readonly bucket: Bucket;
  readonly proxy: FaultProxy;
  readonly verdicts: Verdicts;
}

/** Small jobs one after the other, until the time is over. */
async function runJobs({ cluster, verdicts }: Soaked, endMs: number): Promise<void> {
  const right = expected();
  const processes = {
    coordinator: cluster.coordinator?.pid,
    'worker 1': cluster.workers[0]?.pid,
    'worker 2': cluster.workers[1]?.pid,
  };
  const samples = new Map<string, number[]>(Object.keys(processes).map((name) => [name, []]));
  const wrong: string[] = [];
  let jobs = 0;
  while (jobs === 0 || performance.now() < endMs) {
    const { outcome } = await cluster.watch(await cluster.submit('soak.ts', { output: `out-${jobs}` }));
    const parts = Object.values(cluster.place.parts(`out-${jobs}`));
    const rows = parts.flatMap((part) => part.split('\n').filter(Boolean));
    if (rows.sort().join('\n') !== right) wrong.push(`job ${jobs}: ${outcome.state}, ${outcome.reason}`);
    for (const [name, pid = 0] of Object.entries(processes)) samples.get(name)?.push(residentBytes(pid));
    jobs++;
  }
  verdicts.judge('every job is right', wrong.length === 0, wrong.slice(0, 5).join('; ') || `${jobs} jobs`);
  for (const [name, bytes] of samples) judgeGrowth(verdicts, name, bytes);
}

/** No more faults; what was late lands, and the coordinator sweeps the last jobs once more. */
async function judgeLeftovers({ bucket, proxy, verdicts }: Soaked): Promise<void> {
  await proxy.setPlan({ rules: [] });
  await proxy.deliver();
  const untilMs = performance.now() + SWEPT_MS_MAX;
  let left = await bucket.leftovers();
  const atFirst = left.length;
  while (left.length > 0 && performance.now() < untilMs) {
    await delay(systemClock, LOOK_MS);
    left = await bucket.leftovers();
  }
  const figures =
    left.slice(0, 5).join(', ') || `${atFirst} at the end of the last job, nothing after it was swept once more`;
  verdicts.judge('nothing is left of them in the bucket', left.length === 0, figures);
}

async function judgeFaults({ proxy, verdicts }: Soaked, seed: number): Promise<void> {
  const { counts, injected } = await proxy.counts();
  const requests = counts.reduce((sum, count) => sum + count.requests, 0);
  const struck = Object.values(injected).reduce((sum, times) => sum + times, 0);
  const isEnough = struck > requests * FAULTS * 0.5;
  verdicts.judge('faults struck', isEnough, `${struck} in ${requests} requests, seed ${seed}`);
  const named = Object.entries(injected).map(([name, times]) => `${name} ${times}`);
  verdicts.note(named.join(', '));
}

export const soak: Program = async ({ number, verdicts }) => {
  if (!hasMinio) {
    verdicts.note('skipped: there is no MinIO here; scripts/minio.sh build makes it');
    return;
  }
  const seed = number('seed', randomInt(1, 1_000_000), SEED);
  verdicts.note(`seed ${seed}`);
  const minio = await startMinio();
  const proxy = await FaultProxy.start({ server: minio.access.endpoint });
  // What the test itself reads and writes meets no faults.
  const bucket = await Bucket.on({ ...minio.access, endpoint: proxy.endpoint }, minio.access);
  try {
    const coordinatorFlags = ['--late-write-ms', String(LATE_WRITE_MS)];
    const cluster = await Cluster.start({ workers: 2, slots: 2, bucket, coordinatorFlags });
    const soaked = { cluster, bucket, proxy, verdicts };
    try {
      cluster.place.write('soak.ts', job);
      await bucket.put('input/a.txt', `${lines.slice(0, 5000).join('\n')}\n`);
      await bucket.put('input/b.txt', `${lines.slice(5000).join('\n')}\n`);
      await proxy.setPlan({ seed, rules: rules() });
      await runJobs(soaked, performance.now() + 1000 * number('seconds', 30 * 60, 3 * 60));
      await judgeLeftovers(soaked);
      await judgeFaults(soaked, seed);
      await cluster.stop();
    } finally {
      await cluster.remove();
    }
  } finally {
    await proxy.close();
    await minio.stop();
  }
};
