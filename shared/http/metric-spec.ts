/** What a metric is: the lists of coordinator and worker are made of these, and so are their pages in docs/reference. */

export interface MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** A sentence for `# HELP` and the reference. */
  readonly help: string;
  /** Values of the labels whose series are there from the start, at 0: whoever asks for a rate never sees the first count of others. */
  readonly known?: LabelValues | undefined;
}

export type LabelValues = Readonly<Record<string, readonly string[]>>;

/** By the names that the code has for them. */
export type MetricSpecs = Readonly<Record<string, MetricSpec>>;

export const counter = (name: string, labels: readonly string[], help: string, known?: LabelValues) =>
  ({ name, type: 'counter', labels, help, known }) as const;
export const gauge = (name: string, labels: readonly string[], help: string) =>
  ({ name, type: 'gauge', labels, help }) as const;
export const histogram = (name: string, labels: readonly string[], help: string, known?: LabelValues) =>
  ({ name, type: 'histogram', labels, help, known }) as const;

/** Begins the help of what is looked up when it is asked for. */
export const NOW = 'Now';

type NamesOf<Specs extends MetricSpecs, Type extends MetricSpec['type']> = {
  [Name in keyof Specs]: Specs[Name]['type'] extends Type ? Name : never;
}[keyof Specs];
export type CountersOf<Specs extends MetricSpecs> = NamesOf<Specs, 'counter'>;
export type GaugesOf<Specs extends MetricSpecs> = NamesOf<Specs, 'gauge'>;
export type HistogramsOf<Specs extends MetricSpecs> = NamesOf<Specs, 'histogram'>;
