/** The pure scheduler with a planned map-only job, for tests of placement: no store, no clock, no stream. */
import { step } from '../../../coordinator/scheduler/decide.js';
import { pendingEffects, type Effect } from '../../../coordinator/scheduler/effects.js';
import type { Command, Decision, EffectResult, SchedulerEvent } from '../../../coordinator/scheduler/events.js';
import { evolve } from '../../../coordinator/scheduler/evolve.js';
import type { WonResult } from '../../../coordinator/scheduler/records.js';
import { emptyState, type Job } from '../../../coordinator/scheduler/state.js';
import { nextWakeMs, openBoard, startState, type SchedulerState } from '../../../coordinator/scheduler/volatile.js';
import { failureOf, GristmillError, type ErrorCode } from '../../../shared/errors.js';
import { parseAttemptId, parseWorkerId, type JobId } from '../../../shared/ids.js';
import { PROTOCOL_VERSION } from '../../../shared/limits.js';
import type { Assignment, TaskProgress, TaskResult } from '../../../shared/protocol.js';
import { resultOf } from '../../simulation/fleet/fleet-task.js';
import { miniature, request } from './miniature-cluster.js';

export class FleetState {
  nowMs = 1000;
  readonly state: SchedulerState;
  readonly #sessions = new Map<string, number>();
  #numbers = 0;

  /** Of a leader that is the first one, unless it is another's state. */
  constructor(state?: SchedulerState) {
    const durable = emptyState();
    evolve(durable, { type: 'leader-elected', epoch: 1, atMs: 0, host: 'h' });
    this.state = state ?? startState(durable, 'memory:', this.nowMs);
  }

  tell(event: SchedulerEvent): Decision {
    return step(this.state, event, { monotonicMs: this.nowMs, wallMs: this.nowMs });
  }

  worker(name: string, slots = 1, incarnation = name): Decision {
    const before = this.#sessions.get(name);
    // One that starts anew has died, and its stream with it.
    if (before !== undefined) this.tell({ type: 'session-closed', session: before });
    const session = ++this.#numbers;
    this.#sessions.set(name, session);
    const identity = { worker: parseWorkerId(name), incarnation, slots, host: 'h', nodeVersion: 'v', running: [] };
    const registration = { protocolVersion: PROTOCOL_VERSION, ...identity };
    return this.tell({ type: 'session-opened', session, registration });
  }

  /** Submits a map-only job of so many tasks, and brings it as far as its plan. */
  submit(id: number, tasks: number, more: { readonly weight?: number; readonly speculate?: boolean } = {}): JobId {
    const job = `job${String(id).padStart(9, '0')}` as JobId;
    const { weight, speculate = true } = more;
    const asked = request(miniature, weight === undefined ? {} : { weight });
    const { durable, volatile } = this.state;
    const at = { job, atMs: this.nowMs };
    // As if an executor had inspected it already.
    const attempt = parseAttemptId('inspect.1-1');
    const result = resultOf({ job, attempt }, 'map-only') as WonResult;
    evolve(durable, { type: 'job-submitted', ...at, request: asked });
    evolve(durable, { type: 'task-won', ...at, attempt, worker: 'w', elapsedMs: 1, result });
    openBoard(volatile, job, weight);
    for (;;) {
      const [effect] = pendingEffects(this.job(job));
      if (!effect || this.job(job).state !== 'validating') return job;
      this.tell({ type: 'effect-ended', job, effect, result: resultOfEffect(effect, tasks, speculate) });
    }
  }

  job(id: JobId): Job {
    const job = this.state.durable.jobs.get(id);
    if (!job) throw new Error(`there is no job ${id}`);
    return job;
  }

  waits(id: JobId): string | undefined {
    return this.state.volatile.boards.get(id)?.wait?.sentence;
  }

  /** What runs of the job on which worker: `map-00000.1-1@w1`. */
  running(id: JobId): string[] {
    const running = [...(this.state.volatile.boards.get(id)?.running.values() ?? [])];
    return running.filter(({ cancelledMs }) => cancelledMs === undefined).map((at) => `${at.attempt}@${at.worker}`);
  }

  win(worker: string, job: JobId, attempt: string): Decision {
    return this.#report(worker, job, attempt, resultOf({ job, attempt: parseAttemptId(attempt) }, 'map-only'));
  }

  fail(worker: string, job: JobId, attempt: string, code: ErrorCode): Decision {
    return this.#report(worker, job, attempt, {
      kind: 'failure',
      failure: failureOf(new GristmillError(code, 'simulated')),
    });
  }

  progress(worker: string, progress: Omit<TaskProgress, 'attempt'> & { readonly attempt: string }): Decision {
    const told = [{ ...progress, attempt: parseAttemptId(progress.attempt) }];
    return this.tell({ type: 'worker-message', session: this.#of(worker), message: { progress: told }, random: 0 });
  }

  /** Time goes on; these workers are heard of, the others are not. */
  pass(ms: number, ...heard: string[]): Decision {
    const endMs = this.nowMs + ms;
    for (;;) {
      for (const worker of heard) {
        this.tell({ type: 'worker-message', session: this.#of(worker), message: { renewLease: true }, random: 0 });
      }
      const nextMs = Math.min(endMs, this.nowMs + 1000, Math.max(this.nowMs + 1, nextWakeMs(this.state, this.nowMs)));
      if (this.nowMs >= endMs) return this.tell({ type: 'tick' });
      this.nowMs = nextMs;
      this.tell({ type: 'tick' });
    }
  }

  #report(worker: string, job: JobId, attempt: string, result: TaskResult): Decision {
    const reports = [{ job, attempt: parseAttemptId(attempt), elapsedMs: 1, result }];
    return this.tell({ type: 'worker-message', session: this.#of(worker), message: { reports }, random: 0 });
  }

  #of(worker: string): number {
    return this.#sessions.get(worker) ?? 0;
  }
}

export function assigned(commands: readonly Command[]): Assignment[] {
  return commands.flatMap((command) => (command.type === 'send' ? (command.message.assign ?? []) : []));
}

function resultOfEffect({ kind }: Effect, tasks: number, speculate: boolean): EffectResult {
  const inspected = { name: 'x', kind: 'map-only', format: 'jsonl', output: 'memory:x', speculate } as const;
  if (kind === 'read-inspection') return { kind: 'inspected', inspected };
  if (kind === 'claim-output') return { kind: 'claimed', claim: { replaces: [], tookOver: undefined } };
  return { kind: 'planned', plan: { mapTasks: tasks, partitions: tasks, inputs: 1, inputBytes: 1 }, notices: [] };
}
