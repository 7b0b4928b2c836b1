/**
 * Word count by the fleet of docker-compose.yml, with one worker and with two, beside `gristmill run` on the same machine, in
 * turn. The figures are printed and not judged: all of it shares the cores of one machine. The results are compared.
 */
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipfFile } from '../../../bench/generate/zipf.js';
import { gristmill, root } from '../../../bench/machine.js';
import { measure } from '../../../bench/measure.js';
import { events } from '../../harness/command.js';
import { hasDocker } from '../../harness/docker.js';
import { Fleet } from '../../harness/fleet.js';
import type { Program } from './program.js';

interface Taken {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

export const fleetWordCount: Program = async ({ number, folder, verdicts }) => {
  if (!hasDocker) {
    verdicts.note('skipped: no Docker engine with Compose answers here');
    return;
  }
  const input = zipfFile(number('bytes', 1e9, 2e7));
  const rounds = number('rounds', 3, 1);
  const fleet = await Fleet.up({ workers: 1, variables: { WORKER_SLOTS: '1', WORKER_CPUS: '1' } });
  try {
    copyFileSync(join(root, 'test/compose/words.ts'), fleet.place.path('words.ts'));
    copyFileSync(input, fleet.place.path('words.txt'));
    await fleet.upload('words.txt', 's3://gristmill/data/');
    const taken = new Map<string, Taken[]>();
    const add = (name: string, one: Taken) => taken.set(name, [...(taken.get(name) ?? []), one]);
    for (let round = 0; round < rounds; round++) {
      const own = join(folder, `own-${round}`);
      add('gristmill run', await runHere(fleet, input, own));
      for (const workers of [1, 2]) {
        await fleet.scale(workers);
        const output = `s3://gristmill/data/out-${round}-${workers}`;
        const { rows, ...one } = await runThere(fleet, output);
        add(`${workers} worker${workers === 1 ? '' : 's'} of one slot`, one);
        const isSame = rows === rowsOf(own);
        verdicts.judge(`with ${workers} in the fleet the rows are those of a run here`, isSame, `round ${round + 1}`);
      }
    }
    for (const [name, all] of taken) {
      const figure = (of: (one: Taken) => number) => all.map((one) => of(one).toFixed(1)).join(', ');
      verdicts.note(`${name}: ${figure((one) => one.wallSeconds)} s, CPU ${figure((one) => one.cpuSeconds)} s`);
    }
  } finally {
    await fleet.remove();
  }
};

async function runHere(fleet: Fleet, input: string, output: string): Promise<Taken> {
  const args = [gristmill, 'run', 'words.ts', '--quiet', '--input', input, '--output', output];
  const { wallMs, cpuMs = NaN } = await measure({ program: process.execPath, args, cwd: fleet.place.folder });
  return { wallSeconds: wallMs / 1000, cpuSeconds: cpuMs / 1000 };
}

/** CPU time is that of all containers, the store's among them. */
async function runThere(fleet: Fleet, output: string): Promise<Taken & { readonly rows: string }> {
  const before = await cpuSecondsOf(fleet);
  const from = performance.now();
  const ended = await fleet.submit('words.ts', '--output', output).ended;
  const wallSeconds = (performance.now() - from) / 1000;
  if (ended.code !== 0) throw new Error(`the job failed: ${ended.stderr}`);
  const cpuSeconds = (await cpuSecondsOf(fleet)) - before;
  const outcome = events(ended.stdout).find(({ type }) => type === 'outcome')?.['outcome'] as { readonly job: string };
  const fetched = await fleet.results(outcome.job);
  return { wallSeconds, cpuSeconds, rows: fetched.stdout };
}

/** As the kernel counts it for each container. */
async function cpuSecondsOf(fleet: Fleet): Promise<number> {
  const ids = await Promise.all((['store', 'coordinator', 'worker'] as const).map((name) => fleet.containers(name)));
  return ids.flat().reduce((sum, id) => sum + cpuSecondsOfContainer(id), 0);
}

/** Control groups of the first version, and of the second, by the engine itself or by systemd. */
function cpuSecondsOfContainer(id: string): number {
  const groups = '/sys/fs/cgroup';
  const first = `${groups}/cpuacct/docker/${id}/cpuacct.usage`;
  if (existsSync(first)) return Number(readFileSync(first, 'utf8')) / 1e9;
  const second = [`docker/${id}`, `system.slice/docker-${id}.scope`].map((name) => `${groups}/${name}/cpu.stat`);
  const found = second.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`no control group of container ${id} in ${groups}`);
  return Number(/^usage_usec (\d+)$/m.exec(readFileSync(found, 'utf8'))?.[1]) / 1e6;
}

/** As `gristmill results` prints them: part after part. */
function rowsOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, '_manifest.json'), 'utf8')) as {
    readonly parts: readonly { readonly key: string }[];
  };
  return manifest.parts.map(({ key }) => readFileSync(join(folder, key), 'utf8')).join('');
}
