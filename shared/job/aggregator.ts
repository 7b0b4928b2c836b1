/** `agg.*`: the engine's own aggregators, named here and run by the data plane. Each is its own combiner. */
import {
  meanSpec,
  partSpec,
  specOfFields,
  type AggregatorSpec,
  type BuiltInSpec,
  type OwnAggregator,
} from '../aggregation.js';
import type { AggregatorName } from '../codec/state.js';
import { described, invalid, notBuilt } from './options.js';
import type { Aggregator, AnyAggregator, BuiltInAggregator } from './types.js';

const AGGREGATOR = Symbol.for('gristmill.aggregator');
const FUNCTIONS = {
  zero: '() => state',
  add: '(state, value) => state',
  merge: '(earlier, later) => state',
  finish: '(state) => result',
};

function builtInSpec(value: unknown): BuiltInSpec | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as { readonly [AGGREGATOR]?: BuiltInSpec })[AGGREGATOR];
}

/** An aggregator of the user's own, by its shape. */
function isOwn(value: unknown): value is Partial<OwnAggregator> {
  return typeof value === 'object' && value !== null && Object.keys(FUNCTIONS).some((name) => name in value);
}

/** What the plan keeps of an aggregator; undefined for anything else. */
export function specOf(value: unknown): AggregatorSpec | undefined {
  return builtInSpec(value) ?? (isOwn(value) ? { kind: 'own' } : undefined);
}

/** The functions of an aggregator of one's own, all of them there; undefined for anything else. */
export function ownAggregatorOf(what: string, value: unknown, job: string): OwnAggregator | undefined {
  if (builtInSpec(value) || !isOwn(value)) return undefined;
  for (const [name, signature] of Object.entries(FUNCTIONS)) {
    const found: unknown = value[name as keyof OwnAggregator];
    if (typeof found === 'function') continue;
    throw invalid(`${what}: ${name} of the aggregator is a function ${signature}, not ${described(found)}`, job);
  }
  return value as OwnAggregator;
}

function builtIn<V, Result>(spec: BuiltInSpec): BuiltInAggregator<V, Result> {
  return Object.freeze({ [AGGREGATOR]: spec }) as unknown as BuiltInAggregator<V, Result>;
}

function refuseColumn(name: AggregatorName | 'mean', column: string | undefined): void {
  if (column !== undefined) throw notBuilt(`agg.${name}(column)`, `emit the column's value and use agg.${name}()`);
}

/** How many values a key has, whatever they are. */
function count(): BuiltInAggregator<unknown, number> {
  return builtIn(partSpec('count'));
}
/** The exact sum, rounded once: it does not depend on the order or the grouping of the values. */
function sum(column?: string): BuiltInAggregator<number, number> {
  refuseColumn('sum', column);
  return builtIn(partSpec('sum'));
}
/** The least value. Nothing is inferred from where the call stands, for within `agg.of` that would be `never`. */
function min<T extends number = number>(column?: string): BuiltInAggregator<NoInfer<T>, NoInfer<T>> {
  refuseColumn('min', column);
  return builtIn(partSpec('min'));
}
/** The greatest value. */
function max<T extends number = number>(column?: string): BuiltInAggregator<NoInfer<T>, NoInfer<T>> {
  refuseColumn('max', column);
  return builtIn(partSpec('max'));
}
/** The exact sum, rounded once, divided by the count: like the sum, it depends on the values alone. */
function mean(column?: string): BuiltInAggregator<number, number> {
  refuseColumn('mean', column);
  return builtIn(meanSpec);
}

/** Not built yet. */
function variance(_column?: string): BuiltInAggregator<number, number> {
  throw notBuilt('agg.variance', 'use an aggregator of your own ({zero, add, merge, finish})');
}
type Parts = Readonly<Record<string, AnyAggregator<never, unknown>>>;
type Results<A> = {
  -readonly [N in keyof A]: A[N] extends BuiltInAggregator<never, infer Out>
    ? Out
    : A[N] extends Aggregator<never, unknown, infer Out>
      ? Out
      : never;
};
/** What every part accepts: the intersection of their value types. */
type ValueOf<A> = {
  [N in keyof A]: A[N] extends AnyAggregator<infer V, unknown> ? (value: V) => void : never;
}[keyof A] extends (value: infer V) => void
  ? V
  : never;
/** Several aggregates of the same values, in one pass: the result is an object of their results. Nests. */
function of<const A extends Parts>(parts: A): BuiltInAggregator<ValueOf<A>, Results<A>> {
  const given: unknown = parts;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`agg.of takes an object such as {n: agg.count(), mean: agg.mean()}, not ${described(given)}`);
  }
  const fields = Object.entries(parts).map(([name, part]) => [name, partOf(name, part)] as const);
  if (fields.length === 0) throw invalid('agg.of takes at least one aggregator, such as {n: agg.count()}');
  return builtIn(specOfFields(fields));
}

function partOf(name: string, part: unknown): BuiltInSpec {
  const spec = specOf(part);
  if (name === '__proto__') throw invalid(`agg.of: a result cannot have a field named ${name}`);
  if (spec === undefined) throw invalid(`agg.of: ${name} is an aggregator, such as agg.sum(), not ${described(part)}`);
  if (spec.kind === 'built-in') return spec;
  throw notBuilt(
    `an aggregator of your own in agg.of (${name})`,
    'let one aggregator of your own keep all that you need, for its state may be an object',
  );
}

export const agg = Object.freeze({ count, sum, min, max, mean, variance, of });
