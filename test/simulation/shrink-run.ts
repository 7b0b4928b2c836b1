/**
 * How a failing run of a seed is made smaller: it ends earlier, fewer faults strike, and there are fewer workers and jobs.
 * Faults go by kinds, by halves, and at last one by one (delta debugging): each of them has its own name in every run of
 * the seed, and what is left out changes as little of the rest as it can.
 */
import { shrink, type Proposals, type Shrunk } from './shrinking.js';
import { runSeed, type RunOptions, type RunReport } from './simulation.js';

export type SmallRun = Shrunk<RunOptions, Report>;
/** What shrinking looks at of a run. */
export type Report = Pick<RunReport, 'violation' | 'steps' | 'struck' | 'workers' | 'jobs'>;

export async function shrinkRun(
  failing: RunOptions,
  report: Report,
  play: (run: RunOptions) => Report | Promise<Report> = runSeed,
): Promise<SmallRun> {
  const { smallest, report: found } = await shrink(failing, report, { play, smaller });
  // Names of faults that do not strike any more say nothing.
  return { smallest: { ...smallest, faults: namesOf(found) }, report: found };
}

function* smaller(failing: RunOptions, report: Report): Proposals<RunOptions, Report> {
  let best = failing;
  let last = report;
  function* tried(less: Partial<RunOptions>): Generator<RunOptions, boolean, Report | undefined> {
    const found = yield { ...best, ...less };
    if (!found) return false;
    best = { ...best, ...less };
    last = found;
    return true;
  }
  if (last.steps < best.steps) yield* tried({ steps: last.steps });
  if (last.struck.length > 0) yield* tried({ faults: [] });
  for (const kind of new Set(last.struck.map((fault) => fault.kind))) {
    const others = last.struck.filter((fault) => fault.kind !== kind);
    if (others.length < last.struck.length) yield* tried({ faults: others.map(({ name }) => name) });
  }
  yield* fewer(namesOf(last), 0, function* (faults) {
    if (!(yield* tried({ faults }))) return undefined;
    const striking = new Set(namesOf(last));
    return faults.filter((name) => striking.has(name));
  });
  yield* fewer(last.jobs, 1, function* (jobs) {
    return (yield* tried({ jobs })) ? jobs : undefined;
  });
  yield* fewer(last.workers, 1, function* (workers) {
    return (yield* tried({ workers })) ? workers : undefined;
  });
  // Where it fails after the faults, they end sooner.
  for (let cut = best.steps >> 1; cut >= 1 && cut < best.steps;) {
    if (!(yield* tried({ steps: best.steps - cut }))) cut >>= 1;
  }
}

/** Leaves out halves of what there is, then quarters, and so on. `attempt` says what is left when it may be left out. */
function* fewer<T, Case, Report>(
  all: readonly T[],
  least: number,
  attempt: (left: readonly T[]) => Generator<Case, readonly T[] | undefined, Report | undefined>,
): Generator<Case, void, Report | undefined> {
  let kept = all;
  for (let size = all.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < kept.length;) {
      const left = [...kept.slice(0, at), ...kept.slice(at + size)];
      const found = left.length < least ? undefined : yield* attempt(left);
      if (found) kept = found;
      else at += size;
    }
  }
}

function namesOf({ struck }: Report): readonly string[] {
  return struck.map(({ name }) => name);
}
