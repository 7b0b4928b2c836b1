/**
 * Runs one assignment after the other and reports each exactly once: from an assignment to its task with sources and
 * sinks. The same in an executor and in `runJob`; what differs comes in as options.
 */
import { nextTurn, type Clock } from '../../shared/clock.js';
import { hex64 } from '../../shared/codec/checksum.js';
import { identityOf } from '../../shared/codec/frame.js';
import { failureOf, GristmillError } from '../../shared/errors.js';
import { validateParams } from '../../shared/job/definition.js';
import type { CombineMode } from '../../shared/kernel/combine-mode.js';
import { mergeGroups } from '../../shared/kernel/group-cursor.js';
import type { Kernel } from '../../shared/kernel/kernel.js';
import type { MergeInput } from '../../shared/kernel/merge-input.js';
import { outputNames, storeKeys, type Plan, type PlannedInput, type Split } from '../../shared/plan.js';
import type { Assignment, TaskReport, TaskResult } from '../../shared/protocol.js';
import type { InputRequest, Progress, StageSource, TaskIo } from '../ports.js';
import type { RecordNote } from '../record-note.js';
import { runInspect } from './inspect-task.js';
import { JobRuntime, type LoadedJob, type Prepared } from './job-runtime.js';
import { RowSink, ShuffleSink } from './map-sinks.js';
import { MapTask } from './map-task.js';
import { ReduceTask } from './reduce-task.js';
import { drive } from './steps.js';
import type { Strays } from './strays.js';
import { MapContext, ReduceContext, UserCounters } from './user-context.js';

export interface TaskHostOptions {
  readonly io: TaskIo;
  /** The definition of the assignment's job; asked for once as long as assignments are of one job. */
  readonly load: (assignment: Assignment) => Promise<LoadedJob>;
  /** Made at its first use; no other host uses it. */
  readonly kernel: () => Kernel;
  readonly clock: Clock;
  /** Undefined when an attempt has ended. */
  readonly onProgress: (progress: Progress | undefined) => void;
  /** What a failed attempt threw, before it becomes data. */
  readonly onFailure?: (error: unknown) => void;
  /** Rejections and exceptions that no `await` saw. */
  readonly strays: Strays;
  /** Takes a line of the job's log. */
  readonly log: (line: string) => void;
  /** Keeps in mind at which record a careful attempt is, should it kill this process; absent: it is nobody's but the caller's. */
  readonly noteFor?: (attempt: string) => RecordNote;
  /** How emits are combined; other than `on` only in tests of jobs. */
  readonly combine?: CombineMode;
  /** What `read.items` is called in a message about one of its items. */
  readonly itemsCalled?: string;
}

export class TaskHost {
  private readonly options: TaskHostOptions;
  private runtime: JobRuntime | undefined;
  private controller = new AbortController();

  constructor(options: TaskHostOptions) {
    this.options = options;
  }

  cancel(): void {
    this.controller.abort(new GristmillError('aborted', 'the attempt was cancelled'));
  }

  async run(assignment: Assignment): Promise<TaskReport> {
    const { clock, io, onProgress, onFailure } = this.options;
    const startedMs = clock.monotonic();
    this.controller = new AbortController();
    let result: TaskResult;
    try {
      result = await this.execute(assignment);
      await this.turn();
    } catch (error) {
      onFailure?.(error);
      result = { kind: 'failure', failure: failureOf(error) };
      await nextTurn();
      this.options.strays.forget();
    }
    io.endAttempt();
    onProgress(undefined);
    const { job, attempt } = assignment;
    return { job, attempt, elapsedMs: clock.monotonic() - startedMs, result };
  }

  private async execute(assignment: Assignment): Promise<TaskResult> {
    const { io, load } = this.options;
    if (this.runtime?.job !== assignment.job) {
      this.runtime = new JobRuntime(assignment.job, await load(assignment), io);
    }
    if (assignment.kind === 'inspect') return this.inspect(this.runtime, assignment);
    const prepared = await this.runtime.prepare(this.controller.signal);
    return assignment.kind === 'map'
      ? this.map(this.runtime, prepared, assignment)
      : this.reduce(this.runtime, prepared, assignment);
  }

  private async inspect(runtime: JobRuntime, assignment: Assignment): Promise<TaskResult> {
    const { io, itemsCalled = 'read.items' } = this.options;
    const { inspect: spec } = assignment;
    if (!spec) throw new GristmillError('internal', 'an inspect task without its specification');
    const { definition } = runtime;
    const { csv } = definition.descriptor.source;
    const params = await validateParams(definition.paramsSchema, spec.params);
    return runInspect(assignment, definition, params, {
      findInputs: (uris) => io.findInputs(uris, spec, csv),
      put: (key, bytes) => io.put(key, bytes),
      itemsCalled,
    });
  }

  private async map(runtime: JobRuntime, prepared: Prepared, assignment: Assignment): Promise<TaskResult> {
    const { plan } = prepared;
    const { io, onProgress, noteFor } = this.options;
    const { attempt, index, isCareful } = assignment;
    const kernel = this.options.kernel();
    const splits = plan.maps[index];
    if (!splits) throw new GristmillError('internal', `the plan has no map task ${index}`);
    const toRead = splits.reduce((sum, { start, end }) => sum + end - start, 0);
    const counters = new UserCounters();
    const { definition, mapStack } = runtime;
    const key = storeKeys.shuffle(plan.job, spreadOf(plan, attempt), attempt);
    const shuffled = plan.descriptor.kind === 'reduce';
    const sink = shuffled
      ? new ShuffleSink({
          ...{ kernel, scratch: io, plan, attempt, definition, combine: this.options.combine ?? 'on' },
          open: () => io.openOutput({ to: { in: 'store', key }, attempt }),
        })
      : new RowSink(plan, () => io.openOutput({ to: { in: 'uri', uri: partUri(plan, index) }, attempt }));
    const task = new MapTask({
      plan,
      splits,
      definition,
      mapStack,
      kernel,
      sink,
      context: new MapContext(this.contextOptions(prepared, attempt, counters)),
      openSplit: (input, split) => io.openBytes(inputRequest(input, split)),
      note: isCareful ? noteFor?.(attempt) : undefined,
      onProgress: (records, bytes) => onProgress({ records, bytes, share: shareOf(bytes, toRead) }),
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
    const { io, onProgress } = this.options;
    const { attempt, index, generation, revision, together } = assignment;
    const sources = await io.stage({ generation, revision }, index, together);
    // Footers promise records, and records are what a merge counts.
    const toMerge = sources.reduce((sum, source) => sum + source.records, 0);
    const counters = new UserCounters();
    const { aggregator } = plan.descriptor;
    const groups = mergeGroups({
      kernel: this.options.kernel(),
      memoryBytes: plan.memoryBytes,
      inputs: sources.map((source) => this.inputOf(plan, source, index)),
      recordBytes: Math.max(0, ...sources.map(({ bytes, records }) => Math.ceil(bytes / records))),
      spec: aggregator?.kind === 'built-in' ? aggregator : undefined,
      // With two at a time, more than two sources merge in passes.
      openMax: this.options.combine === 'everywhere' ? 2 : undefined,
      scratch: io,
    });
    const task = new ReduceTask({
      plan,
      definition: runtime.definition,
      mapStack: runtime.mapStack,
      groups,
      context: new ReduceContext(this.contextOptions(prepared, attempt, counters)),
      openPart: () => io.openOutput({ to: { in: 'uri', uri: partUri(plan, index) }, attempt }),
      onProgress: (records, bytes) => onProgress({ records, bytes, share: shareOf(records, toMerge) }),
    });
    const { counts, seal } = await drive(task.run(), () => this.turn());
    return {
      kind: 'reduce',
      generation,
      counts: { ...counts, user: counters.totals() },
      seal,
      declaredSum: sources.reduce((sum, source) => BigInt.asUintN(64, sum + source.sum), 0n),
      declaredRecords: toMerge,
      declaredWeight: sources.reduce((sum, source) => sum + source.weight, 0),
    };
  }

  private inputOf(plan: Plan, source: StageSource, partition: number): MergeInput {
    const { key, attempt, offset, bytes } = source;
    let { local } = source;
    return {
      open: (from) => {
        const request = { kind: 'shuffle', key, offset: offset + from, bytes: bytes - from, local } as const;
        // Whatever is read again is read from the object.
        local = undefined;
        return this.options.io.openBytes(request);
      },
      identity: identityOf(plan.job, attempt),
      partition,
      isCounted: true,
      isFolded: true,
      object: { key, attempt, bytes, isCopiedFirst: local !== undefined },
    };
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

/** What is done of what there is to read. */
function shareOf(done: number, all: number): number {
  return all === 0 ? 0 : Math.min(1, done / all);
}

function inputRequest(input: PlannedInput, split: Split): InputRequest {
  // A line split needs the byte before it, to know whether a line begins there; items begin at their cut.
  const from = input.cuts ? split.start : Math.max(0, split.start - 1);
  return { kind: 'input', uri: input.uri, from, softEnd: split.end, bytes: input.bytes, etag: input.etag };
}

function partUri(plan: Plan, index: number): string {
  return `${plan.output.replace(/\/$/, '')}/${outputNames.part(index, plan.descriptor.sink.format)}`;
}

/** Two hex digits from the attempt. */
function spreadOf(plan: Plan, attempt: string): string {
  return hex64(identityOf(plan.job, attempt)).slice(-2);
}
