/**
 * Separate hosts: whatever the network and the store do in the middle of a word count, its output is that of an undisturbed
 * run, no task is committed twice, and what was no task's fault costs none an attempt.
 */
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { zipfFile } from '../../../bench/generate/zipf.js';
import { hasMinio, isMinioRequired } from '../../harness/minio.js';
import { whyNot, type Condition } from '../../harness/namespaces.js';
import { countsByDuckDb, differences } from '../oracle.js';
import { countsOf } from '../word-count-run.js';
import { attemptsOf } from './fleet.js';
import type { Program } from './program.js';
import { SeparateCluster, workerNames, type Counted } from './separate-cluster.js';
import type { Verdicts } from './verdicts.js';

interface Durations {
  readonly cutMs: number;
  readonly outageMs: number;
}

/** Something that happens in the middle of a job; gives the proof that it did, or undefined when it did not. */
interface Disturbance {
  readonly name: string;
  readonly strike: (hosts: SeparateCluster, durations: Durations) => Promise<void>;
  readonly proof: (hosts: SeparateCluster, counted: Counted) => Promise<string | undefined> | string | undefined;
}

/** Won map attempts after which it strikes: the job is under way, and far from its end. */
const STRIKE_AFTER = 6;

export const separateHosts: Program = async ({ small, number, verdicts }) => {
  const missing = whyNot() ?? (hasMinio || isMinioRequired ? undefined : 'there is no MinIO');
  if (missing !== undefined) {
    verdicts.note(`skipped: ${missing}`);
    return;
  }
  const bytes = number('bytes', 1_000_000_000, 30_000_000);
  const durations = small ? { cutMs: 4_000, outageMs: 2_000 } : { cutMs: 30_000, outageMs: 15_000 };
  const input = zipfFile(bytes);
  const expected = await countsByDuckDb(input);
  const hosts = await SeparateCluster.start(small ? 1_500 : 10_000);
  let left: readonly string[] = [];
  try {
    const sent = await hosts.upload(input);
    verdicts.judge(
      `${basename(input)} is uploaded and verified`,
      sent.code === 0,
      sent.stdout.trim() || sent.stderr.trim(),
    );
    const baseline = await hosts.count('out-baseline', bytes, () => undefined);
    const wrong = differences(countsOf(Object.values(baseline.parts)), expected);
    verdicts.judge('undisturbed: equal to DuckDB', wrong.length === 0, wrong.join('; ') || figuresOf(baseline));
    for (const [index, disturbance] of disturbances().entries()) {
      await verdicts.during(disturbance.name, () =>
        judge({ hosts, bytes, durations, baseline, verdicts, index }, disturbance),
      );
    }
  } finally {
    left = await hosts.end();
  }
  verdicts.judge(
    'nothing is left',
    left.length === 0,
    left.slice(0, 5).join(', ') || 'no process, file, object or upload',
  );
};

interface Batch {
  readonly hosts: SeparateCluster;
  readonly bytes: number;
  readonly durations: Durations;
  readonly baseline: Counted;
  readonly verdicts: Verdicts;
  readonly index: number;
}

async function judge(batch: Batch, { name, strike, proof }: Disturbance): Promise<void> {
  const { hosts, bytes, durations, baseline, verdicts, index } = batch;
  let won = 0;
  let striking: Promise<void> | undefined;
  const counted = await hosts.count(`out-${index}`, bytes, (event) => {
    if (event.type === 'attempt' && event.won && ++won === STRIKE_AFTER) striking = strike(hosts, durations);
  });
  await striking;
  const isRight = JSON.stringify(counted.parts) === JSON.stringify(baseline.parts);
  verdicts.judge(
    `${name}: the bytes of the undisturbed run`,
    isRight,
    `${counted.outcome.state}, ${figuresOf(counted)}`,
  );
  const found = await proof(hosts, counted);
  verdicts.judge(`${name}: it struck`, found !== undefined, found ?? 'nothing shows that it did');
  const tasks = attemptsOf(counted.events).flatMap(({ attempt, won: isWon }) => (isWon ? [taskOf(attempt)] : []));
  const twice = tasks.filter((task, at) => tasks.indexOf(task) !== at);
  verdicts.judge(
    `${name}: no task is committed twice`,
    twice.length === 0,
    twice.join(', ') || `${tasks.length} tasks`,
  );
  const spent = attemptsOf(counted.events).filter(({ failure }) => failure?.countsTowardLimit === true);
  const costs = spent.map(({ attempt, failure }) => `${attempt} ${failure?.code ?? ''}`).join(', ');
  verdicts.judge(`${name}: it costs no task an attempt`, spent.length === 0, costs || 'no failure counts');
}

function disturbances(): readonly Disturbance[] {
  return [workerCutOff(), coordinatorCutOff(), slowAndLossy(), slowStore(), storeKilled()];
}

function workerCutOff(): Disturbance {
  return {
    name: 'a worker cut off and back',
    strike: async ({ network }, { cutMs }) => {
      network.unplug(network.host('one'));
      await delay(cutMs);
      network.plug(network.host('one'));
    },
    proof: (_, { events }) => {
      const again = attemptsOf(events).filter(({ attempt, won }) => won && !attempt.endsWith('-1'));
      return again.length === 0 ? undefined : `${again.map(({ attempt }) => attempt).join(', ')} won elsewhere`;
    },
  };
}

function coordinatorCutOff(): Disturbance {
  let lost: number[] = [];
  return {
    name: 'the coordinator cut off from the store, then from the workers',
    strike: async (hosts, { outageMs }) => {
      const coordinator = hosts.host('coordinator');
      lost = [];
      for (const others of [['proxy'], workerNames]) {
        const cuts = others.map((name) => hosts.network.separate(coordinator, hosts.host(name)));
        await delay(outageMs);
        lost.push(endOf(cuts));
      }
    },
    proof: () =>
      lost.length === 2 && lost.every((packets) => packets > 0) ? `${lost.join(' and ')} packets lost` : undefined,
  };
}

function slowAndLossy(): Disturbance {
  const found: number[] = [];
  return {
    name: '1 % packet loss and 100 Mbit/s',
    strike: async ({ network }, { cutMs }) => {
      const loss = network.lose(100);
      const rates = workerNames.map((name) => network.limitRate(network.host(name), '100mbit'));
      await delay(cutMs);
      found.push(endOf([loss]), endOf(rates));
    },
    proof: () => {
      const [lost = 0, waited = 0] = found;
      return lost > 0 && waited > 0 ? `${lost} packets lost, ${waited} waited` : undefined;
    },
  };
}

function slowStore(): Disturbance {
  return {
    name: '100 ms latency of the store',
    strike: async ({ proxy }, { cutMs }) => {
      await proxy.setPlan({ rules: [{ fault: { kind: 'latency', ms: 100 } }] });
      await delay(cutMs);
      await proxy.setPlan({ rules: [] });
    },
    proof: async ({ proxy }) => {
      const { latency = 0 } = (await proxy.counts()).injected;
      return latency > 0 ? `${latency} requests were late` : undefined;
    },
  };
}

function storeKilled(): Disturbance {
  return {
    name: 'the store killed and started again',
    strike: async ({ minio }, { outageMs }) => {
      await minio.kill();
      await delay(outageMs);
      await minio.startAgain();
    },
    proof: async ({ proxy }) => {
      const { unreached } = await proxy.counts();
      return unreached > 0 ? `${unreached} requests found no store` : undefined;
    },
  };
}

/** Removes conditions; how many packets they have met. */
function endOf(conditions: readonly Condition[]): number {
  const met = conditions.reduce((sum, condition) => sum + condition.packets(), 0);
  for (const condition of conditions) condition.remove();
  return met;
}

function taskOf(attempt: string): string {
  return attempt.replace(/\..*$/, '');
}

function figuresOf({ seconds, outcome }: Counted): string {
  return `${seconds.toFixed(1)} s, ${outcome.counts.recordsRead} records, ${outcome.failedAttempts} failed attempts`;
}
