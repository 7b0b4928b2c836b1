/**
 * The engine of one test: the coordinator's core with its journal and committer, and a worker, all in this process over one
 * store in memory. The same parts as of a fleet, without gRPC, executor processes and bundles.
 */
import { Coordinator } from '../../coordinator/core.js';
import type { Outputs } from '../../coordinator/outputs.js';
import type { JobView } from '../../coordinator/job-view.js';
import { Kernel } from '../../shared/kernel/kernel.js';
import { systemClock } from '../../shared/clock.js';
import { failureOf, GristmillError, errorOf, type Failure } from '../../shared/errors.js';
import { claimOutput, releaseClaim } from '../../shared/formats/output-claim.js';
import type { JobId } from '../../shared/ids.js';
import type { LoadedDefinition } from '../../shared/job/definition.js';
import { sourceStack } from '../../shared/job/source-stack.js';
import type { CombineMode } from '../../shared/kernel/combine-mode.js';
import { MemorySpace } from '../../shared/store/memory-space.js';
import { MemoryStore } from '../../shared/store/memory-store.js';
import { Strays } from '../../worker/task/strays.js';
import { TaskHost } from '../../worker/task/task-host.js';
import { InProcessWorker } from './in-process-worker.js';
import { MemoryTaskIo } from './memory-task-io.js';
import { keyIn, OUTPUT_URI } from './places.js';
import { watchStrays } from './stray-watch.js';

export interface EngineJob {
  readonly definition: LoadedDefinition;
  readonly params: Readonly<Record<string, unknown>>;
  readonly combine: CombineMode;
  readonly signal: AbortSignal | undefined;
}

export interface EngineResult {
  readonly outcome: JobView;
  /** The text of each part. */
  readonly parts: readonly string[];
  readonly log: readonly string[];
}

/** Runs the job to its end. Rejects with what failed it, the user's own error as its cause. */
export async function runInMemory(job: EngineJob): Promise<EngineResult> {
  const engine = new MemoryEngine(job);
  return watchStrays(engine.strays, () => engine.run());
}

/** Address space is cheap, and given back only when memory is collected: kernels are used again. */
const idleKernels: Kernel[] = [];

class MemoryEngine {
  readonly strays = new Strays();
  readonly #job: EngineJob;
  readonly #space = new MemorySpace();
  readonly #log: string[] = [];
  /** What failed attempts threw: the journal keeps failures as data, without their causes. */
  readonly #thrown: unknown[] = [];
  #host: TaskHost | undefined;
  #kernel: Kernel | undefined;

  constructor(job: EngineJob) {
    this.#job = job;
  }

  async run(): Promise<EngineResult> {
    const store = new MemoryStore({}, this.#space);
    const random = repeatable();
    const owner = { host: 'test', pid: process.pid, startTime: '', private: true };
    const outputs = outputsIn(store);
    const core = await Coordinator.start({
      store,
      storeUri: '',
      outputs,
      clock: systemClock,
      random,
      owner,
      log: silent,
    });
    const worker = new InProcessWorker({ core, clock: systemClock, hostFor: ({ job }) => this.#hostOf(job) });
    try {
      worker.start();
      return this.#result(await this.#outcome(core));
    } finally {
      worker.stop();
      await core.close();
      if (this.#kernel && worker.isIdle) idleKernels.push(this.#kernel);
    }
  }

  async #outcome(core: Coordinator): Promise<JobView> {
    const { definition, params, signal = new AbortController().signal } = this.#job;
    if (signal.aborted) throw GristmillError.from(signal.reason, 'aborted');
    const { job } = await core.submit({
      requestId: 'test',
      name: definition.descriptor.name,
      codeVersion: '',
      params,
      inputs: [],
      output: OUTPUT_URI,
      baseUri: 'file:///',
      overwrite: false,
      limitRecords: undefined,
      dryRun: false,
    });
    for await (const events of core.watch(job, 0, signal)) {
      for (const event of events) if (event.type === 'outcome') return event.outcome;
    }
    throw new GristmillError('internal', 'the job ended without an outcome', { context: { job } });
  }

  #result(outcome: JobView): EngineResult {
    if (outcome.failure) throw this.#errorOf(outcome.failure);
    if (outcome.state !== 'completed') throw new GristmillError('internal', `the job is ${outcome.state}`);
    const parts = outcome.parts.map((uri) => Buffer.from(this.#space.read(keyIn(uri))).toString());
    return { outcome, parts, log: this.#log };
  }

  #hostOf(job: JobId): TaskHost {
    if (this.#host) return this.#host;
    const { definition, combine } = this.#job;
    const io = new MemoryTaskIo(this.#space, job);
    this.#host = new TaskHost({
      io,
      load: async () => ({ definition, mapStack: sourceStack }),
      kernel: () => (this.#kernel ??= idleKernels.pop() ?? new Kernel()),
      clock: systemClock,
      onProgress: () => undefined,
      onFailure: (error) => this.#thrown.push(error),
      strays: this.strays,
      log: (line) => this.#log.push(line),
      combine,
      itemsCalled: 'input',
    });
    return this.#host;
  }

  /** The very error, so that its cause is what user code threw; made of the failure when the coordinator found it. */
  #errorOf(failure: Failure): GristmillError {
    const same = this.#thrown.findLast((error) => {
      const { code, message } = failureOf(error);
      return code === failure.code && message === failure.message;
    });
    return same instanceof GristmillError ? same : errorOf(failure);
  }
}

function outputsIn(store: MemoryStore): Outputs {
  const placeOf = (output: string) => ({ store, key: keyIn(output) });
  return {
    async claim({ output, ...request }) {
      const place = placeOf(output);
      const { replaces, tookOver } = await claimOutput({ ...request, output, place, clock: systemClock });
      return { replaces, tookOver };
    },
    release: ({ output, job }) => releaseClaim({ job, place: placeOf(output) }),
    storeFor: (output) => ({ store, prefix: `${keyIn(output)}/` }),
  };
}

/** The same bytes in every run, so that ids, and whatever is made of them, are the same. */
function repeatable(): (bytes: number) => Uint8Array {
  let state = 1;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0) >>> 24;
  return (bytes) => Uint8Array.from({ length: bytes }, next);
}

/** What goes wrong is in the outcome. */
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
