/**
 * One run: a seed makes a store, leaders, workers and jobs, lets them fail in every way for a while, then heals the world
 * and asks that every job ends, that its result is right, and that nothing is left over.
 */
import { hasResult, isEnded } from '../../coordinator/scheduler/state.js';
import { pendingEffects } from '../../coordinator/scheduler/effects.js';
import { mapWinner } from '../../coordinator/scheduler/work.js';
import { limits } from '../../shared/limits.js';
import { outputNames, type Plan } from '../../shared/plan.js';
import type { Assignment, TaskResult } from '../../shared/protocol.js';
import { Checker } from './checker.js';
import type { SeededRandom } from './random.js';
import { SimClient, type SimClientOptions } from './sim-client.js';
import { prefixOf, SimLeaders } from './sim-leader.js';
import { SimDisk } from './sim-store.js';
import { SimWorker } from './sim-worker.js';
import { doTask, expectedParts, madeIn, type MiniatureJob } from './task-work.js';
import { Violation, World, type StruckFault } from './world.js';

export interface RunOptions {
  readonly seed: number;
  /** Of the faulty time; healing takes what it needs. */
  readonly steps: number;
  /** The names of the faults that strike; the others are drawn and do not. Undefined: all do. */
  readonly faults?: readonly string[];
  /** The workers and jobs that there are, of those that the seed makes. Undefined: all. */
  readonly workers?: readonly number[];
  readonly jobs?: readonly number[];
}

export interface RunReport {
  readonly steps: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly struck: readonly StruckFault[];
  readonly workers: readonly number[];
  readonly jobs: readonly number[];
  readonly transitions: ReadonlyMap<string, number>;
  readonly crashPoints: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<string, number>;
  readonly consequences: ReadonlyMap<string, number>;
  readonly violation: string | undefined;
  readonly trace: readonly string[];
  /** Every slot that was written, in order. */
  readonly journal: readonly Uint8Array[];
}

/** Steps within which a healed world must come to rest. */
const HEAL_STEPS_MAX = 60_000;

export async function runSeed(options: RunOptions): Promise<RunReport> {
  const run = new Run(options);
  let violation: string | undefined;
  try {
    await run.play(options.steps);
  } catch (thrown) {
    violation = thrown instanceof Violation ? thrown.message : String((thrown as Error).stack ?? thrown);
  }
  const { world } = run;
  return {
    steps: world.steps,
    faults: world.faults,
    struck: world.struck,
    workers: run.workers,
    jobs: run.jobs,
    transitions: world.transitions,
    crashPoints: world.crashPoints,
    outcomes: run.outcomes(),
    consequences: world.consequences,
    violation,
    trace: world.trace,
    journal: run.journal,
  };
}

class Run {
  readonly world: World;
  readonly #disk: SimDisk;
  readonly #checker: Checker;
  readonly #leaders: SimLeaders;
  /** Undefined where one is left out. */
  readonly #workers: readonly (SimWorker | undefined)[];
  readonly #clients: readonly SimClient[];
  readonly jobs: readonly number[];
  /** Of what befalls the world by itself: its times and places are the same, whatever else happens. */
  readonly #fate: SeededRandom;
  readonly #harm: SeededRandom;
  /** Keys that are not any job's. */
  readonly #strangers = new Set<string>();

  constructor({ seed, faults, workers, jobs }: RunOptions) {
    const striking = faults && new Set(faults);
    this.world = new World(seed, (name) => striking?.has(name) ?? true);
    this.#fate = this.world.stream('fate');
    this.#harm = this.world.stream('harm');
    this.#disk = new SimDisk(this.world);
    this.#checker = new Checker(this.world);
    this.#disk.observer = this.#checker;
    this.#leaders = new SimLeaders(this.world, this.#disk, this.#checker);
    this.#checker.journalKeepMs = this.#leaders.journalKeepMs;
    const { random } = this.world;
    this.#disk.onWrite = (life, point) => {
      if (life !== this.#leaders.life || !this.world.fault('leader crashes at a store call', 0.02)) return;
      this.#leaders.crash(point);
    };
    this.#workers = Array.from({ length: random.between(1, 3) }, (_, i) => {
      const slots = random.between(1, 3);
      return workers?.includes(i) === false ? undefined : this.#worker(`w${i}`, slots);
    });
    const plans = this.#drawClients(random);
    this.jobs = [...plans.keys()].filter((i) => jobs?.includes(i) !== false);
    this.#clients = plans.filter((_, i) => this.jobs.includes(i)).map((plan) => new SimClient(plan));
    this.#trouble();
  }

  get workers(): readonly number[] {
    return [...this.#workers.keys()].filter((i) => this.#workers[i] !== undefined);
  }

  #worker(name: string, slots: number): SimWorker {
    this.#leaders.slotCheck.slots.set(name, slots);
    const worker: SimWorker = new SimWorker(name, slots, {
      world: this.world,
      connect: () => this.#leaders.connect(name, worker.incarnation),
      doTask: (life, assignment) => {
        const store = this.#disk.handle(life);
        const result = doTask({ store, storeFor: (output) => ({ store, prefix: prefixOf(output) }) }, assignment);
        return result.then((told) => this.#maybeLie(assignment, told));
      },
    });
    return worker;
  }

  /** Counts that do not add up, as of an engine with a defect. */
  #maybeLie({ job, attempt }: Assignment, result: TaskResult): TaskResult {
    if (result.kind !== 'reduce' || !this.world.fault('counts that do not balance', 0.08)) return result;
    this.#checker.onLie(job, attempt);
    return { ...result, counts: { ...result.counts, shuffledInSum: result.counts.shuffledInSum + 1n } };
  }

  #drawClients(random: SeededRandom): SimClientOptions[] {
    return Array.from({ length: random.between(2, 5) }, (_, i) => {
      // A few share an output, and replace each other's results.
      const isShared = random.chance(0.25);
      const miniature: MiniatureJob = {
        kind: random.chance(0.25) ? 'map-only' : 'reduce',
        inputBytes: Array.from({ length: random.between(0, 5) }, () => random.between(0, 60)),
        splitBytes: random.between(10, 40),
        partitions: random.between(1, 6),
        output: isShared ? 'memory:out/shared' : `memory:out/${i}`,
        doomed: random.chance(0.06),
        ...(random.chance(0.15) && { deadlineMs: random.between(50, random.chance(0.5) ? 2000 : 12_000) }),
        unrepeatable: random.chance(0.5),
      };
      return {
        world: this.world,
        leaders: this.#leaders,
        checker: this.#checker,
        miniature,
        request: {
          requestId: `request-${i}`,
          name: 'miniature',
          codeVersion: '0'.repeat(64),
          params: { ...miniature },
          inputs: [],
          output: undefined,
          baseUri: 'file:///',
          overwrite: isShared,
          limitRecords: undefined,
          dryRun: random.chance(0.05),
        },
        submitAfterMs: random.between(1, isShared ? 30_000 : 8000),
        cancelAfterMs: random.chance(0.2) ? random.between(1, 6000) : undefined,
      };
    });
  }

  /** What happens to the world by itself, as long as it is faulty. */
  #trouble(): void {
    const { world } = this;
    const fate = this.#fate;
    world.after(fate.between(50, 400), () => {
      if (!world.faulty) return;
      // All is drawn each time, so that what does not strike changes nothing of what comes.
      const worker = this.#workers[fate.between(0, this.#workers.length - 1)];
      const workerFrozenMs = fate.between(200, 2 * limits.leaseDeadMs);
      const leaderFrozenMs = fate.between(200, 15_000);
      const harms = { outputs: fate.chance(0.05), shuffle: fate.chance(0.3) };
      if (worker?.isAlive && world.fault('worker dies', 0.04)) worker.die();
      else if (worker && world.fault('worker freezes', 0.03)) worker.freeze(workerFrozenMs);
      if (world.fault('leader crashes at any time', 0.015)) this.#leaders.crash('between two events');
      if (world.fault('leader freezes', 0.015)) this.#leaders.freeze(leaderFrozenMs);
      if (harms.outputs) this.#harmOutputs();
      if (harms.shuffle) this.#harmShuffle();
      this.#trouble();
    });
  }

  /** Somebody else's hands in an output: a staged object vanishes, or a stranger's lies where a part belongs. */
  #harmOutputs(): void {
    const { world } = this;
    if (this.#harm.chance(0.7)) {
      void this.#disk.loseStaged((seal) => this.#isUnpublishedWinner(seal.staged));
      return;
    }
    const job = [...this.#checker.durable.jobs.values()].find(({ state }) => state === 'in_progress');
    if (!job?.inspected || job.inspected.output.endsWith('shared')) return;
    const key = prefixOf(job.inspected.output) + outputNames.part(0, job.inspected.format);
    if (this.#strangers.has(key) || this.#checker.objects.has(key) || !world.fault('stranger in the output', 1)) return;
    void this.#disk.objects.put(key, Buffer.from('a stranger’s'), { ifAbsent: true }).then(
      () => this.#strangers.add(key),
      () => undefined, // somebody was quicker
    );
  }

  /** What a map task has left for the shuffle goes, while it is wanted. */
  #harmShuffle(): void {
    const { world } = this;
    const winners: string[] = [];
    for (const job of this.#checker.durable.jobs.values()) {
      if (job.state !== 'in_progress' && job.state !== 'committing') continue;
      for (let index = 0; index < job.plan.mapTasks; index++) {
        const attempt = mapWinner(job.work, index);
        const key = [...this.#checker.objects.keys()].find(
          (one) => one.endsWith(`/${attempt}`) && one.includes(job.id),
        );
        if (attempt && key) winners.push(key);
      }
    }
    if (winners.length === 0) return;
    const key = this.#harm.pick(winners);
    const isGone = this.#harm.chance(0.5);
    if (!world.fault(isGone ? 'shuffle object lost' : 'shuffle object corrupt', 1)) return;
    // Known before it is done: a reader may find it at once.
    this.#checker.onHarm(key, isGone);
    void this.#disk.harm(key, isGone);
  }

  #isUnpublishedWinner(staged: string): boolean {
    for (const job of this.#checker.durable.jobs.values()) {
      if (job.state !== 'in_progress' && job.state !== 'committing') continue;
      if (job.work.sealed.some((winner) => winner?.seal.staged === staged)) return true;
    }
    return false;
  }

  async play(steps: number): Promise<void> {
    const { world } = this;
    // Not until all is done: what is stuck by then must not be rescued by the next crash.
    const healAtMs = world.random.between(2000, 45_000);
    await world.runUntil(() => world.nowMs > healAtMs, steps);
    world.faulty = false;
    if (!(await world.runUntil(() => this.#isDone(), HEAL_STEPS_MAX))) {
      const jobs = [...this.#checker.durable.jobs.values()].map(({ id, state }) => `${id} ${state}`);
      world.violate(`the healed world does not come to rest: ${jobs.join(', ')}`);
    }
    for (const client of this.#clients) this.#checkResult(client);
    this.#checkLeftovers();
  }

  #isDone(): boolean {
    if (this.#clients.some(({ outcome }) => outcome === undefined)) return false;
    return [...this.#checker.durable.jobs.values()].every((job) => isEnded(job) && pendingEffects(job).length === 0);
  }

  get journal(): readonly Uint8Array[] {
    return this.#checker.journal;
  }

  outcomes(): Map<string, number> {
    const outcomes = new Map<string, number>();
    for (const { outcome } of this.#clients) {
      outcomes.set(outcome ?? 'none', (outcomes.get(outcome ?? 'none') ?? 0) + 1);
    }
    return outcomes;
  }

  #checkResult(client: SimClient): void {
    const { world } = this;
    const job = client.job && this.#checker.lastOf(client.job);
    if (!job || !isEnded(job)) return world.violate('an acknowledged job is gone');
    if (job.state !== client.outcome) world.violate(`${job.id} was told to be ${client.outcome} and is ${job.state}`);
    if (job.state === 'cancelled' && !client.wasCancelled) world.violate(`nobody cancelled ${job.id}`);
    if (job.state === 'failed') {
      const deaths = ['executor-died', 'out-of-memory'];
      const expected = ['output-occupied', ...deaths, ...(client.miniature.doomed ? ['map-failed'] : [])];
      const key = prefixOf(client.miniature.output) + outputNames.part(0, 'jsonl');
      const isExpected =
        expected.includes(job.failure?.code ?? '') ||
        (job.failure?.producers !== undefined && this.#checker.fetches.isHarmedTooOften(job.id)) ||
        (job.failure?.code === 'map-not-repeatable' && client.miniature.unrepeatable === true) ||
        (job.failure?.code === 'publish-lost' && this.#strangers.has(key)) ||
        (job.failure?.code === 'out-of-balance' && this.#checker.hasLiar(job));
      if (!isExpected) world.violate(`${job.id} failed without a reason: ${job.failure?.message}`);
    }
    const isLast = this.#lastCompleted(client.miniature.output) === job.id;
    if (job.state === 'expired' && client.miniature.deadlineMs === undefined)
      world.violate(`${job.id} has no deadline`);
    const hasAll = job.state === 'completed' && !job.request.dryRun;
    if (!isLast || !(hasAll || job.state === 'expired')) return;
    const prefix = prefixOf(client.miniature.output);
    const plan = JSON.parse(this.#checker.planOf(job.id) ?? 'null') as Plan;
    const names = [...this.#checker.objects.keys()].filter((key) => key.startsWith(`${prefix}part-`));
    // Whose output the first row is made of, all are: that is one generation.
    const made = names.map((name) => madeIn(this.#text(name) ?? '')).find((one) => one !== undefined);
    const expected = expectedParts(client.miniature, plan, made);
    const wanted = hasAll ? expected.length : (job.published?.size ?? 0);
    if (names.length !== wanted) world.violate(`${prefix} has ${names.length} parts, not ${wanted}`);
    for (const [part, text] of expected.entries()) {
      if (!hasAll && !job.published?.has(part)) continue;
      const found = this.#text(prefix + outputNames.part(part, 'jsonl'));
      if (found !== text) world.violate(`part ${part} of ${prefix} is ${found}, not ${text}`);
    }
  }

  /** The job whose result is to be seen at an output. */
  #lastCompleted(output: string): string | undefined {
    const jobs = this.#checker.lastJobs.filter(
      (job) => isEnded(job) && hasResult(job) && job.inspected?.output === output && !job.request.dryRun,
    );
    return jobs.sort((a, b) => ('endedAtMs' in a && 'endedAtMs' in b ? a.endedAtMs - b.endedAtMs : 0)).at(-1)?.id;
  }

  #text(key: string): string | undefined {
    const found = this.#checker.objects.get(key);
    return found && Buffer.from(found.bytes).toString('utf8');
  }

  /** What was written before it was cleaned up must be gone; what the dead wrote after that is nobody's fault. */
  #checkLeftovers(): void {
    const { world } = this;
    for (const [key, { atMs }] of this.#checker.objects) {
      if (key.startsWith('v1/shuffle/')) {
        const sweptMs = this.#checker.listedMs.get(`${key.split('/').slice(0, 3).join('/')}/`);
        if (sweptMs === undefined || atMs < sweptMs) world.violate(`${key} is left over`);
      } else if (key.startsWith('out/') && !this.#disk.late.has(key)) {
        const prefix = key.slice(0, key.lastIndexOf('/') + 1);
        if (!this.#lastCompleted(`memory:${prefix.slice(0, -1)}`))
          world.violate(`${key} is left over of an unpublished job`);
      }
    }
    for (const [staged, { seal, atMs }] of this.#disk.staged) {
      const prefix = seal.key.slice(0, seal.key.lastIndexOf('/') + 1);
      if (atMs < (this.#checker.discardedMs.get(prefix) ?? Infinity)) world.violate(`${staged} is left over`);
    }
  }
}
