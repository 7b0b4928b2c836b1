/**
 * The only module that knows `prom-client`: counters, gauges and histograms by the names in a list. Its own figures of
 * the process are not used, because they cannot be stopped again.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CountersOf, GaugesOf, HistogramsOf, LabelValues, MetricSpecs } from './metric-spec.js';

export type Labels = Readonly<Record<string, string>>;

/** From a quick store call to a task of hours. */
const BUCKETS_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200];

export class MetricRegistry<Specs extends MetricSpecs> {
  readonly #registry = new Registry();
  readonly #counters = new Map<PropertyKey, Counter>();
  readonly #gauges = new Map<PropertyKey, Gauge>();
  readonly #histograms = new Map<PropertyKey, Histogram>();

  constructor(specs: Specs) {
    for (const [name, spec] of Object.entries(specs)) {
      const { name: called, help, labels, type } = spec;
      const options = { name: called, help, labelNames: [...labels], registers: [this.#registry] };
      if (type === 'counter') this.#counters.set(name, new Counter(options));
      else if (type === 'gauge') this.#gauges.set(name, new Gauge(options));
      else this.#histograms.set(name, new Histogram({ ...options, buckets: BUCKETS_SECONDS }));
      for (const series of spec.known ? seriesOf(spec.known) : []) {
        this.#counters.get(name)?.inc(series, 0);
        this.#histograms.get(name)?.zero(series);
      }
    }
  }

  add(name: CountersOf<Specs>, amount: number, labels: Labels = {}): void {
    this.#counters.get(name)?.inc(labels, amount);
  }

  /** For a count that something else keeps. */
  setTotal(name: CountersOf<Specs>, total: number): void {
    this.#counters.get(name)?.reset();
    this.#counters.get(name)?.inc(total);
  }

  /** The same, for each value of its labels. */
  setTotals(name: CountersOf<Specs>, totals: Iterable<readonly [Labels, number]>): void {
    this.#counters.get(name)?.reset();
    for (const [labels, total] of totals) this.#counters.get(name)?.inc(labels, total);
  }

  set(name: GaugesOf<Specs>, value: number, labels: Labels = {}): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  observe(name: HistogramsOf<Specs>, seconds: number, labels: Labels): void {
    this.#histograms.get(name)?.observe(labels, seconds);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** Each value of each label with each of the others. */
function seriesOf(known: LabelValues): readonly Labels[] {
  let series: Labels[] = [{}];
  for (const [label, values] of Object.entries(known)) {
    series = series.flatMap((labels) => values.map((value) => ({ ...labels, [label]: value })));
  }
  return series;
}
