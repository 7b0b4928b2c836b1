/**
 * A worker: registers, renews its lease, does its tasks, keeps reports until they are acknowledged. It dies and comes back
 * as another incarnation, freezes past its lease and goes on as if nothing had been, reports late and twice.
 */
import { failureOf, GristmillError, type ErrorCode } from '../../shared/errors.js';
import { parseWorkerId } from '../../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../../shared/limits.js';
import type {
  Assignment,
  AttemptRef,
  CoordinatorMessage,
  RunningRef,
  TaskReport,
  TaskResult,
  WorkerMessage,
} from '../../shared/protocol.js';
import type { Link } from './sim-network.js';
import type { SeededRandom } from './random.js';
import { Violation, type Life, type World } from './world.js';

export type WorkerLink = Link<WorkerMessage, CoordinatorMessage>;

export interface SimWorkerPorts {
  readonly world: World;
  /** Opens a stream to whoever leads; undefined when nobody does. */
  readonly connect: () => WorkerLink | undefined;
  readonly doTask: (life: Life, assignment: Assignment) => Promise<TaskResult>;
}

export class SimWorker {
  readonly name: string;
  readonly #slots: number;
  readonly #ports: SimWorkerPorts;
  readonly #random: SeededRandom;
  #life: Life;
  #incarnations = 0;
  #frozenUntilMs = 0;
  #link: WorkerLink | undefined;
  #running = new Map<string, Assignment>();
  #unacknowledged = new Map<string, TaskReport>();

  constructor(name: string, slots: number, ports: SimWorkerPorts) {
    this.name = name;
    this.#slots = slots;
    this.#ports = ports;
    this.#random = ports.world.stream(name);
    this.#life = this.#nextLife();
    this.#connectLater(1);
    this.#renewLater(this.#life);
  }

  get incarnation(): string {
    return this.#life.name;
  }

  die(): void {
    const { world } = this.#ports;
    this.#life.alive = false;
    this.#link?.break();
    this.#link = undefined;
    this.#running = new Map();
    this.#unacknowledged = new Map();
    world.after(this.#random.between(1, 15_000), () => {
      this.#life = this.#nextLife();
      this.#frozenUntilMs = 0;
      this.#connectLater(1);
      this.#renewLater(this.#life);
    });
  }

  get isAlive(): boolean {
    return this.#life.alive;
  }

  freeze(durationMs: number): void {
    this.#frozenUntilMs = this.#ports.world.nowMs + durationMs;
  }

  #nextLife(): Life {
    this.#incarnations++;
    return { name: `${this.name}#${this.#incarnations}`, alive: true };
  }

  /** Runs the action when the worker lives and is not frozen; a life that has ended does nothing more. */
  #when(life: Life, action: () => void): void {
    const { world } = this.#ports;
    if (!life.alive) return;
    const waitMs = this.#frozenUntilMs - world.nowMs;
    if (waitMs > 0) world.after(waitMs, () => this.#when(life, action));
    else action();
  }

  #renewLater(life: Life): void {
    this.#ports.world.after(limits.leaseRenewMs, () =>
      this.#when(life, () => {
        this.#link?.toLeader({ renewLease: true });
        this.#renewLater(life);
      }),
    );
  }

  #connectLater(delayMs: number): void {
    const life = this.#life;
    this.#ports.world.after(delayMs, () => this.#when(life, () => this.#connect(life)));
  }

  #connect(life: Life): void {
    if (this.#link) return;
    const link = this.#ports.connect();
    if (!link) {
      this.#connectLater(this.#random.between(50, 400));
      return;
    }
    this.#link = link;
    link.worker = {
      receive: (message) => this.#when(life, () => this.#receive(life, link, message)),
      broken: () =>
        this.#when(life, () => {
          if (this.#link !== link) return;
          this.#link = undefined;
          this.#connectLater(50);
        }),
    };
    const held: RunningRef[] = [...this.#running.values(), ...this.#unacknowledged.values()];
    link.toLeader({
      register: {
        protocolVersion: PROTOCOL_VERSION,
        worker: parseWorkerId(this.name),
        incarnation: life.name.replace('#', '-'),
        slots: this.#slots,
        host: 'sim',
        nodeVersion: 'sim',
        running: held.map(({ job, attempt, slots = 1 }) => ({ job, attempt, slots })),
      },
    });
  }

  #receive(life: Life, link: WorkerLink, message: CoordinatorMessage): void {
    if (this.#link !== link) return;
    if (message.registered) {
      for (const report of this.#unacknowledged.values()) link.toLeader({ reports: [report] });
    }
    for (const ref of message.acknowledge ?? []) this.#unacknowledged.delete(keyOf(ref));
    for (const assignment of message.assign ?? []) this.#begin(life, assignment);
    for (const ref of message.cancel ?? []) {
      const assignment = this.#running.get(keyOf(ref));
      if (assignment) this.#report(life, assignment, failed('aborted'));
    }
  }

  /** Between its last read and its report, in which what it has read may become void. */
  #restMs({ kind }: Assignment): number {
    const { world } = this.#ports;
    return kind === 'reduce' && world.fault('executor dawdles', 0.3) ? this.#random.between(500, 10_000) : 0;
  }

  #begin(life: Life, assignment: Assignment): void {
    const { world, doTask } = this.#ports;
    const key = keyOf(assignment);
    if (this.#running.has(key) || this.#unacknowledged.has(key)) return;
    this.#running.set(key, assignment);
    const { job, attempt, slots = 1 } = assignment;
    if (slots > this.#slots)
      world.violate(`${attempt} of ${job} takes ${slots} slots of ${this.name}, which has ${this.#slots}`);
    if (slots > 1) world.count('task on two slots');
    const dawdlesMs = world.fault('executor dawdles', 0.02) ? this.#random.between(1000, 20_000) : 0;
    world.after(dawdlesMs + this.#random.between(1, 60), () =>
      this.#when(life, () => {
        this.#link?.toLeader({ progress: [{ job, attempt, records: 1, bytes: 1 }] });
        if (world.fault('executor dies', 0.03)) {
          this.#report(life, assignment, failed('executor-died'));
          return;
        }
        // What has the memory of two slots is not short of it again.
        if ((assignment.slots ?? 1) === 1 && world.fault('executor runs out of memory', 0.03)) {
          this.#report(life, assignment, failed('out-of-memory'));
          return;
        }
        doTask(life, assignment).then(
          (result) =>
            world.after(this.#restMs(assignment), () => this.#when(life, () => this.#report(life, assignment, result))),
          (thrown: unknown) => {
            if (thrown instanceof Violation) return;
            this.#when(life, () => this.#report(life, assignment, { kind: 'failure', failure: failureOf(thrown) }));
          },
        );
      }),
    );
  }

  #report(life: Life, assignment: Assignment, result: TaskResult): void {
    const { world } = this.#ports;
    const key = keyOf(assignment);
    if (!this.#running.delete(key)) return;
    const { job, attempt } = assignment;
    const report: TaskReport = { job, attempt, elapsedMs: 1, result };
    this.#unacknowledged.set(key, report);
    const send = () => {
      if (this.#unacknowledged.has(key)) this.#link?.toLeader({ reports: [report] });
    };
    if (world.fault('report late', 0.02)) world.after(this.#random.between(500, 12_000), () => this.#when(life, send));
    else send();
    if (world.fault('report sent twice', 0.03)) {
      const again = () => this.#link?.toLeader({ reports: [report] });
      world.after(this.#random.between(1, 3000), () => this.#when(life, again));
    }
  }
}

function keyOf({ job, attempt }: AttemptRef): string {
  return `${job}/${attempt}`;
}

function failed(code: ErrorCode): TaskResult {
  return { kind: 'failure', failure: failureOf(new GristmillError(code, 'simulated')) };
}
