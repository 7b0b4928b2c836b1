/** Runs one assignment after the other on the user thread and reports each exactly once. */
import type { Clock } from '../../shared/clock.js';
import { hex64 } from '../../shared/codec/checksum.js';
import { identityOf } from '../../shared/codec/frame.js';
import { failureOf, GristmillError } from '../../shared/errors.js';
import { validateParams } from '../../shared/job/definition.js';
import { mergeGroups } from '../../shared/kernel/merge.js';
import { limits } from '../../shared/limits.js';
import { outputNames, storeKeys, type Plan, type PlannedInput, type Split } from '../../shared/plan.js';
import type { Assignment, TaskReport, TaskResult } from '../../shared/protocol.js';
import { runInspect } from '../task/inspect-task.js';
import { RowSink, ShuffleSink } from '../task/map-sinks.js';
import { MapTask } from '../task/map-task.js';
import { ReduceTask } from '../task/reduce-task.js';
import { FetchedBlocks } from '../task/frame-blocks.js';
import { drive } from '../task/steps.js';
import { MapContext, ReduceContext, UserCounters } from '../task/user-context.js';
import type { JobPlace, StageSource } from './io-requests.js';
import { JobRuntime, type Prepared } from './job-runtime.js';
import { writeProgress } from './progress.js';
import type { Strays } from './strays.js';
import type { UserIo } from './user-io.js';

export interface TaskRunnerOptions {
  readonly io: UserIo;
  readonly progress: SharedArrayBuffer;
  readonly clock: Clock;
  /** Rejections and exceptions that no `await` saw. */
  readonly strays: Strays;
  /** Takes a line of the job's log. */
  readonly log: (line: string) => void;
}

export class TaskRunner {
  private readonly options: TaskRunnerOptions;
  private runtime: JobRuntime | undefined;
  private controller = new AbortController();

  constructor(options: TaskRunnerOptions) {
    this.options = options;
  }

  cancel(): void {
    this.controller.abort(new GristmillError('aborted', 'the attempt was cancelled'));
  }

  async run(place: JobPlace, assignment: Assignment): Promise<TaskReport> {
    const { clock, io, progress } = this.options;
    const startedMs = clock.monotonic();
    this.controller = new AbortController();
    let result: TaskResult;
    try {
      result = await this.execute(place, assignment);
      await this.turn();
    } catch (error) {
      result = { kind: 'failure', failure: failureOf(error) };
      await nextTurn();
      this.options.strays.forget();
    }
    io.endAttempt();
    writeProgress(progress, undefined);
    const { job, attempt } = assignment;
    return { job, attempt, elapsedMs: clock.monotonic() - startedMs, result };
  }

  private async execute(place: JobPlace, assignment: Assignment): Promise<TaskResult> {
    const { io } = this.options;
    if (this.runtime?.job !== place.job) {
      this.runtime = await JobRuntime.load(place.job, assignment.codeVersion, io);
    }
    if (assignment.kind === 'inspect') return this.inspect(this.runtime, assignment);
    const prepared = await this.runtime.prepare(this.controller.signal);
    return assignment.kind === 'map'
      ? this.map(this.runtime, prepared, assignment)
      : this.reduce(this.runtime, prepared, assignment);
  }

  private async inspect(runtime: JobRuntime, assignment: Assignment): Promise<TaskResult> {
    const { io } = this.options;
    const { inspect: spec } = assignment;
    if (!spec) throw new GristmillError('internal', 'an inspect task without its specification');
    const { definition } = runtime;
    const params = await validateParams(definition.paramsSchema, spec.params);
    return runInspect(assignment, definition, params, {
      expandInputs: (uris) => io.call({ name: 'expand-inputs', uris, spec }) as readonly PlannedInput[],
      put: (key, bytes) => io.call({ name: 'put', key, bytes }) as { uri: string; etag: string },
    });
  }

  private async map(runtime: JobRuntime, prepared: Prepared, assignment: Assignment): Promise<TaskResult> {
    const { plan } = prepared;
    const { io } = this.options;
    const { attempt, index } = assignment;
    const splits = plan.maps[index];
    if (!splits) throw new GristmillError('internal', `the plan has no map task ${index}`);
    const counters = new UserCounters();
    const { definition, mapStack } = runtime;
    const key = storeKeys.shuffle(plan.job, spreadOf(plan, attempt), attempt);
    const shuffled = plan.descriptor.kind === 'reduce';
    const sink = shuffled
      ? new ShuffleSink(plan, attempt, definition, () => io.openOutput({ to: { in: 'store', key }, attempt }))
      : new RowSink(plan, () => io.openOutput({ to: { in: 'uri', uri: partUri(plan, index) }, attempt }));
    const task = new MapTask({
      plan,
      splits,
      definition,
      mapStack,
      sink,
      context: new MapContext(this.contextOptions(prepared, attempt, counters)),
      openSplit: (input, split) => io.openBytes(inputRequest(input, split)),
      onProgress: (records, bytes) => writeProgress(this.options.progress, { records, bytes }),
    });
    const { counts, digest, bytes, seal } = await drive(task.run(), () => this.turn());
    const user = counters.totals();
    const common = { kind: 'map', counts: { ...counts, user } } as const;
    return shuffled
      ? { ...common, key, digest, bytes, seal: undefined }
      : { ...common, key: '', digest: 0n, bytes: 0, seal };
  }

  private async reduce(runtime: JobRuntime, prepared: Prepared, assignment: Assignment): Promise<TaskResult> {
    const { plan } = prepared;
    const { io } = this.options;
    const { attempt, index, generation } = assignment;
    const sources = io.call({ name: 'stage', generation, partition: index }) as readonly StageSource[];
    const counters = new UserCounters();
    const groups = mergeGroups({
      sources: sources.map((source) => () => this.openSource(plan, source, index)),
      openMax: limits.mergeSourcesMax,
      scratch: io,
    });
    const task = new ReduceTask({
      plan,
      definition: runtime.definition,
      mapStack: runtime.mapStack,
      groups,
      context: new ReduceContext(this.contextOptions(prepared, attempt, counters)),
      openPart: () => io.openOutput({ to: { in: 'uri', uri: partUri(plan, index) }, attempt }),
      onProgress: (records, bytes) => writeProgress(this.options.progress, { records, bytes }),
    });
    const { counts, seal } = await drive(task.run(), () => this.turn());
    return {
      kind: 'reduce',
      counts: { ...counts, user: counters.totals() },
      seal,
      declaredSum: sources.reduce((sum, source) => BigInt.asUintN(64, sum + source.sum), 0n),
      declaredRecords: sources.reduce((sum, source) => sum + source.records, 0),
      declaredWeight: sources.reduce((sum, source) => sum + source.weight, 0),
    };
  }

  private openSource(plan: Plan, source: StageSource, partition: number): FetchedBlocks {
    const { key, offset, bytes } = source;
    const stream = this.options.io.openBytes({ kind: 'shuffle', key, offset, bytes });
    return new FetchedBlocks(stream, identityOf(plan.job, source.attempt), partition, key);
  }

  private contextOptions(prepared: Prepared, attempt: string, counters: UserCounters) {
    const { params, state } = prepared;
    return { params, state, attempt, counters, signal: this.controller.signal, log: this.options.log };
  }

  /** One turn of the event loop: late emits, rejections and a cancel show here and nowhere else. */
  private async turn(): Promise<void> {
    await nextTurn();
    this.controller.signal.throwIfAborted();
    this.options.strays.throwFirst(this.runtime?.mapStack);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function inputRequest(input: PlannedInput, split: Split) {
  // A line split needs the byte before it, to know whether a line begins there; items begin at their cut.
  const from = input.cuts ? split.start : Math.max(0, split.start - 1);
  return { kind: 'input', uri: input.uri, from, softEnd: split.end, bytes: input.bytes, etag: input.etag } as const;
}

function partUri(plan: Plan, index: number): string {
  return `${plan.output.replace(/\/$/, '')}/${outputNames.part(index, plan.descriptor.sink.format)}`;
}

/** Two hex digits from the attempt. */
function spreadOf(plan: Plan, attempt: string): string {
  return hex64(identityOf(plan.job, attempt)).slice(-2);
}
