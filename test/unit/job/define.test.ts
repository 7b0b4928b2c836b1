import { describe, expect, test } from 'vitest';
import { partSpec } from '../../../shared/aggregation.js';
import { GristmillError, type ErrorCode } from '../../../shared/errors.js';
import { definitionOf, definitionOfModule } from '../../../shared/job/definition.js';
import * as api from '../../../shared/job/index.js';
import { nearestName } from '../../../shared/job/options.js';

const { agg, defineAggregation, defineJob, defineMap, read, write } = api;

type Options = Record<string, unknown>;
/** Definitions as JavaScript would write them: the compiler refuses most of these earlier. */
const looseJob = defineJob as unknown as (options: unknown) => unknown;
const looseMap = defineMap as unknown as (options: unknown) => unknown;

const good: Options = {
  name: 'word-count',
  input: read.text('books/*.txt'),
  map: (line: string, emit: api.Emit<string, number>) => emit(line, 1),
  reduce: agg.sum(),
  output: write.jsonl('out/words'),
};
const ownAggregator = { zero: () => 0, add: () => 0, merge: () => 0, finish: () => 0 };
const goodMap: Options = { name: 'grep', input: read.text('a.txt'), map: () => undefined, output: write.text('out') };

const looseCsv = (options: Options) => () => read.csv('a', options);

function refusal(action: () => unknown): { code: ErrorCode; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof GristmillError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a definition', () => {
  test('carries its descriptor and functions', () => {
    const definition = definitionOf(looseJob({ ...good, partitions: 3, partition: () => 0, setup: () => 1 }));
    expect(definition.descriptor).toEqual({
      name: 'word-count',
      kind: 'reduce',
      source: { format: 'text', uris: ['books/*.txt'], splitBytes: undefined, itemsPerSplit: undefined },
      sink: { format: 'jsonl', uri: 'out/words' },
      aggregator: partSpec('sum'),
      partitions: 3,
      memoryBytes: undefined,
      speculate: true,
    });
    expect(definition.map).toBe(good['map']);
    expect(definition.reduce).toBeUndefined();
    expect(definition.partition?.('k', 3)).toBe(0);
    expect(definition.setup?.({})).toBe(1);
  });

  test('with a reduce function has no aggregator', () => {
    const reduce = () => undefined;
    const definition = definitionOf(looseJob({ ...good, reduce }));
    expect(definition.reduce).toBe(reduce);
    expect(definition.descriptor.aggregator).toBeUndefined();
  });

  test.each(['count', 'sum', 'min', 'max'] as const)('knows agg.%s by name', (name) => {
    expect(definitionOf(looseJob({ ...good, reduce: agg[name]() })).descriptor.aggregator).toEqual(partSpec(name));
  });

  test('with an aggregator of its own keeps the functions, and the plan says that there are some', () => {
    const definition = definitionOf(looseJob({ ...good, reduce: ownAggregator }));
    expect(definition.aggregator).toBe(ownAggregator);
    expect(definition.descriptor.aggregator).toEqual({ kind: 'own' });
    expect(definition.reduce).toBeUndefined();
    expect(definitionOf(looseJob(good)).aggregator).toBeUndefined();
  });

  test('may combine before a reduce function', () => {
    const combine = () => 1;
    expect(definitionOf(looseJob({ ...good, reduce: () => undefined, combine })).combine).toBe(combine);
  });

  test('shares equal parts of agg.of, in one order, whatever their names and places', () => {
    const given = {
      spread: agg.of({ most: agg.max(), least: agg.min() }),
      mean: agg.mean(),
      sum: agg.sum(),
      n: agg.count(),
    };
    const { aggregator } = definitionOf(looseJob({ ...good, reduce: agg.of(given) })).descriptor;
    expect(aggregator).toEqual({
      kind: 'built-in',
      layout: ['count', 'sum', 'min', 'max'],
      result: {
        kind: 'of',
        fields: [
          [
            'spread',
            {
              kind: 'of',
              fields: [
                ['most', { kind: 'part', part: 3 }],
                ['least', { kind: 'part', part: 2 }],
              ],
            },
          ],
          ['mean', { kind: 'mean', count: 0, sum: 1 }],
          ['sum', { kind: 'part', part: 1 }],
          ['n', { kind: 'part', part: 0 }],
        ],
      },
    });
  });

  test('may name the fields of agg.of as the functions of an aggregator are named', () => {
    expect(() => agg.of({ zero: agg.count(), add: agg.sum(), merge: agg.min(), finish: agg.max() })).not.toThrow();
  });

  test.each([
    ['16MiB', 16 * 2 ** 20],
    ['1.5GiB', 1.5 * 2 ** 30],
    ['3GiB', 3 * 2 ** 30],
    ['20000KiB', 20_000 * 1024],
  ])('takes a memory of %s', (memory, bytes) => {
    expect(definitionOf(looseJob({ ...good, memory })).descriptor.memoryBytes).toBe(bytes);
    expect(definitionOf(looseMap({ ...goodMap, memory })).descriptor.memoryBytes).toBe(bytes);
  });

  test('that is map-only has neither reduce nor partitions', () => {
    const { descriptor, reduce } = definitionOf(looseMap(goodMap));
    expect(descriptor).toMatchObject({ kind: 'map-only', aggregator: undefined, partitions: undefined });
    expect(reduce).toBeUndefined();
  });

  test('keeps items as they were when it was defined', () => {
    const items = [1, 2, 3];
    const definition = definitionOf(looseMap({ ...goodMap, input: read.items(items, { itemsPerSplit: 2 }) }));
    items.push(4);
    expect(definition.items).toEqual([1, 2, 3]);
    expect(definition.descriptor.source).toMatchObject({ format: 'items', uris: [], itemsPerSplit: 2 });
  });

  test('keeps the schema of read.jsonl and the bytes of a split', () => {
    const schema: api.Schema<number> = { '~standard': { version: 1, validate: () => ({ value: 1 }) } };
    const input = read.jsonl(['a.jsonl', 'file:///b.jsonl'], { schema, splitBytes: 1000 });
    const definition = definitionOf(looseMap({ ...goodMap, input }));
    expect(definition.recordSchema).toBe(schema);
    expect(definition.descriptor.source).toMatchObject({ uris: ['a.jsonl', 'file:///b.jsonl'], splitBytes: 1000 });
  });

  test('keeps how read.csv reads, with what it takes for granted', () => {
    const source = (input: unknown) => definitionOf(looseMap({ ...goodMap, input })).descriptor.source;
    expect(source(read.csv('a.csv'))).toEqual({
      format: 'csv',
      uris: ['a.csv'],
      splitBytes: undefined,
      itemsPerSplit: undefined,
      csv: { header: true, delimiter: ',', quote: '"' },
    });
    const columns = { b: 'string', a: 'number' } as const;
    expect(source(read.csv('a', { header: false, columns, delimiter: '\t', quote: '', splitBytes: 9 }))).toMatchObject({
      splitBytes: 9,
      csv: {
        header: false,
        columns: [
          { name: 'b', type: 'string' },
          { name: 'a', type: 'number' },
        ],
        delimiter: '\t',
        quote: '',
      },
    });
  });

  test('ignores options that are undefined', () => {
    expect(() => looseJob({ ...good, combine: undefined, partitions: undefined, memory: undefined })).not.toThrow();
  });
});

describe('what is not built yet throws with its name', () => {
  const job = (extra: Options) => () => looseJob({ ...good, ...extra });
  test.each<[string, () => unknown]>([
    ["'sortValues'", job({ sortValues: () => 1 })],
    ["'order'", job({ order: 'total' })],
    ["'maxBadRecords'", job({ maxBadRecords: 0 })],
    ["'taskTimeout'", job({ taskTimeout: '1h' })],
    ["'attempts'", job({ attempts: 1 })],
    ["'files'", job({ files: {} })],
    ["'secrets'", job({ secrets: [] })],
    ["'concurrency'", job({ concurrency: 1 })],
    ["'rateLimit'", job({ rateLimit: { perSecond: 1 } })],
    ["'limits'", job({ limits: {} })],
    ["onBadRecord: 'skip'", job({ onBadRecord: 'skip' })],
    ["onBadRecord: 'deadLetter'", job({ onBadRecord: 'deadLetter' })],
    ['aggregator of your own in agg.of (x)', () => agg.of({ x: ownAggregator })],
    ['defineAggregation', () => (defineAggregation as unknown as () => unknown)()],
    ['read.words', () => read.words('a.txt')],
    ['read.objects', () => read.objects('a')],
    ['read.tagged', () => read.tagged({ a: read.text('a') })],
    ['read.parquet', () => read.parquet('a')],
    ['read.avro', () => read.avro('a')],
    ['read.job', () => read.job('a')],
    ["'encoding'", () => read.text('a', { encoding: 'latin1' })],
    ["'invalidUtf8'", () => read.text('a', { invalidUtf8: 'replace' })],
    ["'encoding' of read.csv", () => read.csv('a', { encoding: 'latin1' })],
    ["'invalidUtf8' of read.csv", () => read.csv('a', { invalidUtf8: 'replace' })],
    ["'multiline' of read.csv", () => read.csv('a', { multiline: true })],
    ['.gz', () => read.text('logs/*.gz')],
    ['.gz', () => read.csv('logs/*.csv.gz')],
    ['write.csv', () => write.csv('out')],
    ['write.parquet', () => write.parquet('out')],
    ['agg.mean(column)', () => agg.mean('celsius')],
    ['agg.variance', () => agg.variance()],
    ['agg.min(column)', () => agg.min('celsius')],
  ])('%s', (name, action) => {
    const { code, message } = refusal(action);
    expect(code).toBe('not-built-yet');
    expect(message).toContain(name);
    expect(message).toContain('not built yet');
  });
});

describe('what is wrong is refused, saying what to do', () => {
  test.each<[string, RegExp, () => unknown]>([
    [
      'a typo',
      /no option 'partitons', did you mean 'partitions'\? \(known are name, input/,
      () => looseJob({ ...good, partitons: 3 }),
    ],
    ['an option of no kind', /no option 'zzzzzz' \(known are/, () => looseJob({ ...good, zzzzzz: 3 })],
    [
      'a reduce in defineMap',
      /'reduce': a map-only job has no reduce stage, use defineJob/,
      () => looseMap({ ...goodMap, reduce: agg.sum() }),
    ],
    ['partitions in defineMap', /'partitions': a map-only job/, () => looseMap({ ...goodMap, partitions: 2 })],
    ['no options', /takes an object of options, not undefined/, () => looseJob(undefined)],
    ['no name', /name is a string of letters.*not undefined/, () => looseJob({ ...good, name: undefined })],
    ['a name that is a path', /not the string "\.\.\/x"/, () => looseJob({ ...good, name: '../x' })],
    [
      'an input that is a string',
      /input is a source, such as read\.text.*"a\.txt"/,
      () => looseJob({ ...good, input: 'a.txt' }),
    ],
    [
      'an output that is a source',
      /output is a sink, such as write\.jsonl/,
      () => looseJob({ ...good, output: read.text('a') }),
    ],
    ['no map', /map is missing/, () => looseJob({ ...good, map: undefined })],
    ['a map that is no function', /map is a function.*not the number 1/, () => looseJob({ ...good, map: 1 })],
    ['no reduce', /use defineMap/, () => looseJob({ ...good, reduce: undefined })],
    ['agg.sum not called', /reduce is an aggregator.*not an object/, () => looseJob({ ...good, reduce: {} })],
    [
      '0 partitions',
      /partitions is an integer from 1 to 10000, not the number 0/,
      () => looseJob({ ...good, partitions: 0 }),
    ],
    ...(['15MiB', '3073MiB', '64MB', '64', 64, '-64MiB', '1e2MiB', '', ' 64MiB'] as const).map(
      (memory): [string, RegExp, () => unknown] => [
        `a memory of ${JSON.stringify(memory)}`,
        /memory is a size such as '64MiB' or '2GiB', from 16MiB to 3072MiB, not the (string|number)/,
        () => looseJob({ ...good, memory }),
      ],
    ),
    [
      'an aggregator without its functions',
      /merge of the aggregator is a function \(earlier, later\) => state, not undefined/,
      () => looseJob({ ...good, reduce: { ...ownAggregator, merge: undefined } }),
    ],
    [
      'combine with an aggregator',
      /combines by itself: leave combine out/,
      () => looseJob({ ...good, combine: () => 1 }),
    ],
    [
      'combine with an aggregator of its own',
      /combines by itself/,
      () => looseJob({ ...good, reduce: ownAggregator, combine: () => 1 }),
    ],
    [
      'combine that is no function',
      /combine is a function \(earlier, later\) => value, not the string "sum"/,
      () => looseJob({ ...good, reduce: () => undefined, combine: 'sum' }),
    ],
    ['combine in defineMap', /'combine': a map-only job/, () => looseMap({ ...goodMap, combine: () => 1 })],
    ['agg.of nothing', /agg\.of takes at least one aggregator/, () => agg.of({})],
    ['agg.of an aggregator', /agg\.of takes at least one/, () => agg.of(agg.sum() as never)],
    ['agg.of a list', /agg\.of takes an object such as .* not an array/, () => agg.of([agg.sum()] as never)],
    [
      'agg.of a column',
      /x is an aggregator, such as agg\.sum\(\), not the string "y"/,
      () => agg.of({ x: 'y' } as never),
    ],
    [
      'text from an aggregator of its own',
      /use write\.jsonl/,
      () => looseJob({ ...good, reduce: ownAggregator, output: write.text('out') }),
    ],
    ['half partitions', /partitions is an integer/, () => looseJob({ ...good, partitions: 1.5 })],
    [
      'partition that is no function',
      /partition is a function \(key, count\)/,
      () => looseJob({ ...good, partition: 1 }),
    ],
    ['setup that is no function', /setup is a function/, () => looseJob({ ...good, setup: {} })],
    [
      'params that are no schema',
      /params is a Standard Schema validator/,
      () => looseJob({ ...good, params: { min: 1 } }),
    ],
    [
      'an unknown policy',
      /onBadRecord is 'fail', not the string "ignore"/,
      () => looseJob({ ...good, onBadRecord: 'ignore' }),
    ],
    ['text from an aggregator', /use write\.jsonl/, () => looseJob({ ...good, output: write.text('out') })],
    [
      'an unknown option of a source',
      /read\.text has no option 'splitByte', did you mean 'splitBytes'\?/,
      () => read.text('a', { splitByte: 1 } as object),
    ],
    ['splitBytes of items', /items are split by itemsPerSplit/, () => read.items([], { splitBytes: 1 } as object)],
    ['splits of no bytes', /splitBytes is an integer from 1/, () => read.text('a', { splitBytes: 0 })],
    [
      'too many items in a split',
      /itemsPerSplit is an integer from 1 to 1000000/,
      () => read.items([], { itemsPerSplit: 1e7 }),
    ],
    ['items that are no array', /array of records, not the string/, () => read.items('abc' as unknown as [])],
    ['no URI', /at least one path/, () => read.text([])],
    ['an empty URI', /not an empty string/, () => read.text('')],
    ['a URI that is no string', /not the number 1/, () => read.jsonl([1] as unknown as string[])],
    ['an http URI', /not "http:\/\/x\/y"/, () => read.text('http://x/y')],
    ['a glob as output', /no glob: "out\/\*"/, () => write.jsonl('out/*')],
    [
      'an option of a sink',
      /no option 'header' \(it takes none\)/,
      () => write.jsonl('out', { header: true } as never),
    ],
    ['a header that is no boolean', /header is true or false, not the string "no"/, looseCsv({ header: 'no' })],
    ['cells without names', /header: false, columns name the cells in their order/, looseCsv({ header: false })],
    [
      'cells whose order JavaScript changes',
      /moves "10" to the front of an object: call it "column 10"/,
      looseCsv({ header: false, columns: { a: 'string', 10: 'string' } }),
    ],
    ['columns that are a list', /columns is an object such as .*not an array/, looseCsv({ columns: ['a'] })],
    ['no columns', /columns names no column/, looseCsv({ columns: {} })],
    [
      'a column of no type',
      /column "a" is one of 'string', 'number'.*not the string "int"/,
      looseCsv({ columns: { a: 'int' } }),
    ],
    ['a column __proto__', /no record can have a column __proto__/, looseCsv({ columns: { ['__proto__']: 'string' } })],
    ['a long delimiter', /delimiter is one character, not the string "::"/, looseCsv({ delimiter: '::' })],
    ['no delimiter', /delimiter is one character, not the string ""/, looseCsv({ delimiter: '' })],
    ['a delimiter that ends a line', /delimiter is one character/, looseCsv({ delimiter: '\n' })],
    ['half a character', /delimiter is one character/, looseCsv({ delimiter: '\ud83d' })],
    ['a long quote', /quote is one character, or '' where quotes are text/, looseCsv({ quote: '""' })],
    ['a quote that delimits', /delimiter and quote are both ";"/, looseCsv({ quote: ';', delimiter: ';' })],
    ['an unknown option of read.csv', /no option 'seperator'/, looseCsv({ seperator: ';' })],
    ['a schema that is none', /schema is a Standard Schema/, () => read.jsonl('a', { schema: {} as api.Schema<1> })],
  ])('%s', (_name, pattern, action) => {
    const { code, message } = refusal(action);
    expect(message).toMatch(pattern);
    expect(code).toBe('definition-invalid');
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /no default export; write: export default defineJob/],
    ['bare options', { ...good }, /options are not wrapped in defineJob/],
    ['a promise', Promise.resolve(1), /a promise .* await it/],
    ['a function', function main() {}, /is the function main/],
    ['null', null, /is null/],
    ['another version', { [Symbol.for('gristmill.definition')]: { version: 99 } }, /another version of gristmill .*99/],
  ])('a default export that is %s', (_name, value, pattern) => {
    const { code, message } = refusal(() => definitionOf(value));
    expect(message).toMatch(pattern);
    expect(code).toBe('definition-invalid');
  });

  test('a definition that is exported by name is named', () => {
    expect(refusal(() => definitionOfModule({ a: 1, words: looseJob(good) })).message).toMatch(/export default words/);
  });
});

test('the nearest name is near', () => {
  const names = ['partitions', 'partition', 'params', 'reduce'];
  expect(nearestName('partitons', names)).toBe('partitions');
  expect(nearestName('Reduce', names)).toBe('reduce');
  expect(nearestName('x', names)).toBeUndefined();
  expect(nearestName('concurrency', names)).toBeUndefined();
});
