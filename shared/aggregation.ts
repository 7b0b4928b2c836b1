/**
 * What an aggregation is, as plain data: which parts its states have and how they make the result. The definition says it, the
 * plan keeps it, and map and reduce both go by it. Aggregators of a job's own are functions, so the plan says only that.
 */
import { LAYOUT_ORDER, type AggregatorName, type Layout } from './codec/state.js';

/** Numbers are places in the layout. */
export type ResultShape =
  | { readonly kind: 'part'; readonly part: number }
  /** The sum, exact and rounded once, divided by the count. */
  | { readonly kind: 'mean'; readonly sum: number; readonly count: number }
  | { readonly kind: 'of'; readonly fields: readonly (readonly [name: string, shape: ResultShape])[] };

export interface BuiltInSpec {
  readonly kind: 'built-in';
  /** Distinct parts in the order of `LAYOUT_ORDER`: what several results need is kept once. */
  readonly layout: Layout;
  readonly result: ResultShape;
}

export type AggregatorSpec = BuiltInSpec | { readonly kind: 'own' };

/** The functions of a job's own aggregator, called as its methods. */
export interface OwnAggregator {
  zero(): unknown;
  add(state: unknown, value: unknown): unknown;
  merge(earlier: unknown, later: unknown): unknown;
  finish(state: unknown): unknown;
}

export function partSpec(part: AggregatorName): BuiltInSpec {
  return { kind: 'built-in', layout: [part], result: { kind: 'part', part: 0 } };
}

export const meanSpec: BuiltInSpec = {
  kind: 'built-in',
  layout: ['count', 'sum'],
  result: { kind: 'mean', count: 0, sum: 1 },
};

/** Several aggregations of the same values under names of their own, over the fewest parts. */
export function specOfFields(fields: readonly (readonly [name: string, spec: BuiltInSpec])[]): BuiltInSpec {
  const layout = LAYOUT_ORDER.filter((part) => fields.some(([, spec]) => spec.layout.includes(part)));
  return {
    kind: 'built-in',
    layout,
    result: { kind: 'of', fields: fields.map(([name, spec]) => [name, moved(spec.result, spec.layout, layout)]) },
  };
}

function moved(shape: ResultShape, from: Layout, to: Layout): ResultShape {
  const place = (part: number) => to.indexOf(from[part] as AggregatorName);
  switch (shape.kind) {
    case 'part':
      return { kind: 'part', part: place(shape.part) };
    case 'mean':
      return { kind: 'mean', count: place(shape.count), sum: place(shape.sum) };
    case 'of':
      return { kind: 'of', fields: shape.fields.map(([name, field]) => [name, moved(field, from, to)]) };
  }
}

/**
 * The result of a key's states. `finishPart` gives what a part of the layout has come to; `isResult` says whether that
 * is a result itself, or goes into one.
 */
export function finishStates(shape: ResultShape, finishPart: (part: number, isResult: boolean) => unknown): unknown {
  switch (shape.kind) {
    case 'part':
      return finishPart(shape.part, true);
    case 'mean':
      return (finishPart(shape.sum, false) as number) / (finishPart(shape.count, false) as number);
    case 'of':
      return Object.fromEntries(shape.fields.map(([name, field]) => [name, finishStates(field, finishPart)]));
  }
}

/** Who asks for a part, as a message names it: `agg.mean()`, or `agg.mean() as 'average'` within `agg.of`. */
export function askerOf({ layout, result }: BuiltInSpec, part: number): string {
  const { call, path } = askerIn(result, layout, part) ?? { call: layout[part] ?? 'of', path: [] };
  return `agg.${call}()${path.length === 0 ? '' : ` as '${path.join('.')}'`}`;
}

interface Asker {
  readonly call: string;
  /** Names of fields, the outermost first. */
  readonly path: readonly string[];
}

function askerIn(shape: ResultShape, layout: Layout, part: number): Asker | undefined {
  switch (shape.kind) {
    case 'part':
      return shape.part === part ? { call: layout[part] ?? '', path: [] } : undefined;
    case 'mean':
      return shape.sum === part || shape.count === part ? { call: 'mean', path: [] } : undefined;
    case 'of':
      for (const [name, field] of shape.fields) {
        const asker = askerIn(field, layout, part);
        if (asker) return { ...asker, path: [name, ...asker.path] };
      }
      return undefined;
  }
}
