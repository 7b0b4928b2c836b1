/** `runJob`: a job over records that are given, run by the real engine in this process, for tests of the job. */
import type { Counts } from '../../shared/counts.js';
import { definitionOf, type LoadedDefinition } from '../../shared/job/definition.js';
import { described, integerOption, invalid, optionsOf } from '../../shared/job/options.js';
import type { Job, Signal } from '../../shared/job/types.js';
import type { CombineMode } from '../../shared/kernel/combine-mode.js';
import { limits } from '../../shared/limits.js';
import { runInMemory } from './engine.js';
import { rowsOf, type Written } from './written-rows.js';

export interface RunJobOptions<R> {
  /** What `map` is given, one after the other: lines for `read.text`, objects for `read.jsonl`, items for `read.items`. */
  readonly input: Iterable<R>;
  /**
   * `on`, the default, combines as a job does that has memory enough; `off` combines nothing before the reduce stage;
   * `everywhere` combines at every place where a job may, in unlucky groups. A job whose combiner or aggregator is right
   * has the same rows in all three.
   */
  readonly combine?: CombineMode;
  /** As `--param` gives them, before the definition's schema. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** Records of each map task; by default so many that there are several map tasks. */
  readonly itemsPerSplit?: number;
  /** Ends the job: `runJob` rejects with `aborted`. */
  readonly signal?: Signal;
}

export interface JobRun<Row> {
  /** In the order of the parts, read back from what the sink has written. */
  readonly rows: Written<Row>[];
  /** The text of each part, byte for byte what a run writes for the same plan. */
  readonly parts: readonly string[];
  /** The job's own counters. */
  readonly counters: Readonly<Record<string, number>>;
  /** Records, emits, groups and rows, as the manifest has them. */
  readonly counts: Counts;
  readonly mapTasks: number;
  /** Lines of `ctx.log`. */
  readonly log: readonly string[];
}

const OPTIONS = { built: ['input', 'combine', 'params', 'itemsPerSplit', 'signal'], notBuilt: [] };
const COMBINE: readonly unknown[] = ['off', 'on', 'everywhere'] satisfies CombineMode[];

/** Records of each map task when the test does not say: so few that runs are merged, and, where it is on, combined. */
function itemsPerSplitOf(records: number, combine: CombineMode): number {
  // Three emits of a key are combined in two ways, so that many have to meet in a task.
  const mapTasks = combine === 'everywhere' ? Math.min(8, Math.floor(records / 3)) : 3;
  const items = Math.floor(records / Math.max(1, mapTasks));
  return Math.min(Math.max(1, items), limits.itemsPerSplitMax);
}

/**
 * Runs the job over the given records, through the planner, the scheduler, the tasks and the committer that every job goes
 * through, in this process and without a file: `map` and `reduce` may be closures. Rejects with a GristmillError that
 * names the place, with what user code threw as its `cause`.
 */
export async function runJob<R, Row>(job: Job<R, Row>, options: RunJobOptions<NoInfer<R>>): Promise<JobRun<Row>> {
  const given = optionsOf('runJob', options, OPTIONS);
  const { combine = 'on', params = {}, signal } = options;
  if (!COMBINE.includes(combine))
    throw invalid(`runJob: combine is 'off', 'on' or 'everywhere', not ${described(combine)}`);
  const loaded = definitionOf(job);
  const records = recordsOf(given['input'], loaded);
  const asked = integerOption('runJob', given, 'itemsPerSplit', 1, limits.itemsPerSplitMax);
  const itemsPerSplit = asked ?? itemsPerSplitOf(records.length, combine);
  const definition = reading(records, itemsPerSplit, loaded);
  const { outcome, parts, log } = await runInMemory({ definition, params, combine, signal });
  const { format } = definition.descriptor.sink;
  return {
    rows: parts.flatMap((text) => rowsOf(text, format)) as Written<Row>[],
    parts,
    counters: outcome.counts.user,
    counts: outcome.counts,
    mapTasks: outcome.stages.find(({ stage }) => stage === 'map')?.tasks ?? 0,
    log,
  };
}

function recordsOf(input: unknown, { descriptor }: LoadedDefinition): readonly unknown[] {
  if (typeof input === 'string') {
    throw invalid("runJob: input is a string, which is one record for each character; give text.split('\\n')");
  }
  if (typeof input !== 'object' || input === null || !(Symbol.iterator in input)) {
    throw invalid(`runJob: input is an array or another iterable of records, not ${described(input)}`);
  }
  const records = [...(input as Iterable<unknown>)];
  if (descriptor.source.format === 'text') for (const [i, record] of records.entries()) checkLine(record, i);
  return records;
}

function checkLine(record: unknown, index: number): void {
  if (typeof record !== 'string') {
    throw invalid(`runJob: input, item ${index}, is ${described(record)}; read.text gives strings`);
  }
  if (record.includes('\n')) {
    throw invalid(`runJob: input, item ${index}, has a newline; read.text gives the lines of a text, one by one`);
  }
}

/** The definition as if its records were items: what a source's schema returns is given, so it does not apply again. */
function reading(items: readonly unknown[], itemsPerSplit: number, definition: LoadedDefinition): LoadedDefinition {
  const source = { format: 'items', uris: [], splitBytes: undefined, itemsPerSplit } as const;
  return { ...definition, descriptor: { ...definition.descriptor, source }, items, recordSchema: undefined };
}
