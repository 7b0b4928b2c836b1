/** What is said of a run that breaks a rule, and the flags of `npm run simulate` that play it again. */
import type { Report, SmallRun } from './shrink-run.js';
import type { RunOptions } from './simulation.js';

/** Between names of faults, which have commas in them. */
const SEPARATOR = '; ';

export interface RunFlags {
  readonly seed: string;
  readonly steps: string;
  readonly faults?: string | undefined;
  readonly workers?: string | undefined;
  readonly jobs?: string | undefined;
}

/** The run that flags describe, when they name one. */
export function runOf({ seed, steps, faults, workers, jobs }: RunFlags): RunOptions {
  const numbers = (list: string) => list.split(',').map(Number);
  return {
    seed: Number(seed),
    steps: Number(steps),
    ...(faults !== undefined && { faults: faults.split(SEPARATOR).filter((name) => name !== '') }),
    ...(workers !== undefined && { workers: numbers(workers) }),
    ...(jobs !== undefined && { jobs: numbers(jobs) }),
  };
}

export function replayOf({ seed, steps, faults, workers, jobs }: RunOptions): string {
  const flags = [
    `--seed ${seed} --seeds 1 --steps ${steps}`,
    ...(workers ? [`--workers ${workers.join(',')}`] : []),
    ...(jobs ? [`--jobs ${jobs.join(',')}`] : []),
    ...(faults ? [`--faults "${faults.join(SEPARATOR)}"`] : []),
  ];
  return `npm run simulate -- ${flags.join(' ')} --trace`;
}

/** The smallest run beside the one that failed, for whoever looks for the reason. */
export function described({ smallest, report }: SmallRun, before: Report): string {
  const sizes = (['steps', 'workers', 'jobs', 'faults'] as const).map(
    (what) => `${sizeOf(report, what)} of ${sizeOf(before, what)} ${what}`,
  );
  return [
    `smallest: ${report.violation}`,
    `  ${sizes.join(', ')}`,
    ...report.struck.map(({ name, atMs, step }) => `  step ${step}, ${atMs.toFixed(1)} ms: ${name}`),
    `replay of the smallest: ${replayOf(smallest)}`,
  ].join('\n');
}

function sizeOf({ steps, workers, jobs, struck }: Report, what: 'steps' | 'workers' | 'jobs' | 'faults'): number {
  return { steps, workers: workers.length, jobs: jobs.length, faults: struck.length }[what];
}
