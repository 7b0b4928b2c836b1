/** `agg.*`: the engine's own aggregators, named here and run by the data plane. Each is its own combiner. */
import type { AggregatorName } from '../codec/state.js';
import { notBuilt } from './options.js';
import type { Aggregator, AnyAggregator, BuiltInAggregator } from './types.js';

const AGGREGATOR = Symbol.for('gristmill.aggregator');

export function aggregatorName(value: unknown): AggregatorName | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as { readonly [AGGREGATOR]?: AggregatorName })[AGGREGATOR];
}

/** An aggregator of the user's own, by its shape. */
export function isOwnAggregator(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && ['zero', 'add', 'merge', 'finish'].some((name) => name in value)
  );
}

function builtIn<V, Result>(name: AggregatorName, column: string | undefined): BuiltInAggregator<V, Result> {
  if (column !== undefined) throw notBuilt(`agg.${name}(column)`, `emit the column's value and use agg.${name}()`);
  return Object.freeze({ [AGGREGATOR]: name }) as unknown as BuiltInAggregator<V, Result>;
}

/** How many values a key has, whatever they are. */
function count(): BuiltInAggregator<unknown, number> {
  return builtIn('count', undefined);
}
/** The exact sum, rounded once: it does not depend on the order or the grouping of the values. */
function sum(column?: string): BuiltInAggregator<number, number> {
  return builtIn('sum', column);
}
function min<T extends number = number>(column?: string): BuiltInAggregator<T, T> {
  return builtIn('min', column);
}
function max<T extends number = number>(column?: string): BuiltInAggregator<T, T> {
  return builtIn('max', column);
}

const instead = 'use a reduce function';
/** Not built yet. */
function mean(_column?: string): BuiltInAggregator<number, number> {
  throw notBuilt('agg.mean', instead);
}
/** Not built yet. */
function variance(_column?: string): BuiltInAggregator<number, number> {
  throw notBuilt('agg.variance', instead);
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
/** Not built yet: several aggregates of the same values. */
function of<const A extends Parts>(_parts: A): BuiltInAggregator<ValueOf<A>, Results<A>> {
  throw notBuilt('agg.of', instead);
}

export const agg = Object.freeze({ count, sum, min, max, mean, variance, of });
