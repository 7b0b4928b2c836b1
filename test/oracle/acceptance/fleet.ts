/**
 * Fleets of real workers, one slot each, whose tasks sleep: so two cores carry forty of them, and what is measured is what the
 * scheduler makes of the slots, not of the processors.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { JobEvent } from '../../../client/job-types.js';
import { Cluster } from '../../harness/cluster.js';

/** Tens of thousands of objects of a job that has ended are swept in the meantime. */
const sweepLookMs = 500;
const sweepLooksMax = 240;

export interface SleepJob {
  readonly name: string;
  readonly tasks: number;
  readonly taskMs: number;
  /** Whether slow attempts get a backup; the maps are asynchronous, so it has to be said. */
  readonly speculate?: boolean;
  /** Slots are shared by it. */
  readonly weight?: number;
  /** A file with the process id of a worker that is so many times slower. */
  readonly slow?: { readonly file: string; readonly times: number };
}

/** Each task is one item: it sleeps and counts itself. */
function sleepDefinition({ name, taskMs, speculate, slow, tasks }: SleepJob): string {
  const file = JSON.stringify(slow?.file ?? '');
  return `
import { readFileSync } from 'node:fs';
import { agg, defineJob, read, write, type Emit } from 'gristmill';

/** The agent of this executor says who it is: user code has no other way to know its worker. */
function isSlow(): boolean {
  return ${file} !== '' && readFileSync(${file}, 'utf8') === String(process.ppid);
}

export default defineJob({
  name: ${JSON.stringify(name)},
  input: read.items(Array.from({ length: ${tasks} }, (_, item) => item), { itemsPerSplit: 1 }),
  async map(item: number, emit: Emit<string, number>) {
    const wakeMs = ${taskMs} * (isSlow() ? ${slow?.times ?? 1} : 1);
    await new Promise((resolve) => setTimeout(resolve, wakeMs));
    emit('tasks', 1);
    emit('items', item);
  },
  reduce: agg.sum(),
  partitions: 1,${speculate === undefined ? '' : `\n  speculate: ${speculate},`}
  output: write.jsonl('out-${name}'),
});
`;
}

export interface BatchResult {
  readonly seconds: number;
  readonly events: readonly JobEvent[];
  /** Undefined when the rows are what the tasks must have counted. */
  readonly wrong: string | undefined;
}

export class Fleet {
  readonly cluster: Cluster;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  static async start(workers: number): Promise<Fleet> {
    return new Fleet(await Cluster.start({ workers, slots: 1, workerFlags: ['--connect-ms', '60000'] }));
  }

  /**
   * From submission to outcome. `onEvent` sees every event as it comes; the watch goes on over coordinators that die meanwhile,
   * as that of any client.
   */
  async run(job: SleepJob, onEvent: (event: JobEvent) => void = () => undefined): Promise<BatchResult> {
    const { cluster } = this;
    cluster.place.write(`${job.name}.ts`, sleepDefinition(job));
    const startedMs = performance.now();
    const id = await cluster.submit(`${job.name}.ts`, { weight: job.weight });
    const events: JobEvent[] = [];
    for await (const event of cluster.client.watch(id)) {
      events.push(event);
      onEvent(event);
      if (event.type === 'outcome') break;
    }
    const seconds = (performance.now() - startedMs) / 1000;
    return { seconds, events, wrong: this.#wrong(job, events.at(-1)) };
  }

  #wrong({ name, tasks }: SleepJob, last: JobEvent | undefined): string | undefined {
    if (last?.type !== 'outcome') return 'the watch ended without an outcome';
    if (last.outcome.state !== 'completed') return `it ended ${last.outcome.state}: ${last.outcome.reason}`;
    const text = Object.values(this.cluster.place.parts(`out-${name}`)).join('');
    const rows = text.split('\n').filter((line) => line !== '');
    const expected = [
      { key: 'items', value: (tasks * (tasks - 1)) / 2 },
      { key: 'tasks', value: tasks },
    ].map((row) => JSON.stringify(row));
    return rows.join() === expected.join() ? undefined : `the rows are ${rows.join()}`;
  }

  /** Stops all processes; says what they left. */
  async end(): Promise<readonly string[]> {
    // A coordinator that is stopped leaves the rest of its sweeping to a successor, and there will be none.
    const isSwept = () => !this.cluster.leftovers().some((left) => left.includes('v1/shuffle/'));
    for (let looks = 0; looks < sweepLooksMax && !isSwept(); looks++) await delay(sweepLookMs);
    await this.cluster.stop();
    const leftovers = this.cluster.leftovers();
    await this.cluster.remove();
    return leftovers;
  }
}

type Attempt = Extract<JobEvent, { readonly type: 'attempt' }>;

export function attemptsOf(events: readonly JobEvent[]): readonly Attempt[] {
  return events.filter((event): event is Attempt => event.type === 'attempt');
}

/** Attempts of a task that came to an end after the task was won: the task ran again though it was finished. */
export function rerunsOf(events: readonly JobEvent[]): readonly string[] {
  const won = new Set<string>();
  const again: string[] = [];
  for (const { attempt, won: isWinner } of attemptsOf(events)) {
    const task = attempt.replace(/\..*$/, '');
    if (won.has(task)) again.push(attempt);
    if (isWinner) won.add(task);
  }
  return again;
}

export function ratio(part: number, whole: number): string {
  return (part / whole).toFixed(3);
}
