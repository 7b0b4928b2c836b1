/** A worker of a fleet: it takes what its tasks would take, and dies, freezes, fails and lies as its scenario says. */
import { failureOf, GristmillError, type ErrorCode } from '../../../shared/errors.js';
import { parseWorkerId } from '../../../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../../../shared/limits.js';
import type {
  Assignment,
  AttemptRef,
  CoordinatorMessage,
  Registration,
  RunningRef,
  TaskReport,
  TaskResult,
  WorkerMessage,
} from '../../../shared/protocol.js';
import type { SeededRandom } from '../random.js';
import { resultOf } from './fleet-task.js';
import type { FleetFault, FleetWorkerPlan } from './scenario.js';
import type { Timeline } from './timeline.js';

export interface FleetWorkerPorts {
  readonly time: Timeline;
  readonly random: SeededRandom;
  readonly taskMs: (assignment: Assignment) => number;
  /** Whether the task runs out of memory where it has one slot. */
  readonly outgrows: (assignment: Assignment) => boolean;
  /** Opens a session; messages for it come back through `receive`. */
  readonly open: (worker: FleetWorker, registration: Registration) => number;
  readonly tell: (session: number, message: WorkerMessage) => void;
  readonly close: (session: number) => void;
  readonly jobKind: (assignment: AttemptRef) => 'reduce' | 'map-only';
}

/** How long an executor lives that is to die. */
const CRASH_MS = 50;
const RECONNECT_MS = 50;
const TELL_MS = 500;

export class FleetWorker {
  readonly name: string;
  readonly #plan: FleetWorkerPlan;
  readonly #ports: FleetWorkerPorts;
  /** Grows with each life: what an earlier one had in mind never happens. */
  #life = 1;
  #isAlive = true;
  #frozenUntilMs = 0;
  #failing: { readonly code: ErrorCode; readonly untilMs: number } | undefined;
  #session: number | undefined;
  #running = new Map<string, Assignment>();
  #unacknowledged = new Map<string, TaskReport>();
  /** All that it was ever given: what it lies about. */
  readonly #known: Assignment[] = [];

  constructor(name: string, plan: FleetWorkerPlan, ports: FleetWorkerPorts) {
    this.name = name;
    this.#plan = plan;
    this.#ports = ports;
    this.#later(ports.random.between(1, 20), () => this.#connect());
    this.#later(limits.leaseRenewMs, () => this.#renew());
  }

  suffer({ kind, lastsMs }: FleetFault): void {
    const { time } = this.#ports;
    if (!this.#isAlive) return;
    if (kind === 'die' || kind === 'vanish') this.#die(kind === 'die', lastsMs);
    else if (kind === 'freeze') this.#frozenUntilMs = time.nowMs + lastsMs;
    else if (kind === 'cut') this.#cut();
    else if (kind === 'lie') this.#lie();
    else this.#failing = { code: kind === 'crash' ? 'executor-died' : 'disk-full', untilMs: time.nowMs + lastsMs };
  }

  /** Of the session that it has; the coordinator's end was closed. */
  closed(session: number): void {
    this.#later(1, () => {
      if (this.#session !== session) return;
      this.#session = undefined;
      this.#later(RECONNECT_MS, () => this.#connect());
    });
  }

  receive(session: number, message: CoordinatorMessage): void {
    this.#later(this.#latencyMs(), () => {
      if (this.#session !== session) return;
      if (message.registered) for (const report of this.#unacknowledged.values()) this.#tell({ reports: [report] });
      for (const ref of message.acknowledge ?? []) this.#unacknowledged.delete(keyOf(ref));
      for (const assignment of message.assign ?? []) this.#begin(assignment);
      for (const ref of message.cancel ?? []) {
        const assignment = this.#running.get(keyOf(ref));
        if (assignment) this.#end(assignment, failed('aborted'));
      }
    });
  }

  #latencyMs(): number {
    return this.#ports.random.between(1, 5);
  }

  /** Later in the same life; a frozen one does it when it thaws. */
  #later(delayMs: number, action: () => void): void {
    const life = this.#life;
    const { time } = this.#ports;
    const act = () => {
      if (life !== this.#life || !this.#isAlive) return;
      if (time.nowMs < this.#frozenUntilMs) time.after(this.#frozenUntilMs - time.nowMs, act);
      else action();
    };
    time.after(delayMs, act);
  }

  #renew(): void {
    this.#tell({ renewLease: true });
    this.#later(limits.leaseRenewMs, () => this.#renew());
  }

  /** What was sent arrives, also when its sender is dead by then. */
  #tell(message: WorkerMessage): void {
    const { time, tell } = this.#ports;
    const session = this.#session;
    if (session !== undefined) time.after(this.#latencyMs(), () => tell(session, message));
  }

  #connect(): void {
    if (this.#session !== undefined) return;
    const held: readonly RunningRef[] = [...this.#running.values(), ...this.#unacknowledged.values()];
    this.#session = this.#ports.open(this, {
      protocolVersion: PROTOCOL_VERSION,
      worker: parseWorkerId(this.name),
      incarnation: `life-${this.#life}`,
      slots: this.#plan.slots,
      host: 'fleet',
      nodeVersion: 'fleet',
      running: held.map(({ job, attempt, slots = 1 }) => ({ job, attempt, slots })),
    });
  }

  #cut(): void {
    if (this.#session === undefined) return;
    this.#ports.close(this.#session);
    this.#session = undefined;
    this.#later(RECONNECT_MS, () => this.#connect());
  }

  #die(isTold: boolean, lastsMs: number): void {
    const { time, close } = this.#ports;
    if (isTold && this.#session !== undefined) close(this.#session);
    this.#isAlive = false;
    this.#life++;
    this.#session = undefined;
    this.#running = new Map();
    this.#unacknowledged = new Map();
    time.after(lastsMs, () => {
      this.#isAlive = true;
      this.#frozenUntilMs = 0;
      this.#connect();
      this.#renew();
    });
  }

  #lie(): void {
    for (const assignment of this.#known.slice(-20)) {
      const result = resultOf(assignment, this.#ports.jobKind(assignment));
      if (!this.#running.has(keyOf(assignment)))
        this.#tell({ reports: [{ ...refOf(assignment), elapsedMs: 1, result }] });
    }
  }

  #begin(assignment: Assignment): void {
    const key = keyOf(assignment);
    if (this.#running.has(key) || this.#unacknowledged.has(key)) return;
    this.#running.set(key, assignment);
    this.#known.push(assignment);
    const { time, taskMs, jobKind } = this.#ports;
    const failing = this.#fails(assignment);
    const tookMs = failing === undefined ? taskMs(assignment) * this.#plan.slowness : CRASH_MS;
    if (this.#plan.tells) this.#progress(assignment, time.nowMs, tookMs);
    this.#later(tookMs, () =>
      this.#end(assignment, failing === undefined ? resultOf(assignment, jobKind(assignment)) : failed(failing)),
    );
  }

  #fails(assignment: Assignment): ErrorCode | undefined {
    const { time, outgrows } = this.#ports;
    if (this.#failing && this.#failing.untilMs > time.nowMs) return this.#failing.code;
    return (assignment.slots ?? 1) < limits.outgrownSlots && outgrows(assignment) ? 'out-of-memory' : undefined;
  }

  #progress(assignment: Assignment, startedMs: number, tookMs: number): void {
    this.#later(TELL_MS, () => {
      if (!this.#running.has(keyOf(assignment))) return;
      const share = Math.min(1, (this.#ports.time.nowMs - startedMs) / tookMs);
      this.#tell({ progress: [{ ...refOf(assignment), records: Math.floor(share * 100), bytes: 0, share }] });
      this.#progress(assignment, startedMs, tookMs);
    });
  }

  #end(assignment: Assignment, result: TaskResult): void {
    const key = keyOf(assignment);
    if (!this.#running.delete(key)) return;
    const report: TaskReport = { ...refOf(assignment), elapsedMs: 1, result };
    this.#unacknowledged.set(key, report);
    this.#tell({ reports: [report] });
  }
}

function refOf({ job, attempt }: AttemptRef): AttemptRef {
  return { job, attempt };
}

function keyOf({ job, attempt }: AttemptRef): string {
  return `${job}/${attempt}`;
}

function failed(code: ErrorCode): TaskResult {
  return { kind: 'failure', failure: failureOf(new GristmillError(code, 'simulated')) };
}
