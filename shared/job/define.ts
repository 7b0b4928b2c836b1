/** `defineJob` and its siblings: everything a definition says is checked here, at the line that says it. */
import { limits } from '../limits.js';
import { ownAggregatorOf, specOf } from './aggregator.js';
import { define, type LoadedDefinition } from './definition.js';
import {
  byteSizeOption,
  described,
  durationOption,
  integerOption,
  invalid,
  notBuilt,
  optionsOf,
  type OptionNames,
} from './options.js';
import { isSchema, type Schema } from './schema.js';
import { sinkDetails } from './sink.js';
import { sourceDetails } from './source.js';
import type { AggregationOptions, Job, JobOptions, Key, MapOptions, RowOf } from './types.js';

const COMMON = ['name', 'input', 'params', 'setup', 'map', 'output', 'onBadRecord', 'memory', 'deadline', 'speculate'];
const COMMON_NOT_BUILT = [
  'maxBadRecords',
  'taskTimeout',
  'attempts',
  'files',
  'secrets',
  'concurrency',
  'rateLimit',
  'limits',
];
const JOB: OptionNames = {
  built: [...COMMON, 'reduce', 'partitions', 'partition', 'combine'],
  notBuilt: [...COMMON_NOT_BUILT, 'sortValues', 'order'],
};
const forReduce = 'a map-only job has no reduce stage, use defineJob';
const MAP_ONLY: OptionNames = {
  built: COMMON,
  notBuilt: COMMON_NOT_BUILT,
  misplaced: Object.fromEntries(
    ['reduce', 'partitions', 'partition', 'combine', 'sortValues', 'order'].map((name) => [name, forReduce]),
  ),
};
const JOB_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

type Options = Readonly<Record<string, unknown>>;
type UserFunction = (...args: unknown[]) => unknown;

/** A job with a reduce stage: `map` emits keys and values, `reduce` sees each key with all its values. */
export function defineJob<R, K extends Key, V, Result, Row, P = object, S = undefined>(
  job: JobOptions<R, K, V, Result, Row, P, S>,
): Job<R, RowOf<K, Result, Row>> {
  const options = optionsOf('defineJob', job, JOB);
  const common = commonParts('defineJob', options);
  const { name, sink } = common.descriptor;
  const aggregator = specOf(options['reduce']);
  const combine = functionOption('defineJob', options, 'combine', '(earlier, later) => value');
  if (aggregator !== undefined && sink.format === 'text') {
    throw invalid(
      `defineJob: an aggregator's rows are {key, value} and write.text takes strings: use write.jsonl`,
      name,
    );
  }
  if (aggregator !== undefined && combine !== undefined) {
    throw invalid('defineJob: an aggregator combines by itself: leave combine out, or reduce with a function', name);
  }
  return define({
    ...common,
    descriptor: {
      ...common.descriptor,
      kind: 'reduce',
      aggregator,
      partitions: integerOption('defineJob', options, 'partitions', 1, limits.partitionsMax),
    },
    reduce: aggregator === undefined ? reduceFunction(options, name) : undefined,
    aggregator: ownAggregatorOf('defineJob', options['reduce'], name),
    combine: combine,
    partition: functionOption(
      'defineJob',
      options,
      'partition',
      '(key, count) => number',
    ) as LoadedDefinition['partition'],
  }) as Job<R, RowOf<K, Result, Row>>;
}

/** A map-only job: what `map` emits is written, in the order of the input. */
export function defineMap<R, Row, P = object, S = undefined>(job: MapOptions<R, Row, P, S>): Job<R, Row> {
  const options = optionsOf('defineMap', job, MAP_ONLY);
  const common = commonParts('defineMap', options);
  return define({
    ...common,
    descriptor: { ...common.descriptor, kind: 'map-only', aggregator: undefined, partitions: undefined },
    reduce: undefined,
    aggregator: undefined,
    combine: undefined,
    partition: undefined,
  }) as Job<R, Row>;
}

/** Not built yet. */
export function defineAggregation<R>(_job: AggregationOptions<R>): Job<R, object> {
  throw notBuilt('defineAggregation', 'use defineJob with an aggregator of agg');
}

function commonParts(what: string, options: Options) {
  const name = nameOption(what, options['name']);
  const { onBadRecord } = options;
  if (onBadRecord !== undefined && onBadRecord !== 'fail') {
    if (onBadRecord !== 'deadLetter' && onBadRecord !== 'skip') {
      throw invalid(`${what}: onBadRecord is 'fail', not ${described(onBadRecord)}`, name);
    }
    throw notBuilt(`onBadRecord: '${onBadRecord}'`, "only 'fail', the default, is");
  }
  const source = sourceDetails(options['input']);
  if (source === undefined) {
    throw invalid(
      `${what}: input is a source, such as read.text('books/*.txt'), not ${described(options['input'])}`,
      name,
    );
  }
  const sink = sinkDetails(options['output']);
  if (sink === undefined) {
    throw invalid(`${what}: output is a sink, such as write.jsonl('out/x'), not ${described(options['output'])}`, name);
  }
  const map = functionOption(what, options, 'map', '(record, emit, ctx) => void');
  if (map === undefined) throw invalid(`${what}: map is missing; it is a function (record, emit, ctx) => void`, name);
  const deadlineMs = durationOption(what, options, 'deadline', limits.deadlineMsMax);
  return {
    descriptor: {
      name,
      source: source.source,
      sink,
      memoryBytes: memoryOption(what, options),
      speculate: speculateOption(what, options, map),
      ...(deadlineMs !== undefined && { deadlineMs }),
    },
    map,
    setup: functionOption(what, options, 'setup', '(ctx) => state'),
    paramsSchema: schemaOption(what, options, name),
    items: source.items,
    recordSchema: source.recordSchema,
  };
}

function nameOption(what: string, name: unknown): string {
  if (typeof name === 'string' && JOB_NAME.test(name)) return name;
  const rule = 'a string of letters, digits, ".", "_" and "-" that begins with a letter or digit, at most 100 long';
  throw invalid(`${what}: name is ${rule}, not ${described(name)}`);
}

function memoryOption(what: string, options: Options): number | undefined {
  return byteSizeOption(what, options, 'memory', limits.memoryBytesMin, limits.memoryBytesMax);
}

/** An async map waits for something outside, which a second attempt would ask for twice: only when the job says so. */
function speculateOption(what: string, options: Options, map: UserFunction): boolean {
  const { speculate } = options;
  // One that only returns a promise is not to be known before it is called.
  if (speculate === undefined) return Object.prototype.toString.call(map) !== '[object AsyncFunction]';
  if (typeof speculate === 'boolean') return speculate;
  throw invalid(`${what}: speculate is true or false, not ${described(speculate)}`, String(options['name']));
}

function functionOption(what: string, options: Options, name: string, signature: string): UserFunction | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (typeof value === 'function') return value as UserFunction;
  throw invalid(`${what}: ${name} is a function ${signature}, not ${described(value)}`, String(options['name']));
}

function reduceFunction(options: Options, name: string): UserFunction {
  const { reduce } = options;
  if (typeof reduce === 'function') return reduce as UserFunction;
  if (reduce === undefined)
    throw invalid('defineJob: reduce is missing; for a job without a reduce stage use defineMap', name);
  throw invalid(
    `defineJob: reduce is an aggregator, such as agg.sum() or {zero, add, merge, finish}, or a function (key, values, emit, ctx), not ${described(reduce)}`,
    name,
  );
}

function schemaOption(what: string, options: Options, name: string): Schema<unknown> | undefined {
  const { params } = options;
  if (params === undefined || isSchema(params)) return params;
  throw invalid(`${what}: params is a Standard Schema validator (zod, valibot, ...), not ${described(params)}`, name);
}
