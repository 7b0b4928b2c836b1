/** A worker with one slot that does its tasks in this process: the way of an agent, without a stream and an executor. */
import type { Coordinator } from '../../coordinator/core.js';
import type { Session } from '../../coordinator/core-ports.js';
import { stayAlive, type Clock } from '../../shared/clock.js';
import { parseWorkerId } from '../../shared/ids.js';
import { limits, PROTOCOL_VERSION } from '../../shared/limits.js';
import type { Assignment, CoordinatorMessage } from '../../shared/protocol.js';
import type { TaskHost } from '../../worker/task/task-host.js';

export interface InProcessWorkerOptions {
  readonly core: Coordinator;
  readonly clock: Clock;
  /** The host that does tasks of this job. */
  readonly hostFor: (assignment: Assignment) => TaskHost;
}

export class InProcessWorker {
  readonly #options: InProcessWorkerOptions;
  #session: Session | undefined;
  /** What is assigned runs one after the other. */
  #queue: Promise<void> = Promise.resolve();
  #running: { readonly assignment: Assignment; readonly host: TaskHost } | undefined;
  #stopped = false;
  #cancelRenewal: () => void = () => undefined;
  /** Between tasks only timers are left; while user code runs, it is up to that code whether the process goes on. */
  #letGo: () => void = stayAlive();

  constructor(options: InProcessWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#session = this.#options.core.openSession(
      {
        protocolVersion: PROTOCOL_VERSION,
        worker: parseWorkerId('test'),
        incarnation: 'test',
        slots: 1,
        host: 'test',
        nodeVersion: process.version,
        running: [],
      },
      { send: (message) => this.#receive(message), close: () => this.stop() },
    );
    this.#renewLater();
  }

  /** No task runs, not even one of a job that was aborted, whose user code may go on. */
  get isIdle(): boolean {
    return this.#running === undefined;
  }

  /** Starts no other task, and tells the one that runs by `ctx.signal`. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#cancelRenewal();
    this.#running?.host.cancel();
    this.#letGo();
  }

  #receive(message: CoordinatorMessage): void {
    for (const assignment of message.assign ?? []) {
      this.#queue = this.#queue.then(() => this.#run(assignment));
    }
    for (const { attempt } of message.cancel ?? []) {
      if (this.#running?.assignment.attempt === attempt) this.#running.host.cancel();
    }
  }

  async #run(assignment: Assignment): Promise<void> {
    if (this.#stopped) return;
    const host = this.#options.hostFor(assignment);
    this.#running = { assignment, host };
    this.#letGo();
    const report = await host.run(assignment);
    this.#running = undefined;
    if (this.#isStopped()) return;
    this.#letGo = stayAlive();
    this.#session?.receive({ reports: [report] });
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  #renewLater(): void {
    this.#cancelRenewal = this.#options.clock.after(limits.leaseRenewMs, () => {
      this.#session?.receive({ renewLease: true });
      this.#renewLater();
    });
  }
}
