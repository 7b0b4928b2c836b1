import { describe, expect, test } from 'vitest';
import { meanSpec, partSpec, specOfFields } from '../../../shared/aggregation.js';
import { decodeBlock, type Block } from '../../../shared/codec/block.js';
import { FrameReader, identityOf } from '../../../shared/codec/frame.js';
import { compareBytes, encodeKey } from '../../../shared/codec/key.js';
import { verifyShuffleObject } from '../../../shared/codec/shuffle-object.js';
import { engines, kernels, type Engine, type Output, type OutputOptions } from '../../harness/engines.js';
import { mergeBlocks } from '../../harness/map-tasks.js';
import { randomFrom } from '../../harness/random.js';

const MiB = 1024 * 1024;
const job = 'abcdefghijkl';
const attempt = 'map-00000.1-1';
const identity = identityOf(job, attempt);

function outputOf(engine: Engine, options: Partial<OutputOptions>): Output {
  return engine.output({ partitions: 1, job, attempt, ...options });
}

function objectOf(output: Output) {
  const pieces: Uint8Array[] = [];
  const summary = output.finish((bytes) => pieces.push(bytes));
  return { bytes: new Uint8Array(Buffer.concat(pieces)), summary };
}

function blocksOf(object: Uint8Array, partition: number): Block[] {
  const entry = verifyShuffleObject(object, identity).partitions[partition]!;
  const reader = new FrameReader(identity, partition);
  reader.push(object.subarray(entry.offset, entry.offset + entry.bytes));
  const blocks: Block[] = [];
  for (let payload = reader.next(); payload; payload = reader.next()) blocks.push(decodeBlock(payload));
  return blocks;
}

describe.each(engines)('map output of $name', (engine) => {
  const outputWith = (options: Partial<OutputOptions>) => outputOf(engine, options);

  test('of many records of few keys keeps each key’s values in their order, over many blocks', () => {
    const random = randomFrom(7);
    const output = outputWith({ partitions: 3 });
    const expected = new Map<string, string[]>();
    for (let i = 0; i < 60_000; i++) {
      const key = `${'shared-prefix-'.repeat(random(3))}${random(100)}`;
      const value = `value ${i}`;
      output.emit(key, value);
      output.recordDone();
      expected.set(key, [...(expected.get(key) ?? []), value].slice(-1500));
    }
    const { bytes, summary } = objectOf(output);
    expect(summary).toMatchObject({ records: 60_000, weight: 60_000, combinedIn: 60_000, bytes: bytes.length });
    let groups = 0;
    for (const partition of [0, 1, 2]) {
      const blocks = blocksOf(bytes, partition);
      expect(blocks.length).toBeGreaterThan(1);
      expect(blocks.every(({ kind }) => kind === 'utf8')).toBe(true);
      const cursor = mergeBlocks(engine, [blocks], 2);
      while (cursor.nextGroup()) {
        const values: unknown[] = [];
        while (cursor.nextValue()) values.push(cursor.value());
        expect(values.slice(-1500)).toEqual(expected.get(cursor.key() as string));
        groups++;
      }
    }
    expect(groups).toBe(expected.size);
  });

  test('combines 200,000 emits of 30,000 keys, in records of any length, as a Map would', () => {
    const random = randomFrom(11);
    const output = outputWith({ partitions: 2, aggregator: partSpec('sum') });
    const expected = new Map<string, number>();
    for (let i = 0; i < 200_000;) {
      const fails = random(10) === 0;
      for (let left = random(random(50) === 0 ? 20_000 : 5); left >= 0; left--) {
        const key = `k${random(30_000)}`;
        output.emit(key, 0.5);
        if (!fails) expected.set(key, (expected.get(key) ?? 0) + 0.5);
        if (!fails) i++;
      }
      if (fails) output.recordFailed();
      else output.recordDone();
    }
    const emitted = output.emitted;
    const { bytes, summary } = objectOf(output);
    expect(summary).toMatchObject({ records: expected.size, weight: emitted, combinedIn: emitted });
    const found = new Map<unknown, unknown>();
    for (const partition of [0, 1]) {
      const cursor = mergeBlocks(engine, [blocksOf(bytes, partition)], 2, partSpec('sum'));
      while (cursor.nextGroup()) found.set(cursor.key(), cursor.foldStates());
    }
    expect(found).toEqual(expected);
  });

  test('chooses the cheapest kind that every row of a block fits', () => {
    const kindOf = (values: readonly unknown[]) => {
      const output = outputWith({});
      for (const value of values) output.emit('k', value);
      output.recordDone();
      return blocksOf(objectOf(output).bytes, 0)[0]?.kind;
    };
    expect(kindOf([1, 2.5, NaN, -0])).toBe('f64');
    expect(kindOf(['a', ''])).toBe('utf8');
    expect(kindOf([new Uint8Array(3)])).toBe('bytes');
    expect(kindOf([1, 'a', new Uint8Array(3), null])).toBe('msgpack');
    expect(kindOf([1n])).toBe('msgpack');
  });

  test('refuses keys and values before anything of them is kept', () => {
    const output = outputWith({});
    expect(() => output.emit(NaN, 1)).toThrow(expect.objectContaining({ code: 'key-invalid' }));
    expect(() => output.emit('k', { tags: [new Map()] })).toThrow(/value\.tags\[0\] is of class Map/);
    expect(() => output.emit('k', '\ud800')).toThrow(expect.objectContaining({ code: 'value-invalid' }));
    expect(() => output.emit('k', new Uint8Array(17 * MiB))).toThrow(/larger than 16777216 bytes/);
    output.emit('k', 'good');
    output.recordDone();
    expect(objectOf(output).summary.records).toBe(1);
  });

  test.each([
    ['sum', 'x', /agg\.sum\(\) adds numbers; it was given a value of type string/],
    ['max', NaN, /agg\.max\(\) was given NaN/],
    ['min', null, /agg\.min\(\) was given a value of type null/],
    ['min', '\udc00', /lone surrogate/],
  ] as const)('%s refuses %j', (aggregator, value, message) => {
    const output = outputWith({ aggregator: partSpec(aggregator) });
    expect(() => output.emit('k', value)).toThrow(expect.objectContaining({ code: 'value-invalid' }));
    expect(() => output.emit('k', value)).toThrow(message);
  });

  test.each([
    ['n', meanSpec, 'x', /^agg\.mean\(\) adds numbers; it was given a value of type string/],
    ['n', meanSpec, null, /^agg\.mean\(\) adds numbers; it was given a value of type null/],
    ['mean', specOfFields([['average', meanSpec]]), 1n, /^agg\.mean\(\) as 'average' adds numbers; .* of type bigint/],
    [
      'a field within a field',
      specOfFields([
        ['n', partSpec('count')],
        ['x', specOfFields([['total', partSpec('sum')]])],
      ]),
      '1',
      /^agg\.sum\(\) as 'x\.total' adds numbers/,
    ],
    [
      'NaN where there is an order',
      specOfFields([
        ['sum', partSpec('sum')],
        ['most', partSpec('max')],
      ]),
      NaN,
      /^agg\.max\(\) as 'most' was given NaN/,
    ],
  ] as const)('%s refuses in the name of who was asked for', (_name, aggregator, value, message) => {
    const output = outputWith({ aggregator });
    expect(() => output.emit('k', value)).toThrow(expect.objectContaining({ code: 'value-invalid' }));
    expect(() => output.emit('k', value)).toThrow(message);
    output.emit('k', 5);
    output.recordDone();
    expect(objectOf(output).summary).toMatchObject({ records: 1, weight: 1 });
  });

  test('of several parts is fixed while it can be, and wide from the first row that cannot', () => {
    const aggregator = specOfFields([
      ['n', partSpec('count')],
      ['most', partSpec('max')],
    ]);
    const kindOf = (values: readonly unknown[]) => {
      const output = outputWith({ aggregator });
      values.forEach((value, i) => output.emit(i, value));
      output.recordDone();
      return blocksOf(objectOf(output).bytes, 0).map(({ kind, layout }) => [kind, ...layout]);
    };
    expect(kindOf([1, 2])).toEqual([['state', 'count', 'max']]);
    // The kernels leave the fixed rows before it in a block of their own.
    expect(kindOf([1, 'a', 2]).at(-1)).toEqual(['wide', 'count', 'max']);
  });

  test('goes where the job’s own partition function says', () => {
    const seen: unknown[] = [];
    const output = outputWith({
      partitions: 3,
      partition: (key, count) => {
        seen.push(key);
        return (key as [string, number])[1] % count;
      },
    });
    for (let i = 0; i < 9; i++) output.emit(['x', i], i);
    output.recordDone();
    const { bytes } = objectOf(output);
    expect(verifyShuffleObject(bytes, identity).partitions.map(({ records }) => records)).toEqual([3, 3, 3]);
    expect(seen).toContainEqual(['x', 8]);
  });

  test.each([[() => 3], [() => -1], [() => 0.5], [() => NaN], [() => '0' as unknown as number]])(
    'refuses a partition that is none: %s',
    (partition) => {
      const output = outputWith({ partitions: 3, partition });
      output.emit('k', 1);
      output.recordDone();
      expect(() => objectOf(output)).toThrow(expect.objectContaining({ code: 'partition-failed' }));
    },
  );

  test('names what a partition function threw', () => {
    const partition = () => {
      throw new Error('no such region');
    };
    const output = outputWith({ partitions: 3, partition });
    output.emit('k', 1);
    output.recordDone();
    expect(() => objectOf(output)).toThrow(/partition\(key, 3\) threw: no such region/);
  });
});

describe.each(engines)('a merge of 200 sources by $name', (engine) => {
  const outputWith = (options: Partial<OutputOptions>) => outputOf(engine, options);
  const sources = Array.from({ length: 200 }, (_, task) => {
    const output = outputWith({});
    const random = randomFrom(task);
    const rows = Array.from(
      { length: task % 7 === 0 ? 0 : random(60) },
      (_, i) => [random(40), `${task}:${i}`] as const,
    );
    for (const [key, value] of rows) output.emit(key, value);
    output.recordDone();
    return { rows, blocks: rows.length === 0 ? [] : blocksOf(objectOf(output).bytes, 0) };
  });
  const expected = [...new Set(sources.flatMap(({ rows }) => rows.map(([key]) => key)))]
    .sort((a, b) => compareBytes(encodeKey(a), encodeKey(b)))
    .map((key) => [key, sources.flatMap(({ rows }) => rows.filter(([k]) => k === key).map(([, value]) => value))]);

  test.each([2, 3, 15, 199, 200, 500])('with at most %i open keeps the order of the contract', (openMax) => {
    const cursor = mergeBlocks(
      engine,
      sources.map(({ blocks }) => blocks),
      openMax,
    );
    const groups: unknown[] = [];
    while (cursor.nextGroup()) {
      const values: unknown[] = [];
      while (cursor.nextValue()) {
        values.push(cursor.value());
      }
      groups.push([cursor.key(), values]);
    }
    expect(groups).toEqual(expected);
    expect(cursor.found.records).toBe(sources.reduce((sum, { rows }) => sum + rows.length, 0));
  });

  test.each([2, 3])('refuses states of another layout, with %i open', (openMax) => {
    const both = specOfFields([
      ['n', partSpec('count')],
      ['most', partSpec('max')],
    ]);
    const [one = [], two = []] = [partSpec('count'), both].map((aggregator) => {
      const output = outputWith({ aggregator });
      output.emit('k', 1);
      output.recordDone();
      return blocksOf(objectOf(output).bytes, 0);
    });
    for (const order of [
      [one, two, one],
      [two, one, two],
    ]) {
      for (const spec of [both, partSpec('count')]) {
        const cursor = mergeBlocks(engine, order, openMax, spec);
        const read = () => {
          while (cursor.nextGroup()) cursor.foldStates();
        };
        const message = expect.stringMatching(/hold(s no| different) states/) as string;
        expect(read).toThrow(expect.objectContaining({ code: 'block-corrupt', message }));
      }
    }
  });

  test('refuses a run whose keys do not ascend', () => {
    const { blocks } = sources[1]!;
    const cursor = mergeBlocks(engine, [[...blocks, ...blocks]], 2);
    expect(() => {
      while (cursor.nextGroup());
    }).toThrow(expect.objectContaining({ code: 'block-corrupt' }));
  });
});

test.each([undefined, 'sum'] as const)('a map task that is over its memory spills, and is right (%s)', (aggregator) => {
  const spec = aggregator && partSpec(aggregator);
  const output = outputOf(kernels, { aggregator: spec, memoryBytes: 3 * MiB });
  for (let i = 0; i < 100_000; i++) {
    output.emit(`the key ${i % 50_000}`, i);
    output.recordDone();
  }
  const { bytes, summary } = objectOf(output);
  expect(summary.bytesSpilled).toBeGreaterThan(3 * MiB);
  const cursor = mergeBlocks(kernels, [blocksOf(bytes, 0)], 2, spec);
  let wrong = 0;
  while (cursor.nextGroup()) {
    const first = Number((cursor.key() as string).slice('the key '.length));
    const values: unknown[] = [];
    while (!spec && cursor.nextValue()) values.push(cursor.value());
    const isRight = spec ? cursor.foldStates() === 2 * first + 50_000 : values.join() === `${first},${first + 50_000}`;
    if (!isRight) wrong++;
  }
  expect([cursor.groups, wrong]).toEqual([50_000, 0]);
});
