/** Jobs that must be refused by the compiler, each for the reason beside it. */
import { agg, defineAggregation, defineJob, defineMap, read, write, type Emit, type EmitRow } from 'gristmill';

const text = read.text('x');
const jsonl = write.jsonl('o');

// @ts-expect-error agg.sum wants numbers
defineJob({ name: 'x', input: text, map(line, emit) { emit(line, 'one'); }, reduce: agg.sum(), output: jsonl });
// @ts-expect-error annotated values do not fit the aggregator
defineJob({ name: 'x', input: text, map(line, emit: Emit<string, string>) { emit(line, 'one'); }, reduce: agg.sum(), output: jsonl });
// @ts-expect-error a Date is no key
defineJob({ name: 'x', input: text, map(line, emit: Emit<Date, number>) {}, reduce: agg.sum(), output: jsonl });
// @ts-expect-error a tuple in a tuple is no key
defineJob({ name: 'x', input: text, map(line, emit: Emit<[[string]], number>) {}, reduce: agg.sum(), output: jsonl });
// @ts-expect-error rows of the wrong type for the sink
defineMap({ name: 'x', input: text, map(line, emit: EmitRow<number>) { emit(1); }, output: write.text('o') });
// @ts-expect-error text lines are strings, an aggregator's rows are not
defineJob({ name: 'x', input: text, map(line, emit) { emit(line, 1); }, reduce: agg.sum(), output: write.text('o') });
// @ts-expect-error a reduce's rows of the wrong type
defineJob({ name: 'x', input: text, map(line, emit: Emit<string, number>) {}, reduce(k, vs, emit: EmitRow<number>) { emit(1); }, output: write.text('o') });
defineJob({
  name: 'x',
  input: text,
  // @ts-expect-error a Set is no storable value
  map(line, emit: Emit<string, { tags: Set<string> }>) { emit('a', { tags: new Set<string>() }); },
  reduce(k, vs, emit: EmitRow<string>) {},
  output: write.text('o'),
});
// @ts-expect-error unknown column
defineJob({ name: 'x', input: read.csv('x', { columns: { a: 'number' } }), map(r, emit) { emit(r.b, 1); }, reduce: agg.sum(), output: jsonl });
// @ts-expect-error a cell is a string unless columns say otherwise
defineJob({ name: 'x', input: read.csv('x'), map(r, emit) { emit('a', r.a); }, reduce: agg.sum(), output: jsonl });
// @ts-expect-error a bigint is no number
defineJob({ name: 'x', input: read.csv('x', { columns: { a: 'bigint' } }), map(r, emit) { emit('a', r.a); }, reduce: agg.sum(), output: jsonl });
defineJob({
  name: 'x',
  input: text,
  map(line, emit: Emit<string, number>) {
    // @ts-expect-error the wrong value at the call
    emit(line, 'x');
  },
  reduce: agg.sum(),
  output: jsonl,
});
// The known limit: with reduce before map, V is not known yet.
defineJob({
  name: 'x',
  input: text,
  // @ts-expect-error value is unknown
  reduce(key, values, emit: EmitRow<number>) { let n = 0; for (const value of values) n += value; emit(n); },
  map(line, emit: Emit<string, number>) { emit(line, 1); },
  output: jsonl,
});
const longest = {
  zero: () => '',
  add: (state: string, value: string) => (value.length > state.length ? value : state),
  merge: (earlier: string, later: string) => (later.length > earlier.length ? later : earlier),
  finish: (state: string) => state.length,
};
// @ts-expect-error an aggregator over strings, numbers emitted
defineJob({ name: 'x', input: text, map(line, emit: Emit<string, number>) { emit('a', 1); }, reduce: longest, output: jsonl });
// @ts-expect-error agg.max is of numbers
defineJob({ name: 'x', input: text, map(line, emit: Emit<string, string>) { emit('a', line); }, reduce: agg.max(), output: jsonl });

// @ts-expect-error agg.mean in agg.of wants numbers
defineJob({ name: 'x', input: text, map(line, emit: Emit<string, string>) { emit('a', line); }, reduce: agg.of({ n: agg.count(), mean: agg.mean() }), output: jsonl });
// @ts-expect-error combine returns another type than it takes
defineJob({ name: 'x', input: text, map(line, emit: Emit<string, number>) { emit('a', 1); }, combine: (a, b) => `${a}${b}`, reduce(k, vs, emit: EmitRow<string>) {}, output: jsonl });
// @ts-expect-error combine is synchronous
defineJob({ name: 'x', input: text, map(line, emit: Emit<string, number>) { emit('a', 1); }, combine: async (a, b) => a + b, reduce(k, vs, emit: EmitRow<string>) {}, output: jsonl });

// Names and options.
// @ts-expect-error memory is in KiB, MiB or GiB
defineJob({ name: 'x', input: text, map(line, emit) { emit(line, 1); }, reduce: agg.sum(), output: jsonl, memory: '64MB' });
defineJob({
  name: 'x',
  input: text,
  map(line, emit) { emit(line, 1); },
  reduce: agg.sum(),
  output: jsonl,
  // @ts-expect-error no such option
  partitons: 3,
});
defineMap({
  name: 'x',
  input: text,
  map(line, emit) { emit(line); },
  output: write.text('o'),
  // @ts-expect-error a map-only job has no partitions
  partitions: 3,
});
// @ts-expect-error name is missing
defineMap({ input: text, map(line, emit) { emit(line); }, output: write.text('o') });
// @ts-expect-error input is a source and no string
defineMap({ name: 'x', input: 'x', map(line: string, emit: EmitRow<string>) {}, output: write.text('o') });
// @ts-expect-error output is a sink and no source
defineMap({ name: 'x', input: text, map(line, emit: EmitRow<string>) {}, output: text });
// @ts-expect-error partitions is a number
defineJob({ name: 'x', input: text, map(line, emit) { emit(line, 1); }, reduce: agg.sum(), output: jsonl, partitions: '3' });
// @ts-expect-error order is total
defineJob({ name: 'x', input: text, map(line, emit) { emit(line, 1); }, reduce: agg.sum(), output: jsonl, order: 'some' });
// @ts-expect-error no such option of a source
read.text('x', { splitByte: 1 });
// @ts-expect-error without a header, columns name the cells
read.csv('x', { header: false });
// @ts-expect-error no such type of a column
read.csv('x', { columns: { a: 'integer' } });
// @ts-expect-error columns have types
read.csv('x', { columns: ['a'] });
// @ts-expect-error no such option of read.csv
read.csv('x', { separator: ';' });
// @ts-expect-error items have no bytes
read.items([1], { splitBytes: 1 });
// @ts-expect-error no options of a sink
write.jsonl('o', { header: true });
// @ts-expect-error one output
write.jsonl(['o']);
defineMap({
  name: 'x',
  input: text,
  map(line, emit: EmitRow<string>, ctx) {
    // @ts-expect-error no params were declared
    emit(ctx.params.pattern);
    // @ts-expect-error setup returned nothing
    emit(ctx.state.x);
  },
  output: write.text('o'),
});
// @ts-expect-error no schema
defineMap({ name: 'x', input: text, params: { max: 1 }, map(line, emit: EmitRow<string>) {}, output: write.text('o') });
defineAggregation({
  name: 'x',
  input: read.csv('x', { columns: { a: 'number' } }),
  // @ts-expect-error no such column
  groupBy: ['b'],
  select: { n: agg.count() },
  output: write.csv('o'),
});
