/**
 * A worker whose kernel would end all its processes at once: the agent runs in this process, with executors of its own and a limit
 * that the test sets. What they hold is real.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../shared/clock.js';
import { parseWorkerId } from '../../../shared/ids.js';
import { Stores } from '../../../shared/store/stores.js';
import type { Agent, AgentOptions } from '../../../worker/agent.js';
import type { MemoryReadings } from '../../../worker/memory-readings.js';
import { Cluster } from '../../harness/cluster.js';
import { eventually, repository } from '../../harness/command.js';

interface Built {
  readonly startAgent: (options: AgentOptions) => Agent;
}
/** As it is built: beside it lies the program of its executors. */
const { startAgent } = (await import(pathToFileURL(join(repository, 'dist/worker/agent.js')).href)) as Built;

const MiB = 1024 * 1024;
/** Two executors that keep nothing have less than half of it. */
const LIMIT = 512 * MiB;

let cluster: Cluster;
let agent: Agent | undefined;
let told: { readonly pid: number; readonly held: number }[];
afterEach(async () => {
  await agent?.stop();
  agent = undefined;
  await cluster.remove();
});

/**
 * The first attempt at `feast` holds more than the limit, outside of its heap, and never ends; `bread` runs beside it until it is
 * gone. What they wait for is a file with the process of the first.
 */
const crowded = (file: string) => `
  import { existsSync, readFileSync, writeFileSync } from 'node:fs';
  import { agg, defineJob, read, write } from 'gristmill';

  const file = ${JSON.stringify(file)};
  const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);

  function isEating() {
    try {
      process.kill(Number(readFileSync(file, 'utf8')), 0);
      return true;
    } catch {
      return false;
    }
  }

  export default defineJob({
    name: 'crowded',
    input: read.items(['bread', 'feast'], { itemsPerSplit: 1 }),
    map(item, emit) {
      if (item === 'feast' && !existsSync(file)) {
        writeFileSync(file, String(process.pid));
        const plate = Buffer.alloc(${LIMIT}, 1);
        while (plate[0] === 1) pause();
      }
      if (item === 'bread') {
        while (!existsSync(file)) pause();
        while (isEating()) pause();
      }
      emit(item, 1);
    },
    reduce: agg.sum(),
    partitions: 1,
    output: write.jsonl('out'),
  });
`;

/** The agent's are children of this process. */
function executors(): number[] {
  const children = readdirSync('/proc/self/task').flatMap((thread) => {
    return readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  });
  return children.filter((pid) => textOf(`/proc/${pid}/cmdline`).startsWith('gristmill-executor'));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // it has ended meanwhile
  }
}

/** The kernel's of processes, and a group of executors alone whose limit is this test's. */
function readings(): MemoryReadings {
  const ownOf = (pid: number) => {
    return Number(/^RssAnon:\s*(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
  };
  const held = () => executors().reduce((sum, pid) => sum + ownOf(pid), 0);
  return { limit: () => LIMIT, held, cached: () => 0, ownOf };
}

function startWorker(): Agent {
  told = [];
  const log = pino(
    { level: 'warn' },
    { write: (line: string) => void told.push(JSON.parse(line) as (typeof told)[0]) },
  );
  return startAgent({
    coordinator: cluster.address,
    token: readFileSync(cluster.place.path('store/token'), 'utf8').trim(),
    worker: parseWorkerId('watched'),
    ...{ slots: 2, keepsSpares: false, heapMegabytes: 256 },
    scratchDir: cluster.place.path('tmp/watched'),
    environment: {},
    memory: readings(),
    stores: () => new Stores({}),
    clock: systemClock,
    random: (bytes) => new Uint8Array(bytes),
    log,
  });
}

describe('a task that outgrows the memory of a worker', () => {
  test('is ended before the kernel would end its neighbours too, and wins on two slots', async () => {
    cluster = await Cluster.start({ workers: 0 });
    agent = startWorker();
    await agent.ready;
    const file = cluster.place.path('eater');
    cluster.place.write('crowded.ts', crowded(file));
    const { events, outcome } = await cluster.watch(await cluster.submit('crowded.ts', { output: 'out' }));
    expect(outcome.state).toBe('completed');
    expect(existsSync(file)).toBe(true);
    const attempts = events.flatMap((event) => (event.type === 'attempt' ? [event] : []));
    expect(attempts.filter(({ attempt }) => attempt.startsWith('map-00001'))).toMatchObject([
      {
        won: false,
        failure: {
          code: 'out-of-memory',
          class: 'machine',
          message: expect.stringMatching(/it was killed for its memory \(signal SIGKILL; .*1 slot\)/) as string,
        },
      },
      { won: true, slots: 2 },
    ]);
    expect(attempts.filter(({ attempt }) => attempt.startsWith('map-00000'))).toMatchObject([{ won: true }]);
    expect(told).toMatchObject([{ pid: Number(readFileSync(file, 'utf8')), limit: LIMIT }]);
    expect(told[0]?.held).toBeGreaterThan(LIMIT / 2);
    await eventually(() => executors().length === 2);
    await agent.stop();
    expect(executors()).toEqual([]);
  }, 120_000);
});
