/** `runJob` as a test of a job uses it: what it is given, what it gives back, and that it is the engine of every job. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { runJob } from '../../../client/testing.js';
import { agg, defineJob, defineMap, read, write, type Emit, type EmitRow } from '../../../shared/job/index.js';
import { limits } from '../../../shared/limits.js';

const LINES = ['the whale', 'the sea', 'a whale', 'the end'];

const wordCount = defineJob({
  name: 'word-count',
  input: read.text('books/*.txt'),
  map(line, emit) {
    for (const word of line.split(' ')) emit(word, 1);
  },
  reduce: agg.sum(),
  output: write.jsonl('out/word-count'),
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the rows of a job', () => {
  test('are those that the sink has written, keys ascending', async () => {
    const { rows, parts } = await runJob(wordCount, { input: LINES });
    expect(rows).toEqual([
      { key: 'a', value: 1 },
      { key: 'end', value: 1 },
      { key: 'sea', value: 1 },
      { key: 'the', value: 3 },
      { key: 'whale', value: 2 },
    ]);
    expect(parts).toEqual([rows.map((row) => `${JSON.stringify(row)}\n`).join('')]);
  });

  test('come in the order of the parts, of which there are as many as the job says', async () => {
    const job = defineJob({
      name: 'parts',
      input: read.items<number>([]),
      partitions: 3,
      partition: (key: number, count) => key % count,
      map: (n, emit: Emit<number, number>) => emit(n, n),
      reduce: agg.count(),
      output: write.jsonl('out'),
    });
    const { rows, parts } = await runJob(job, { input: [5, 4, 3, 2, 1, 0] });
    expect(rows.map(({ key }) => key)).toEqual([0, 3, 1, 4, 2, 5]);
    expect(parts).toHaveLength(3);
  });

  test('have dates, bigints and bytes as JSON has them, and lines of text are strings', async () => {
    const job = defineMap({
      name: 'written',
      input: read.items<Date>([]),
      map(at, emit: EmitRow<{ at: Date; n: bigint; bytes: Uint8Array; none?: undefined }>) {
        emit({ at, n: 5n, bytes: Uint8Array.of(1, 2), none: undefined });
      },
      output: write.jsonl('out'),
    });
    const { rows } = await runJob(job, { input: [new Date(0)] });
    const [row] = rows;
    const at: string | undefined = row?.at;
    expect(at).toBe('1970-01-01T00:00:00.000Z');
    expect(row).toEqual({ at, n: 5, bytes: 'AQI=' });
    const text = defineMap({ name: 'x', input: read.text('x'), map: (l, emit) => emit(l), output: write.text('o') });
    expect((await runJob(text, { input: LINES })).rows).toEqual(LINES);
  });

  test('are none for no records', async () => {
    expect(await runJob(wordCount, { input: [] })).toMatchObject({ rows: [], counts: { recordsRead: 0 } });
  });
});

describe('a run of a job', () => {
  test('has several map tasks, so that there is something to shuffle and to merge', async () => {
    expect((await runJob(wordCount, { input: LINES })).mapTasks).toBe(4);
    expect((await runJob(wordCount, { input: LINES, itemsPerSplit: 3 })).mapTasks).toBe(2);
    expect((await runJob(wordCount, { input: Array.from({ length: 1000 }, () => 'a') })).mapTasks).toBe(4);
  });

  test('sets up once, and gives counters, counts and the log of the job', async () => {
    let setups = 0;
    const job = defineJob({
      name: 'counted',
      input: read.jsonl<{ n: number }>('x'),
      setup: () => ++setups,
      map({ n }, emit: Emit<string, number>, ctx) {
        ctx.counter('seen').add(n);
        if (n === 2) ctx.log(`item ${ctx.record.offset} in ${ctx.attempt}, set up ${ctx.state}`);
        emit('all', n);
      },
      reduce: agg.max(),
      output: write.jsonl('out'),
    });
    const run = await runJob(job, { input: [{ n: 1 }, { n: 2 }, { n: 3 }] });
    expect(setups).toBe(1);
    expect(run.counters).toEqual({ seen: 6 });
    expect(run.counts).toMatchObject({ recordsRead: 3, emitted: 3, groups: 1, rows: 1 });
    expect(run.log).toEqual(['item 1 in map-00001.1-1, set up 1']);
  });

  test('takes parameters through the schema of the definition', async () => {
    const params = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (given: unknown) => ({ value: { by: Number((given as { by: string }).by) } }),
      },
    };
    const job = defineMap({
      name: 'times',
      input: read.items<number>([]),
      params,
      map: (n, emit: EmitRow<number>, ctx) => emit(n * ctx.params.by),
      output: write.jsonl('out'),
    });
    expect((await runJob(job, { input: [1, 2], params: { by: '3' } })).rows).toEqual([3, 6]);
  });

  test('does not apply the schema of the source, whose records are given', async () => {
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (line: unknown) =>
          typeof line === 'string' ? { value: new Date(line) } : { issues: [{ message: 'is no line' }] },
      },
    };
    const job = defineMap({
      name: 'years',
      input: read.jsonl<Date>('x', { schema }),
      map: (at, emit: EmitRow<number>) => emit(at.getUTCFullYear()),
      output: write.jsonl('out'),
    });
    expect((await runJob(job, { input: [new Date(0)] })).rows).toEqual([1970]);
  });

  test('is the same however often, and while others run', async () => {
    const one = () => runJob(wordCount, { input: LINES });
    const [first, ...others] = await Promise.all([one(), one(), one()]);
    for (const other of others) expect(other).toEqual(first);
  });

  test('goes on under the fake timers of a test runner', async () => {
    vi.useFakeTimers();
    expect((await runJob(wordCount, { input: LINES })).rows).toHaveLength(5);
  });

  test('streams the values of a key over many blocks', async () => {
    const job = defineJob({
      name: 'long',
      input: read.items<string>([]),
      map: (text, emit: Emit<string, string>) => emit('all', text),
      reduce(_key, values, emit: EmitRow<number>) {
        let length = 0;
        for (const value of values) length += value.length;
        emit(length);
      },
      output: write.jsonl('out'),
    });
    const text = 'x'.repeat(limits.blockBytesTarget);
    expect((await runJob(job, { input: Array.from({ length: 20 }, () => text) })).rows).toEqual([20 * text.length]);
  });
});

describe('what runJob refuses, it refuses by its name', () => {
  test.each([
    ['a string as input', { input: 'the whale' }, /one record for each character/],
    ['a number as input', { input: 1 }, /an array or another iterable of records, not the number 1/],
    ['a line with a newline', { input: ['a', 'b\nc'] }, /item 1, has a newline/],
    ['a line that is no string', { input: [{}] }, /item 0, is an object/],
    ['an unknown option', { input: [], combin: 'off' }, /did you mean 'combine'/],
    ['an unknown mode', { input: [], combine: 'never' }, /'off', 'on' or 'everywhere', not the string "never"/],
    ['no records to a split', { input: [], itemsPerSplit: 0 }, /itemsPerSplit is an integer from 1/],
  ])('%s', async (_what, options, message) => {
    const given = options as unknown as Parameters<typeof runJob<string, unknown>>[1];
    await expect(runJob(wordCount, given)).rejects.toMatchObject({
      code: 'definition-invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  test('a job that defineJob has not made, and a record that cannot be stored', async () => {
    const options = { map: () => undefined, output: {} } as unknown as typeof wordCount;
    await expect(runJob(options, { input: [] })).rejects.toThrow('not wrapped in defineJob');
    const items = defineMap({
      name: 'x',
      input: read.items<unknown>([]),
      map: () => undefined,
      output: write.jsonl('o'),
    });
    await expect(runJob(items, { input: [1, { tags: new Set() }] })).rejects.toThrow(
      /^input, item 1: value.tags is of class Set/,
    );
  });
});
