/** Jobs that must compile: types flow from the source, the aggregator, or one annotation of `emit`. */
import {
  agg,
  defineAggregation,
  defineJob,
  defineMap,
  read,
  write,
  type Emit,
  type EmitRow,
  type Job,
  type Schema,
} from 'gristmill';

type RecordOf<J> = J extends Job<infer R, unknown> ? R : never;
type RowOf<J> = J extends Job<unknown, infer Row> ? Row : never;
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_proof: Same<A, B>): void {}

// Nothing annotated: V is the aggregator's.
export const words = defineJob({
  name: 'word-count',
  input: read.text('books/*.txt'),
  map(line, emit) {
    for (const word of line.toLowerCase().match(/[a-z']+/g) ?? []) emit(word, 1);
  },
  reduce: agg.sum(),
  output: write.jsonl('out'),
});
same<RecordOf<typeof words>, string>(true);

// Annotated: K reaches the row.
export const annotated = defineJob({
  name: 'word-count',
  input: read.text('books/*.txt'),
  map(line, emit: Emit<string, number>) {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: agg.sum(),
  partitions: 3,
  partition: (key, count) => key.length % count,
  output: write.csv('out'),
});
same<RowOf<typeof annotated>, { key: string; value: number }>(true);

interface Post {
  doc: string;
  at: number;
}
// A general reduce: one annotation for each emit.
export const index = defineJob({
  name: 'inverted-index',
  input: read.jsonl<{ id: string; text: string }>('docs/*.jsonl'),
  map(doc, emit: Emit<string, Post>) {
    emit(doc.text, { doc: doc.id, at: 0 });
  },
  reduce(word, posts, emit: EmitRow<{ word: string; docs: string[] }>, ctx) {
    const docs: string[] = [];
    for (const post of posts) docs.push(post.doc);
    ctx.counter('words').add(1);
    emit({ word, docs });
  },
  output: write.jsonl('out'),
});
same<RowOf<typeof index>, { word: string; docs: string[] }>(true);

export const grep = defineMap({
  name: 'grep',
  input: read.text('logs/*.gz', { splitBytes: 1_000_000 }),
  map(line, emit, ctx) {
    if (line.includes('ERROR')) emit(line);
    same<typeof ctx.signal, AbortSignal>(true);
    ctx.log(`${ctx.record.uri} ${ctx.record.offset} ${ctx.idempotencyKey} ${ctx.attempt}`);
  },
  output: write.text('out'),
});
same<RowOf<typeof grep>, string>(true);

// A join by tagging.
export const join = defineJob({
  name: 'join',
  input: read.tagged({
    orders: read.csv('o.csv', { columns: { id: 'string', customer: 'string', total: 'number' } }),
    customers: read.jsonl<{ id: string; name: string }>('c.jsonl'),
  }),
  map({ from, record }, emit: Emit<string, { total: number } | { name: string }>) {
    if (from === 'orders') emit(record.customer, { total: record.total });
    else emit(record.id, { name: record.name });
  },
  reduce(id, values, emit: EmitRow<{ id: string; name: string; total: number }>) {
    let total = 0;
    let name = '';
    for (const value of values) {
      if ('total' in value) total += value.total;
      else name = value.name;
    }
    emit({ id, name, total });
  },
  output: write.csv('out'),
});

// Parameters, setup, secrets, an asynchronous map.
declare const Params: Schema<{ threshold: number }>;
export const enrich = defineMap({
  name: 'enrich',
  input: read.jsonl<{ id: string }>('in.jsonl'),
  params: Params,
  setup: async (ctx) => ({ url: ctx.secret('API'), limit: ctx.params.threshold }),
  async map(record, emit: EmitRow<{ id: string; ok: boolean }>, ctx) {
    await Promise.resolve(ctx.state.url.length + ctx.state.limit + ctx.params.threshold);
    emit({ id: record.id, ok: true });
  },
  output: write.jsonl('out'),
});

/** As libraries declare it: https://standardschema.dev. */
interface StandardSchemaV1<Input, Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
      options?: { readonly libraryOptions?: Record<string, unknown> | undefined } | undefined,
    ) => LibraryResult<Output> | Promise<LibraryResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}
type LibraryResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };
declare const library: StandardSchemaV1<string, { since: string }>;
export const fromLibrary = defineMap({
  name: 'library',
  input: read.jsonl('in.jsonl', { schema: library }),
  params: library,
  map(record, emit, ctx) {
    emit(record.since + ctx.params.since);
  },
  output: write.text('out'),
});
same<RecordOf<typeof fromLibrary>, { since: string }>(true);

// A schema of one's own needs no types property.
const own = {
  '~standard': {
    version: 1 as const,
    validate: (value: unknown) =>
      typeof value === 'object' ? { value: { pattern: 'x' } } : { issues: [{ message: 'no object' }] },
  },
};
export const fromOwnSchema = defineMap({
  name: 'own-schema',
  input: read.items([1, 2, 3], { itemsPerSplit: 1 }),
  params: own,
  map(n, emit, ctx) {
    emit(ctx.params.pattern.repeat(n));
  },
  output: write.text('out'),
});

// Several aggregates at once.
export const temperatures = defineJob({
  name: 'temps',
  input: read.csv('m.csv', { delimiter: ';', columns: { station: 'string', celsius: 'number' } }),
  map(row, emit: Emit<string, number>) {
    emit(row.station, row.celsius);
  },
  reduce: agg.of({ n: agg.count(), mean: agg.mean(), max: agg.max<number>() }),
  output: write.jsonl('out'),
});
same<RowOf<typeof temperatures>, { key: string; value: { n: number; mean: number; max: number } }>(true);
same<RecordOf<typeof temperatures>, { station: string; celsius: number }>(true);

export const cellsAreStrings = defineJob({
  name: 'cells',
  input: read.csv('m.csv'),
  map(row, emit: Emit<string, number>) {
    emit((row['station'] ?? '').trim(), 1);
  },
  reduce: agg.min(),
  output: write.jsonl('out'),
});

export const typedCells = defineMap({
  name: 'typed-cells',
  input: read.csv('m.tsv', {
    header: false,
    columns: { id: 'bigint', name: 'string', ok: 'boolean' },
    delimiter: '\t',
    quote: '',
    splitBytes: 1_000_000,
  }),
  map(row, emit: EmitRow<{ id: bigint; ok: boolean }>) {
    emit({ id: row.id, ok: row.ok && row.name !== '' });
  },
  output: write.jsonl('out'),
});
same<RecordOf<typeof typedCells>, { id: bigint; name: string; ok: boolean }>(true);

// A record is a plain object: it can be a value as it is.
export const wholeRecords = defineJob({
  name: 'whole',
  input: read.csv('m.csv', { header: true, columns: { id: 'string', n: 'number' } }),
  map(row, emit: Emit<string, { id: string; n: number }>) {
    emit(row.id, row);
  },
  reduce(id, rows, emit: EmitRow<{ id: string; n: number }>) {
    for (const { n } of rows) emit({ id, n });
  },
  output: write.jsonl('out'),
});

const cells = read.csv('m.csv', { delimiter: ';' });
export const cellsOfAnyName = defineMap({
  name: 'any-name',
  input: cells,
  map(row, emit: EmitRow<string>) {
    for (const [name, cell] of Object.entries(row)) emit(name + cell);
  },
  output: write.text('out'),
});
same<RecordOf<typeof cellsOfAnyName>, Record<string, string>>(true);

export const tupleKeys = defineJob({
  name: 'by-day-and-place',
  input: read.jsonl<{ day: string; place: string; n: number }>('x'),
  map(record, emit: Emit<readonly [day: string, place: string], number>) {
    emit([record.day, record.place], record.n);
  },
  reduce(key, values, emit: EmitRow<{ day: string; n: number }>) {
    const [day] = key;
    let n = 0;
    for (const value of values) n += value;
    emit({ day, n });
  },
  output: write.csv('out'),
});

export const anyValueIsCounted = defineJob({
  name: 'x',
  input: read.text('x'),
  map(line, emit) {
    emit(line, null);
  },
  reduce: agg.count(),
  output: write.jsonl('o'),
});

// Branded keys, nested values, an asynchronous reduce.
interface Visit {
  x?: number;
  at: Date;
  tags: string[];
  more: { a: 1 | 2 } | null;
  raw?: Uint8Array;
  pair: readonly [string, number];
}
type Brand = string & { readonly brand: 'id' };
export const rich = defineJob({
  name: 'x',
  input: read.text('x'),
  map: (line, emit: Emit<Brand, Visit>) => {
    emit(line as Brand, { at: new Date(), tags: [], more: null, pair: ['a', 1] });
  },
  combine: (a, b) => (a.at < b.at ? a : b),
  sortValues: (visit) => [visit.at.getTime()],
  reduce: async (key, values, emit: EmitRow<{ k: Brand; first: Date }>) => {
    for (const visit of values) {
      await Promise.resolve();
      emit({ k: key, first: visit.at });
      return;
    }
  },
  output: write.csv('x'),
});

// An aggregator of one's own.
const longest = {
  zero: () => '',
  add: (state: string, value: string) => (value.length > state.length ? value : state),
  merge: (earlier: string, later: string) => (later.length > earlier.length ? later : earlier),
  finish: (state: string) => state.length,
};
export const ownAggregator = defineJob({
  name: 'x',
  input: read.text('x'),
  map(line, emit: Emit<string, string>) {
    emit('a', line);
  },
  reduce: longest,
  output: write.jsonl('x'),
});
same<RowOf<typeof ownAggregator>, { key: string; value: number }>(true);

// Aggregates within aggregates, of what every one of them takes.
export const nested = defineJob({
  name: 'x',
  input: read.text('x'),
  map(line, emit: Emit<string, number>) {
    emit(line, line.length);
  },
  reduce: agg.of({ ends: agg.of({ min: agg.min(), max: agg.max() }), mean: agg.mean() }),
  memory: '64MiB',
  output: write.jsonl('x'),
});
same<RowOf<typeof nested>, { key: string; value: { ends: { min: number; max: number }; mean: number } }>(true);

// Combining keeps the values' type.
export const combined = defineJob({
  name: 'x',
  input: read.text('x'),
  map(line, emit: Emit<string, { n: number; longest: string }>) {
    emit('all', { n: 1, longest: line });
  },
  combine: (earlier, later) => ({
    n: earlier.n + later.n,
    longest: later.longest.length > earlier.longest.length ? later.longest : earlier.longest,
  }),
  reduce(key, values, emit: EmitRow<string>) {
    for (const { n, longest } of values) emit(`${key} ${n} ${longest}`);
  },
  memory: '1.5GiB',
  output: write.text('x'),
});

export const declarative = defineAggregation({
  name: 'station-temperatures',
  input: read.csv('measurements/*.csv', { delimiter: ';', columns: { station: 'string', celsius: 'number' } }),
  groupBy: ['station'],
  select: { min: agg.min('celsius'), mean: agg.mean('celsius'), max: agg.max('celsius'), n: agg.count() },
  output: write.csv('out/stations'),
});
