import { describe, expect, test } from 'vitest';
import { decodeValue, encodeValue } from '../../../shared/codec/value.js';
import { CsvParser, type CsvRecord } from '../../../shared/formats/csv.js';
import { createRowEncoder } from '../../../shared/formats/row-encoder.js';
import type { ColumnType, CsvFormat } from '../../../shared/plan.js';
import { codeOf, messageOf } from './outcome.js';

const commas: CsvFormat = { header: true, delimiter: ',', quote: '"' };
const columns = (types: Readonly<Record<string, ColumnType>>) =>
  Object.entries(types).map(([name, type]) => ({ name, type }));

/** Parses lines under the header `a,b,c`, or another. */
function parser(format: Partial<CsvFormat> = {}, header: readonly string[] = ['a', 'b', 'c']): CsvParser {
  return new CsvParser({ format: { ...commas, ...format }, header, uri: 'file:///m.csv' });
}
const parse = (line: string, format?: Partial<CsvFormat>) => parser(format).parse(line);
const typed = (type: ColumnType, cell: string) => parser({ columns: columns({ x: type }) }, ['x']).parse(cell)['x'];

describe('a line', () => {
  test.each<[string, readonly string[]]>([
    ['1,2,3', ['1', '2', '3']],
    [',,', ['', '', '']],
    [' 1 ,\t2, ', [' 1 ', '\t2', ' ']],
    ['"1","2","3"', ['1', '2', '3']],
    ['"","",""', ['', '', '']],
    ['"a,b",2,"c,"', ['a,b', '2', 'c,']],
    ['"say ""hi""",2,""""', ['say "hi"', '2', '"']],
    ['"""",""",""",', ['"', '","', '']],
    ['5" pipe,a"b,c"', ['5" pipe', 'a"b', 'c"']],
    [' "a" ,2,3', [' "a" ', '2', '3']],
    ['Größe,日本,\u{1f600}', ['Größe', '日本', '\u{1f600}']],
    ['a\rb,\r,"\r"', ['a\rb', '\r', '\r']],
  ])('%j is its cells', (line, cells) => {
    expect(parse(line)).toEqual({ a: cells[0], b: cells[1], c: cells[2] });
  });

  test('is cut at the delimiter and quoted by the quote that were asked for', () => {
    expect(parse("1\t'2\t'''\t3,", { delimiter: '\t', quote: "'" })).toEqual({ a: '1', b: "2\t'", c: '3,' });
    expect(parse('"1;2";"', { delimiter: ';', quote: '' })).toEqual({ a: '"1', b: '2"', c: '"' });
    expect(parse('$a$$b$,2,3', { quote: '$' })).toEqual({ a: 'a$b', b: '2', c: '3' });
    expect(parse('1\u20ac2\u20ac3', { delimiter: '\u20ac' })).toEqual({ a: '1', b: '2', c: '3' });
  });

  test('has only the columns that are wanted, in the order in which they are', () => {
    const record = parse('1,"2",3', { columns: columns({ c: 'number', a: 'string' }) });
    expect(Object.entries(record)).toEqual([
      ['c', 3],
      ['a', '1'],
    ]);
  });

  test('without a header is cells in the order of columns', () => {
    const format: CsvFormat = { ...commas, header: false, columns: columns({ y: 'string', x: 'bigint' }) };
    expect(new CsvParser({ format, uri: 'file:///m.csv' }).parse('1,2')).toEqual({ y: '1', x: 2n });
  });
});

describe('a typed cell', () => {
  test.each([
    '0',
    '-0',
    '+1',
    '1.',
    '.5',
    '-.5',
    '1.50',
    '007',
    '1e3',
    '1E-3',
    '+1.5e+300',
    '123456789012345678901234567890',
  ])('%s is the number that Number says', (cell) => {
    expect(typed('number', cell)).toBe(Number(cell));
    expect(typed('number', ` \t${cell} `)).toBe(Number(cell));
    expect(typed('number', `"${cell}"`)).toBe(Number(cell));
  });

  test.each([
    '',
    ' ',
    '""',
    '.',
    '-',
    '+',
    '1e',
    'e5',
    '1..2',
    '1,5',
    '--1',
    '0x1f',
    'NaN',
    'Infinity',
    '-inf',
    '1_000',
    '1 2',
    '\u0661',
  ])('%j is no number', (cell) => {
    const read = () => parser({ columns: columns({ x: 'number' }), delimiter: ';' }, ['x']).parse(cell);
    expect(codeOf(read)).toBe('record-invalid');
    expect(messageOf(read)).toMatch(/^cell 1, column "x", is .*not a decimal number/);
  });

  test('too large for a number is not infinite', () => {
    expect(messageOf(() => typed('number', '-1e999'))).toContain('is "-1e999", too large for a number');
    expect(typed('number', '1e-999')).toBe(0);
  });

  test('is a boolean or a bigint', () => {
    expect([typed('boolean', 'true'), typed('boolean', ' false'), typed('boolean', '"true"')]).toEqual([
      true,
      false,
      true,
    ]);
    expect([typed('bigint', '-12'), typed('bigint', '+9007199254740993 '), typed('bigint', '"0"')]).toEqual([
      -12n,
      9007199254740993n,
      0n,
    ]);
  });

  test.each<[ColumnType, string, string]>([
    ['boolean', 'True', 'is "True" and not true or false'],
    ['boolean', '1', 'is "1" and not true or false'],
    ['boolean', '', 'is empty and not true or false'],
    ['bigint', '1.0', 'is "1.0" and not an integer'],
    ['bigint', '1n', 'is "1n" and not an integer'],
    ['bigint', '0x10', 'is "0x10" and not an integer'],
    ['bigint', ' ', 'is empty and not an integer'],
    ['number', '', "is empty and not a decimal number (where cells may be empty, make it a 'string' column)"],
    ['number', 'x'.repeat(99), `is "${'x'.repeat(40)}..." and not`],
  ])('of type %s that is %j is refused with the reason', (type, cell, reason) => {
    expect(codeOf(() => typed(type, cell))).toBe('record-invalid');
    expect(messageOf(() => typed(type, cell))).toContain(`cell 1, column "x", ${reason}`);
  });
});

describe('a bad record says what is wrong', () => {
  const numbers = { columns: columns({ b: 'number' }) };
  test.each<[string, Partial<CsvFormat>, string]>([
    ['1,2', {}, 'the record has 2 cells where 3 are expected; cell 3, column "c", is the first that is missing'],
    ['1', {}, 'the record has 1 cell where 3 are expected; cell 2, column "b", is the first that is missing'],
    ['1,2,3,', {}, 'the record has 4 cells where 3 are expected'],
    ['1,2,"3,","4,5",6', numbers, 'the record has 5 cells where 3 are expected'],
    ['Smith, John,2,3', numbers, 'the record has 4 cells where 3 are expected'],
    [
      '1,"2',
      {},
      'the quote that opens cell 2, column "b", is not closed on its line: "\\"2"; a newline ends a record (the option `multiline`',
    ],
    ['1,2,"3""', {}, 'the quote that opens cell 3, column "c", is not closed'],
    ['"1" ,2,3', {}, 'cell 1, column "a", has text after its closing quote: "\\"1\\" ,2,3"'],
    ['"1"2"",2,3', {}, 'cell 1, column "a", has text after its closing quote'],
    ['1,x,3', numbers, 'cell 2, column "b", is "x" and not a decimal number'],
    ['1,"x",3', numbers, 'cell 2, column "b", is "x" and not a decimal number'],
    // Also where nobody wants the cell: what follows it could not be told.
    ['1,2,"3', numbers, 'the quote that opens cell 3, column "c", is not closed'],
    ['1,2,3,"4', {}, 'the quote that opens cell 4 of the record is not closed'],
  ])('%j', (line, format, reason) => {
    expect(codeOf(() => parse(line, format))).toBe('record-invalid');
    expect(messageOf(() => parse(line, format))).toContain(reason);
  });

  test('and the next record is read as if nothing had been', () => {
    const rows = parser({ columns: columns({ a: 'string', b: 'number' }) });
    expect(codeOf(() => rows.parse('left,over'))).toBe('record-invalid');
    expect(rows.parse('1,2,3')).toEqual({ a: '1', b: 2 });
  });
});

describe('a record', () => {
  const rows = parser({ columns: columns({ a: 'string', b: 'number', c: 'bigint' }) });
  const first = () => rows.parse('"x",1.5,7');

  test('that is kept stays as it was', () => {
    const kept = first();
    const copy = { ...kept };
    rows.parse('y,2,8');
    expect(kept).toEqual({ a: 'x', b: 1.5, c: 7n });
    expect(kept).toEqual(copy);
    kept['a'] = 'changed';
    expect(rows.parse('z,3,9')).toEqual({ a: 'z', b: 3, c: 9n });
  });

  test('is a plain object: its keys, its copies and its JSON are what one expects', () => {
    expect(Object.keys(first())).toEqual(['a', 'b', 'c']);
    expect('a' in first() && Object.hasOwn(first(), 'b')).toBe(true);
    expect(structuredClone(first())).toEqual(first());
    const { c, ...rest } = first();
    expect(c).toBe(7n);
    expect(JSON.stringify(rest)).toBe('{"a":"x","b":1.5}');
  });

  test('can be a value, and a row', () => {
    expect(decodeValue(encodeValue(first()))).toEqual({ a: 'x', b: 1.5, c: 7n });
    expect(createRowEncoder('jsonl')(first())).toBe('{"a":"x","b":1.5,"c":7}');
  });

  test('has fields whatever its columns are called', () => {
    const names = ['constructor', 'a"b', "a'b", 'a\\b', '${x}', '`', 'a b', '\u2028', '*/', ']', '3', 'toString'];
    const record: CsvRecord = parser({}, names).parse(names.map((_, i) => `v${i}`).join(','));
    for (const [i, name] of names.entries()) expect(record[name]).toBe(`v${i}`);
    expect(Object.keys(record).sort()).toEqual([...names].sort());
  });

  test('may have thousands of columns', () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `c${i}`);
    expect(Object.keys(parser({}, names).parse(','.repeat(9_999))).length).toBe(10_000);
    expect(codeOf(() => parser({}, [...names, 'one more']))).toBe('header-invalid');
  });
});
