/**
 * What one run of a fleet is made of: plain data, so that a failing one can be made smaller and printed. Only latencies are
 * drawn while it runs, from the scenario's own seed.
 */
import { SeededRandom } from '../random.js';

export interface FleetWorkerPlan {
  readonly slots: number;
  /** How many times as long a task takes there. */
  readonly slowness: number;
  /** Whether its attempts tell their share of work done. */
  readonly tells: boolean;
}

export interface FleetJobPlan {
  readonly kind: 'reduce' | 'map-only';
  readonly maps: number;
  readonly partitions: number;
  readonly taskMs: number;
  readonly weight: number;
  readonly submitAtMs: number;
  readonly speculate: boolean;
  /** The share of its tasks that run out of memory on one slot; absent: none. */
  readonly outgrows?: number;
}

/**
 * `die`: the process ends and comes back as another incarnation; `vanish`: the same, and nobody is told;
 * `freeze`: nothing goes out or in, then all of it; `cut`: the stream breaks, with what is on its way;
 * `crash`: executors die; `fill`: the disk is full; `lie`: results of attempts that are not the worker's any more.
 */
export const FLEET_FAULTS = ['die', 'vanish', 'freeze', 'cut', 'crash', 'fill', 'lie'] as const;

export interface FleetFault {
  readonly kind: (typeof FLEET_FAULTS)[number];
  readonly worker: number;
  readonly atMs: number;
  readonly lastsMs: number;
}

export interface FleetScenario {
  readonly seed: number;
  readonly workers: readonly FleetWorkerPlan[];
  readonly jobs: readonly FleetJobPlan[];
  readonly faults: readonly FleetFault[];
}

/** A third of them are calm: equal workers, no faults and long jobs side by side, in which shares can be measured. */
export function scenarioOf(seed: number): FleetScenario {
  const random = new SeededRandom(seed);
  return random.chance(1 / 3) ? calmScenario(seed, random) : roughScenario(seed, random);
}

export function isCalm({ workers, jobs, faults }: FleetScenario): boolean {
  return faults.length === 0 && jobs.length > 1 && workers.every(({ slowness }) => slowness === 1);
}

function calmScenario(seed: number, random: SeededRandom): FleetScenario {
  const taskMs = random.between(200, 1500);
  const workers = Array.from({ length: random.between(2, 6) }, () => ({
    slots: random.between(1, 3),
    slowness: 1,
    tells: true,
  }));
  const slots = workers.reduce((sum, worker) => sum + worker.slots, 0);
  const jobs = Array.from({ length: random.between(2, 3) }, (_, i) => ({
    kind: 'reduce' as const,
    maps: 40 * slots,
    partitions: 1,
    taskMs,
    weight: random.pick([1, 1, 2, 3]),
    submitAtMs: i * random.between(100, 5000),
    speculate: true,
  }));
  return { seed, workers, jobs, faults: [] };
}

function roughScenario(seed: number, random: SeededRandom): FleetScenario {
  const workers = Array.from({ length: random.between(1, 8) }, () => ({
    slots: random.between(1, 3),
    slowness: random.chance(0.2) ? random.between(4, 30) : 1,
    tells: random.chance(0.7),
  }));
  const jobs = Array.from({ length: random.between(1, 4) }, () => ({
    kind: random.chance(0.5) ? ('reduce' as const) : ('map-only' as const),
    maps: random.between(0, 40),
    partitions: random.between(1, 6),
    taskMs: random.between(100, 3000),
    weight: random.between(1, 4),
    submitAtMs: random.between(0, 10_000),
    speculate: random.chance(0.9),
  }));
  const hungry = SeededRandom.named(seed, 'outgrows');
  const outgrowing = jobs.map((job) => (hungry.chance(0.3) ? { ...job, outgrows: hungry.fraction() / 2 } : job));
  const faults = Array.from({ length: random.between(0, 8) }, () => ({
    kind: random.pick(FLEET_FAULTS),
    worker: random.between(0, workers.length - 1),
    atMs: random.between(0, 30_000),
    lastsMs: random.between(100, 30_000),
  }));
  return { seed, workers, jobs: outgrowing, faults };
}

/** Scenarios that are a little smaller, the boldest first. */
export function* smaller(scenario: FleetScenario): Generator<FleetScenario> {
  const { workers, jobs, faults } = scenario;
  for (const i of jobs.keys()) if (jobs.length > 1) yield { ...scenario, jobs: without(jobs, i) };
  if (faults.length > 1) yield { ...scenario, faults: faults.slice(0, faults.length >> 1) };
  for (const i of faults.keys()) yield { ...scenario, faults: without(faults, i) };
  for (const i of workers.keys()) {
    if (workers.length === 1) break;
    const kept = faults.filter(({ worker }) => worker !== i);
    const moved = kept.map((fault) => (fault.worker > i ? { ...fault, worker: fault.worker - 1 } : fault));
    yield { ...scenario, workers: without(workers, i), faults: moved };
  }
  for (const [i, job] of jobs.entries()) yield* smallerJobs(job, (less) => ({ ...scenario, jobs: jobs.with(i, less) }));
  for (const [i, worker] of workers.entries()) {
    if (worker.slots > 1) yield { ...scenario, workers: workers.with(i, { ...worker, slots: 1 }) };
    if (worker.slowness > 1) yield { ...scenario, workers: workers.with(i, { ...worker, slowness: 1 }) };
  }
}

function* smallerJobs(job: FleetJobPlan, put: (less: FleetJobPlan) => FleetScenario): Generator<FleetScenario> {
  if (job.maps > 1) yield put({ ...job, maps: job.maps >> 1 });
  if (job.maps > 0) yield put({ ...job, maps: job.maps - 1 });
  if (job.partitions > 1) yield put({ ...job, partitions: 1 });
  if (job.kind === 'reduce') yield put({ ...job, kind: 'map-only' });
  if (job.outgrows !== undefined) yield put({ ...job, outgrows: 0 });
  if (job.submitAtMs > 0) yield put({ ...job, submitAtMs: 0 });
}

function without<T>(values: readonly T[], index: number): readonly T[] {
  return values.filter((_, i) => i !== index);
}
