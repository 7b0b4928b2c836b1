/**
 * The pure scheduler over a fleet in virtual time: no store, no core, no promise. What is decided is durable at once, so
 * that the rules of placement can be checked at the very decision. The rest of a coordinator is simulated beside this.
 */
import { step } from '../../../coordinator/scheduler/decide.js';
import { effectName, pendingEffects, type Effect } from '../../../coordinator/scheduler/effects.js';
import type { Decision, EffectResult, SchedulerEvent } from '../../../coordinator/scheduler/events.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import { emptyState, isEnded, type Job } from '../../../coordinator/scheduler/state.js';
import { mayTakeEffect, nextWakeMs, startState, type SchedulerState } from '../../../coordinator/scheduler/volatile.js';
import { attemptParts, type JobId } from '../../../shared/ids.js';
import { SeededRandom } from '../random.js';
import { FleetWorker } from './fleet-worker.js';
import { PolicyChecker } from './policy-checker.js';
import type { FleetJobPlan, FleetScenario } from './scenario.js';
import { Timeline } from './timeline.js';

export interface FleetReport {
  readonly steps: number;
  /** When the last job had ended. */
  readonly endedMs: number;
  readonly violation: string | undefined;
  /** What happened, by name: a fleet in which nothing happens proves nothing. */
  readonly happened: ReadonlyMap<string, number>;
}

/** By then every job has ended, whatever befell the workers. */
const END_MS = 60 * 60_000;

export function runFleet(scenario: FleetScenario): FleetReport {
  const fleet = new Fleet(scenario);
  let violation: string | undefined;
  try {
    fleet.play();
  } catch (thrown) {
    violation = thrown instanceof Error ? thrown.message : String(thrown);
  }
  const { steps, checker, endedMs } = fleet;
  return { steps, endedMs, violation: violation ?? checker.violation, happened: checker.happened };
}

class Fleet {
  readonly checker: PolicyChecker;
  steps = 0;
  endedMs = 0;
  readonly #scenario: FleetScenario;
  readonly #time = new Timeline();
  readonly #random: SeededRandom;
  readonly #state: SchedulerState;
  readonly #plans = new Map<JobId, FleetJobPlan>();
  readonly #sessions = new Map<number, FleetWorker>();
  /** Effects that are on their way. */
  readonly #effects = new Set<string>();
  #numbers = 0;
  #wake = 0;

  constructor(scenario: FleetScenario) {
    this.#scenario = scenario;
    this.#random = new SeededRandom(scenario.seed);
    const durable = emptyState();
    evolve(durable, { type: 'leader-elected', epoch: 1, atMs: 0, host: 'fleet' });
    this.#state = startState(durable, 'memory:', 0);
    this.checker = new PolicyChecker(scenario, this.#plans);
    const workers = scenario.workers.map((plan, i) => this.#worker(`w${i}`, plan));
    for (const fault of scenario.faults) {
      this.#time.after(fault.atMs, () => {
        this.checker.note(`fault ${fault.kind}`);
        workers[fault.worker]?.suffer(fault);
      });
    }
    for (const [i, plan] of scenario.jobs.entries()) this.#time.after(plan.submitAtMs, () => this.#submit(i, plan));
  }

  play(): void {
    const isDone = () => this.checker.violation !== undefined || this.#isDone();
    if (!this.#time.runUntil(isDone, END_MS)) {
      const states = [...this.#state.durable.jobs.values()].map(({ id, state }) => `${id} ${state}`);
      this.checker.violate(`jobs do not come to their end: ${states.join(', ')}`);
    }
    this.endedMs = this.#time.nowMs;
    this.checker.checkShares();
  }

  #isDone(): boolean {
    const { jobs } = this.#state.durable;
    if (jobs.size < this.#scenario.jobs.length) return false;
    return [...jobs.values()].every((job) => isEnded(job) && pendingEffects(job).length === 0);
  }

  #worker(name: string, plan: FleetScenario['workers'][number]): FleetWorker {
    return new FleetWorker(name, plan, {
      time: this.#time,
      random: this.#random,
      taskMs: ({ job, kind }) =>
        kind === 'inspect' ? 20 : (this.#plans.get(job)?.taskMs ?? 0) * (0.95 + this.#random.fraction() / 10),
      outgrows: ({ job, kind, attempt }) => {
        const { outgrows = 0 } = this.#plans.get(job) ?? {};
        const draw = () => SeededRandom.named(this.#scenario.seed, `${job}/${attemptParts(attempt).task}`).fraction();
        return kind !== 'inspect' && outgrows > 0 && draw() < outgrows;
      },
      jobKind: ({ job }) => this.#plans.get(job)?.kind ?? 'map-only',
      open: (worker, registration) => {
        const session = ++this.#numbers;
        this.#sessions.set(session, worker);
        this.#tell({ type: 'session-opened', session, registration });
        return session;
      },
      tell: (session, message) =>
        this.#tell({ type: 'worker-message', session, message, random: this.#random.fraction() }),
      close: (session) => {
        if (this.#sessions.delete(session)) this.#tell({ type: 'session-closed', session });
      },
    });
  }

  #submit(i: number, { weight }: FleetJobPlan): void {
    const job = `job${String(i).padStart(9, '0')}` as JobId;
    this.#plans.set(job, this.#scenario.jobs[i] as FleetJobPlan);
    const request = {
      requestId: `request-${i}`,
      name: 'fleet',
      codeVersion: '0'.repeat(64),
      params: {},
      inputs: [],
      output: undefined,
      baseUri: 'file:///',
      overwrite: false,
      limitRecords: undefined,
      dryRun: false,
      weight,
    };
    this.#tell({ type: 'submit', call: i, job, request });
  }

  #tell(event: SchedulerEvent): void {
    this.steps++;
    const { nowMs } = this.#time;
    this.checker.before(event, nowMs);
    const decision = step(this.#state, event, { monotonicMs: nowMs, wallMs: nowMs });
    this.checker.after(event, decision, nowMs);
    if (this.checker.violation !== undefined) return;
    this.#obey(decision);
    for (const job of this.#state.durable.jobs.values()) this.#startEffects(job);
    const wake = ++this.#wake;
    const wakeMs = nextWakeMs(this.#state, nowMs);
    if (wakeMs === Infinity) return;
    this.#time.after(Math.max(1, wakeMs - nowMs), () => {
      if (wake === this.#wake) this.#tell({ type: 'tick' });
    });
  }

  #obey({ commands }: Decision): void {
    for (const command of commands) {
      if (command.type === 'send') this.#sessions.get(command.session)?.receive(command.session, command.message);
      if (command.type !== 'close-session') continue;
      this.#sessions.get(command.session)?.closed(command.session);
      this.#sessions.delete(command.session);
    }
  }

  #startEffects(job: Job): void {
    if (!mayTakeEffect(this.#state, job, this.#time.nowMs)) return;
    for (const effect of pendingEffects(job)) {
      const key = `${job.id} ${effectName(effect)}`;
      if (this.#effects.has(key)) continue;
      this.#effects.add(key);
      this.#time.after(this.#random.between(1, 5), () => {
        this.#effects.delete(key);
        this.#tell({ type: 'effect-ended', job: job.id, effect, result: this.#resultOf(job.id, effect) });
      });
    }
  }

  #resultOf(job: JobId, effect: Effect): EffectResult {
    const plan = this.#plans.get(job);
    if (!plan) throw new Error(`an effect of ${job}, which nobody submitted`);
    const { kind, maps, speculate } = plan;
    switch (effect.kind) {
      case 'read-inspection':
        return {
          kind: 'inspected',
          inspected: { name: 'fleet', kind, format: 'jsonl', output: `memory:${job}`, speculate },
        };
      case 'claim-output':
        return { kind: 'claimed', claim: { replaces: [], tookOver: undefined } };
      case 'write-plan': {
        const mapTasks = kind === 'map-only' ? Math.max(1, maps) : maps;
        const partitions = kind === 'map-only' ? mapTasks : plan.partitions;
        return { kind: 'planned', plan: { mapTasks, partitions, inputs: 1, inputBytes: maps }, notices: [] };
      }
      case 'stage-manifest':
      case 'publish':
      case 'step':
        return { kind: 'done' };
    }
  }
}
