/**
 * `npm run fuzz -- [--minutes M] [--seed S] [--jobs N]`: whole jobs by seed, run by the kernels and by the reference, until the time
 * is over or N jobs are done. Ends with 1, the seed and the command that repeats it when they differ.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../../shared/clock.js';
import { engineOf, kernels, PlacedKernel, reference, type Engine } from '../harness/engines.js';
import { difference, runJobOn } from '../harness/map-reduce.js';
import { fuzzJob, type FuzzJob } from './job.js';

const MiB = 2 ** 20;
const PROGRESS_MS = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: 'Infinity' },
  },
});
const startedMs = systemClock.monotonic();
const endMs = startedMs + Number(values.minutes) * 60_000;
const first = values.seed === undefined ? Math.floor(systemClock.now() / 1000) : Number(values.seed);
const jobs = Number(values.jobs);

/** Addresses from which on numbers no longer have a sign bit to spare, and the last ones that there are. */
const placed: readonly Engine[] = [
  kernels,
  engineOf('the kernels around 2 GiB', new PlacedKernel(2 ** 31)),
  engineOf('the kernels at the end of memory', new PlacedKernel('end')),
];

interface Verdict {
  readonly wrong: string | undefined;
  readonly bytesSpilled: number;
}

function verdictOn({ job, resources }: FuzzJob, engine: Engine): Verdict {
  const expected = runJobOn(reference, job, { memoryBytes: 1024 * MiB, openMax: 64 });
  try {
    const found = runJobOn(engine, job, resources);
    return { wrong: difference(found, expected), bytesSpilled: found.bytesSpilled };
  } catch (error) {
    return { wrong: String((error as Error).stack), bytesSpilled: 0 };
  }
}

let done = 0;
let spilled = 0;
let bytesSpilled = 0;
let reportedMs = startedMs;

function report(): void {
  const seconds = Math.round((systemClock.monotonic() - startedMs) / 1000);
  console.log(`${seconds} s: ${done} jobs from seed ${first} on, ${spilled} of them spilled ${bytesSpilled} bytes`);
}

console.log(`fuzzing from seed ${first} on`);
for (let seed = first; done < jobs && systemClock.monotonic() < endMs; seed++) {
  const one = fuzzJob(seed);
  const engine = placed[seed % placed.length] as Engine;
  const verdict = verdictOn(one, engine);
  if (verdict.wrong !== undefined) {
    console.log(`DIFFERENCE with seed ${seed} (${one.name}; ${engine.name}): ${verdict.wrong}`);
    console.log(`repeat it: npm run fuzz -- --seed ${seed} --jobs 1`);
    process.exitCode = 1;
    break;
  }
  done += 1;
  bytesSpilled += verdict.bytesSpilled;
  if (verdict.bytesSpilled > 0) spilled += 1;
  if (systemClock.monotonic() - reportedMs < PROGRESS_MS) continue;
  reportedMs = systemClock.monotonic();
  report();
}
report();
