/** The real core over stores in memory, with workers that do miniature tasks. For tests without an executor. */
import { pino } from 'pino';
import { Coordinator } from '../../../coordinator/core.js';
import type { CoreOptions, Session } from '../../../coordinator/core-ports.js';
import type { Outputs } from '../../../coordinator/outputs.js';
import type { JobEventView } from '../../../coordinator/job-view.js';
import type { SubmitRequest } from '../../../coordinator/scheduler/records.js';
import { systemClock, type Clock } from '../../../shared/clock.js';
import { failureOf } from '../../../shared/errors.js';
import { claimOutput, releaseClaim } from '../../../shared/formats/output-claim.js';
import { parseWorkerId, type JobId } from '../../../shared/ids.js';
import { PROTOCOL_VERSION } from '../../../shared/limits.js';
import type { Assignment, TaskReport, TaskResult } from '../../../shared/protocol.js';
import { MemoryStore } from '../../../shared/store/memory-store.js';
import type { ObjectStore } from '../../../shared/store/object-store.js';
import { doTask, type MiniatureJob } from '../../simulation/task-work.js';

export const owner = { host: 'test', pid: 1, startTime: '1', private: true } as const;

let draws = 0;

/** Not random, but never the same twice. */
export function random(bytes: number): Uint8Array {
  draws++;
  return Uint8Array.from({ length: bytes }, (_, i) => (draws * 31 + i * 17 + (draws >> (8 * (i % 4)))) & 0xff);
}

export function memoryOutputs(store: ObjectStore): Outputs {
  const keyOf = (output: string) => output.replace(/^memory:/, '');
  return {
    async claim({ output, job, owner: by, overwrite }) {
      const place = { store, key: keyOf(output) };
      const { replaces, tookOver } = await claimOutput({ output, job, owner: by, overwrite, place });
      return { replaces, tookOver };
    },
    release: ({ output, job }) => releaseClaim({ job, place: { store, key: keyOf(output) } }),
    storeFor: (output) => ({ store, prefix: `${keyOf(output)}/` }),
  };
}

export type Behaviour = (assignment: Assignment, work: () => Promise<TaskResult>) => Promise<TaskResult>;

export class MiniatureCluster {
  readonly store: MemoryStore;
  readonly outputStore: MemoryStore;
  readonly outputs: Outputs;
  readonly assigned: Assignment[] = [];
  core!: Coordinator;

  constructor(store = new MemoryStore(), outputStore = new MemoryStore()) {
    this.store = store;
    this.outputStore = outputStore;
    this.outputs = memoryOutputs(this.outputStore);
  }

  readonly #hasLeft = new Set<string>();

  /** The worker goes with its lease, and does not come back. */
  leave(name: string): void {
    this.#hasLeft.add(name);
  }

  /** Told to end: the attempts that a behaviour waits with. */
  readonly onCancel = new Map<string, () => void>();

  async start(clock: Clock = systemClock, more: Partial<CoreOptions> = {}): Promise<this> {
    this.core = await Coordinator.start({
      store: this.store,
      storeUri: 'memory:',
      outputs: this.outputs,
      clock,
      random,
      owner,
      log: pino({ level: 'silent' }),
      ...more,
    });
    return this;
  }

  addWorker(name: string, slots = 2, behaviour: Behaviour = (_assignment, work) => work()): void {
    const registration = {
      protocolVersion: PROTOCOL_VERSION,
      worker: parseWorkerId(name),
      incarnation: name,
      slots,
      host: 'test',
      nodeVersion: process.version,
      running: [],
    };
    const open = (): Session =>
      this.core.openSession(registration, {
        send: (message) => {
          for (const assignment of message.assign ?? []) void run(assignment);
          for (const { attempt } of message.cancel ?? []) this.onCancel.get(attempt)?.();
        },
        // Its lease is over, for nothing renews it: on a machine that stood still it comes back, as a worker does.
        close: (error) => {
          if (!error && !this.#hasLeft.has(name)) queueMicrotask(() => (session = open()));
        },
      });
    const run = async (assignment: Assignment) => {
      this.assigned.push(assignment);
      const work = () => doTask({ store: this.store, storeFor: (output) => this.outputs.storeFor(output) }, assignment);
      const result = await behaviour(assignment, work).catch((thrown: unknown): TaskResult => {
        return { kind: 'failure', failure: failureOf(thrown) };
      });
      const { job, attempt } = assignment;
      const report: TaskReport = { job, attempt, elapsedMs: 1, result };
      session.receive({ reports: [report] });
    };
    let session = open();
  }

  /** Every event of the job, to its outcome. */
  async events(job: JobId): Promise<JobEventView[]> {
    const events: JobEventView[] = [];
    for await (const batch of this.core.watch(job, 0, new AbortController().signal)) events.push(...batch);
    return events;
  }
}

export const miniature: MiniatureJob = {
  kind: 'reduce',
  inputBytes: [70, 0, 5, 33],
  splitBytes: 20,
  partitions: 3,
  output: 'memory:out/a',
};

let requests = 0;

export function request(job: MiniatureJob, more: Partial<SubmitRequest> = {}): SubmitRequest {
  return {
    requestId: `request-${++requests}`,
    name: 'miniature',
    codeVersion: '0'.repeat(64),
    params: { ...job },
    inputs: [],
    output: undefined,
    baseUri: 'file:///',
    overwrite: false,
    limitRecords: undefined,
    dryRun: false,
    ...more,
  };
}
