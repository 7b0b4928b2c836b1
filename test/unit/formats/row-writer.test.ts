import { describe, expect, test } from 'vitest';
import { createRowEncoder } from '../../../shared/formats/row-encoder.js';
import { RowWriter } from '../../../shared/formats/row-writer.js';
import { codeOf, messageOf } from './outcome.js';

const json = createRowEncoder('jsonl');
const line = createRowEncoder('text');

describe('a JSONL row', () => {
  test.each<[unknown, string]>([
    [{ key: 'whale', value: 1150 }, '{"key":"whale","value":1150}'],
    [{ b: 1, a: 2 }, '{"b":1,"a":2}'],
    [{ a: undefined, b: { c: undefined } }, '{"b":{}}'],
    [-0, '0'],
    [[-0, 1.5, 1e21], '[0,1.5,1e+21]'],
    [12345678901234567890n, '12345678901234567890'],
    [{ n: -5n, x: [1n, { y: undefined, z: 'ä"\n' }] }, '{"n":-5,"x":[1,{"z":"ä\\"\\n"}]}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ at: new Date(0), n: 1n }, '{"at":"1970-01-01T00:00:00.000Z","n":1}'],
    [Uint8Array.from([1, 2, 255]), '"AQL/"'],
    [{ b: Buffer.from('hi') }, '{"b":"aGk="}'],
    [null, 'null'],
    [Object.assign(Object.create(null) as object, { a: 1 }), '{"a":1}'],
    [JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
  ])('%# is written as it should be', (row, expected) => {
    expect(json(row)).toBe(expected);
  });

  class Point {
    x = 1;
  }
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  test.each<[string, unknown, string]>([
    ['undefined', undefined, 'row: is undefined'],
    ['NaN', { a: [1, NaN] }, 'row.a[1]: is NaN'],
    ['infinity', { 'a-b': -Infinity }, 'row["a-b"]: is -Infinity'],
    ['half a character', { a: 'x\ud800' }, 'row.a: has half a character'],
    ['a key with half a character', { 'x\udc00': 1 }, 'is a key that has half a character'],
    ['a function', { f: () => 1 }, 'row.f: is a function'],
    ['toJSON', { toJSON: () => 1 }, 'row.toJSON: is a function'],
    ['a symbol', [Symbol('s')], 'row[0]: is a symbol'],
    ['a Map', { m: new Map() }, 'row.m: is an instance of Map'],
    ['a Set', { s: new Set() }, 'row.s: is an instance of Set'],
    ['a class instance', { p: [new Point()] }, 'row.p[0]: is an instance of Point'],
    ['a boxed string', { p: Object('s') as unknown }, 'row.p: is an instance of String'],
    ['an invalid Date', { d: new Date(NaN) }, 'row.d: is an invalid Date'],
    ['undefined in an array', { a: [undefined] }, 'row.a[0]: is undefined'],
    ['a hole in an array', { a: new Array(1) }, 'row.a[0]: is undefined'],
    ['a cycle', circular, 'nested deeper than'],
    ['another array of numbers', { f: Float64Array.from([1]) }, 'row.f: is an instance of Float64Array'],
  ])('%s is refused with its path', (_, row, message) => {
    expect(codeOf(() => json(row))).toBe('row-invalid');
    expect(messageOf(() => json(row))).toContain(message);
  });

  test('a row over the limit is refused', () => {
    expect(messageOf(() => json('x'.repeat(16 * 1024 * 1024)))).toContain('the limit is');
    expect(messageOf(() => line('ä'.repeat(9 * 1024 * 1024)))).toContain('the limit is');
    expect(line('ä'.repeat(8 * 1024 * 1024)).length).toBe(8 * 1024 * 1024);
  });
});

describe('a text row', () => {
  test('is the string itself', () => {
    for (const row of ['', 'a b', 'ä\t']) expect(line(row)).toBe(row);
  });

  test.each([1, null, undefined, {}, ['a'], 'a\nb', '\n', 'x\ud800'])('%# is refused', (row) => {
    expect(codeOf(() => line(row))).toBe('row-invalid');
  });
});

describe('RowWriter', () => {
  function collect(format: 'jsonl' | 'text', blockBytes?: number) {
    const blocks: Buffer[] = [];
    const writer = new RowWriter(format, (block) => blocks.push(Buffer.from(block)), blockBytes);
    return { blocks, writer, all: () => Buffer.concat(blocks).toString() };
  }

  test('writes a line for each row, in blocks of at most the block size', () => {
    const { blocks, writer, all } = collect('jsonl', 100);
    const rows = Array.from({ length: 200 }, (_, i) => ({ i, text: 'ä'.repeat(i % 90) }));
    for (const row of rows) writer.emit(row);
    writer.flush();
    writer.flush();
    expect(all()).toBe(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    expect(Math.max(...blocks.map((block) => block.length))).toBeLessThanOrEqual(100);
    expect(writer).toMatchObject({ rows: 200, rowsWritten: 200, bytesWritten: Buffer.byteLength(all()) });
  });

  test('holds rows back until a block is full', () => {
    const { blocks, writer } = collect('text');
    for (let i = 0; i < 1000; i++) writer.emit('x'.repeat(99));
    expect(blocks.length).toBe(0);
    for (let i = 0; i < 2000; i++) writer.emit('x'.repeat(99));
    expect(blocks.length).toBeGreaterThan(0);
    expect(writer.rowsWritten).toBeLessThan(writer.rows);
    writer.flush();
    expect(writer.rowsWritten).toBe(3000);
  });

  test('a refused row leaves nothing behind', () => {
    const { writer, all } = collect('jsonl');
    writer.emit(1);
    expect(codeOf(() => writer.emit(NaN))).toBe('row-invalid');
    writer.emit(2);
    writer.flush();
    expect(all()).toBe('1\n2\n');
    expect(writer).toMatchObject({ rows: 2, rowsWritten: 2 });
  });

  test('an empty writer writes nothing', () => {
    const { blocks, writer } = collect('text');
    writer.flush();
    expect(blocks).toEqual([]);
  });
});
