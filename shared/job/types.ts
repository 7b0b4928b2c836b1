/**
 * The types of the package `gristmill`. A job's types flow from its source, from its aggregator, or from one
 * `emit: Emit<K, V>` annotation: TypeScript infers nothing from calls in a body.
 *
 * source    where records come from (`read.*`)       sink      where rows go (`write.*`)
 * record    one line, object or item handed to `map`  row       what is written to the output
 * emit      hands a key and a value to the reducer, or a row to the output
 */
import type { Atom, Key } from '../codec/key.js';
import type { Schema } from './schema.js';

export type { Atom, Key } from '../codec/key.js';

/** `T` where the codec carries it faithfully, `never` at each place where it does not. */
export type Storable<T> = unknown extends T
  ? T // not known here: checked at run time
  : T extends Atom | undefined | Date
    ? T
    : T extends
          | ((...args: never[]) => unknown)
          | symbol
          | ReadonlySet<unknown>
          | ReadonlyMap<unknown, unknown>
          | PromiseLike<unknown>
      ? never
      : { [P in keyof T]: Storable<T[P]> };

/** Annotate it in `map`: TypeScript cannot see the calls, so this is where K and V are said, once. */
export type Emit<K extends Key, V> = (key: K, value: V & Storable<V>) => void;
/** Annotate it in a reduce function and in the `map` of a map-only job. */
export type EmitRow<Row> = (row: Row) => void;

declare const carries: unique symbol;
/** Where records of type R come from: made by `read.*`. */
export interface Source<out R> {
  readonly [carries]: R;
}
/** Where rows go: made by `write.*`. */
export interface Sink<in Row> {
  readonly [carries]: (row: Row) => void;
}
/** What `defineJob`, `defineMap` and `defineAggregation` return: a job file's default export. */
export interface Job<R, Row> {
  readonly name: string;
  readonly [carries]: readonly [R, Row];
}

/**
 * An aggregator of one's own: synchronous functions over a state that can be stored, as values can. `merge` must be
 * associative and need not be commutative. `add` and `merge` may change the first state that they are given and return it.
 */
export interface Aggregator<in V, State, out Result> {
  /** A state of its own at each call. */
  zero(): State;
  add(state: State, value: V): State;
  /** Called with `earlier` before `later` in input order. */
  merge(earlier: State, later: State): State;
  finish(state: State): Result;
}
/** An aggregator of the engine: made by `agg.*`. */
export interface BuiltInAggregator<in V, out Result> {
  readonly [carries]: (value: V) => Result;
}
export type AnyAggregator<V, Result> = Aggregator<V, unknown, Result> | BuiltInAggregator<V, Result>;

/** AbortSignal where the user's project knows it (lib dom, @types/node), else the part that every project can name. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Known } }
  ? Known
  : { readonly aborted: boolean; readonly reason: unknown };

/** What `setup` gets. */
export interface SetupContext<Params = object> {
  readonly params: Params;
  /** Fires when the attempt is cancelled; of use to asynchronous code alone. */
  readonly signal: Signal;
  /** The local path of a file named in `files`; not built yet. */
  file(name: string): string;
  /** A secret named in `secrets`; not built yet. */
  secret(name: string): string;
}
export interface ReduceContext<Params = object, State = undefined> extends SetupContext<Params> {
  /** What `setup` returned. */
  readonly state: State;
  /** The id of this attempt: `<task>.<epoch>-<n>`. */
  readonly attempt: string;
  /** A counter of the job's own, summed over winning attempts. */
  counter(name: string): Counter;
  /** A line for `gristmill logs`. */
  log(message: string): void;
}
export interface Counter {
  add(n: number): void;
}
export interface MapContext<Params = object, State = undefined> extends ReduceContext<Params, State> {
  readonly record: {
    readonly uri: string;
    /** Of the record's first byte, or the number of the item. */
    readonly offset: number;
    /** Within this attempt. */
    readonly index: number;
  };
  /** The same in every attempt and retry of this record. */
  readonly idempotencyKey: string;
}

export type Done = void | Promise<void>;
/** `values` is a single pass that never needs to fit in memory: a second iteration throws. */
export type Reduce<K extends Key, V, Row, Context> = (
  key: K,
  values: Iterable<V>,
  emit: EmitRow<Row>,
  ctx: Context,
) => Done;

/** `250ms`, `30s`, `15m`, `2h`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h'}`;
/** `512MiB`, `2GiB`. */
export type ByteSize = `${number}${'KiB' | 'MiB' | 'GiB'}`;

/** What every definition takes. */
export interface CommonOptions<R, P, S> {
  /** Letters, digits, `.`, `_` and `-`; it appears on screens and in paths. */
  readonly name: string;
  readonly input: Source<R>;
  /** Any Standard Schema validator (zod, valibot, arktype, one of one's own) of what `--param` gives. */
  readonly params?: Schema<P>;
  /** Once per executor, before its first record; its result is `ctx.state`. */
  readonly setup?: (ctx: SetupContext<P>) => S | Promise<S>;
  /** Only `fail`, the default, is built. */
  readonly onBadRecord?: 'fail' | 'deadLetter' | 'skip';
  /** Not built yet. */
  readonly maxBadRecords?: number;
  /**
   * From the submission on, such as `10m`, or in milliseconds. When it passes, partitions that are finished are published
   * without the rest, and the job ends as `expired`.
   */
  readonly deadline?: Duration | number;
  /** Not built yet. */
  readonly taskTimeout?: Duration;
  /** Not built yet. */
  readonly attempts?: number;
  /** What each executor's kernel may hold, such as `64MiB`: from 16MiB to 3GiB. What user code holds is beside it. */
  readonly memory?: ByteSize;
  /** Not built yet: local paths by name, for `ctx.file(name)`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Not built yet: names for `ctx.secret(name)`. */
  readonly secrets?: readonly string[];
  /** Not built yet: records of an asynchronous map in flight. */
  readonly concurrency?: number;
  /** Not built yet. */
  readonly rateLimit?: { readonly perSecond: number };
  /**
   * Whether a task that is slow late in its stage gets a second attempt on another worker; the first to commit wins. `true`
   * unless `map` is an async function: what it asks for outside would be asked for twice. Results do not depend on it.
   */
  readonly speculate?: boolean;
  /** Not built yet. */
  readonly limits?: Readonly<Record<string, number>>;
}

/** What only a job with a reduce stage takes. */
export interface ReduceOptions<K extends Key, V> {
  /** R, the number of output parts; chosen from the input's size when it is not given. */
  readonly partitions?: number;
  /** The partition of a key, an integer in [0, count); by hash when it is not given. */
  readonly partition?: (key: K, count: number) => number;
  /**
   * Folds values of one key before the shuffle, so that less travels; only beside a reduce function, which sees what it
   * returned. Must be associative; `earlier` was emitted before `later`. It may be called any number of times, or never.
   */
  readonly combine?: (earlier: V, later: V) => V;
  /** Not built yet: the order of a key's values. */
  readonly sortValues?: (value: V) => Key;
  /** Not built yet: keys ascending over all parts. */
  readonly order?: 'total';
}

/** An aggregator's row is {key, value}; a function's row is what it emits. */
export type RowOf<K, Result, Row> = [unknown] extends [Result] ? Row : { key: K; value: Result };
/** K is not known yet when the sink is checked, so only the shape of an aggregator's row is. */
export type Fits<Result, Row> = [unknown] extends [Result] ? Row : { key: never; value: never };

/** The argument of `defineJob`. */
export interface JobOptions<R, K extends Key, V, Result, Row, P, S>
  extends CommonOptions<R, P, S>, ReduceOptions<K, V> {
  readonly map: (record: R, emit: Emit<K, V>, ctx: MapContext<P, S>) => Done;
  readonly reduce: AnyAggregator<V, Result> | Reduce<K, V, Row, ReduceContext<P, S>>;
  readonly output: Sink<Fits<NoInfer<Result>, Row>>;
}
/** The argument of `defineMap`. */
export interface MapOptions<R, Row, P, S> extends CommonOptions<R, P, S> {
  readonly map: (record: R, emit: EmitRow<Row>, ctx: MapContext<P, S>) => Done;
  readonly output: Sink<Row>;
}
/** The argument of `defineAggregation`. */
export interface AggregationOptions<R> {
  readonly name: string;
  readonly input: Source<R>;
  readonly groupBy: readonly (keyof R & string)[];
  readonly select: Readonly<Record<string, AnyAggregator<never, unknown>>>;
  readonly output: Sink<object>;
}
