/** CSV against a parser that looks at one character at a time and shares nothing with the engine's. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GristmillError } from '../../../shared/errors.js';
import { CsvParser } from '../../../shared/formats/csv.js';
import { DecimalCells, decimalOf } from '../../../shared/formats/csv-values.js';
import type { CsvFormat, PlannedInput, Plan } from '../../../shared/plan.js';
import { createRecordReader } from '../../../worker/task/record-reader.js';
import { kernel } from '../../harness/engines.js';

/** The cells of a line; undefined when a quote is not closed or has text after it. */
function referenceCells(line: string, delimiter: string, quote: string): string[] | undefined {
  const cells: string[] = [];
  let cell = '';
  let state: 'start' | 'plain' | 'quoted' | 'after a quote' = 'start';
  for (const character of [...Array.from(line), undefined]) {
    const isEnd = character === undefined || character === delimiter;
    if (state === 'quoted') {
      if (character === undefined) return undefined;
      if (character === quote) state = 'after a quote';
      else cell += character;
    } else if (state === 'after a quote' && character === quote) {
      cell += quote;
      state = 'quoted';
    } else if (isEnd) {
      cells.push(cell);
      cell = '';
      state = 'start';
    } else if (state === 'after a quote') {
      return undefined;
    } else if (state === 'start' && character === quote) {
      state = 'quoted';
    } else {
      cell += character;
      state = 'plain';
    }
  }
  return cells;
}

const dialect = fc.constantFrom(
  { delimiter: ',', quote: '"' },
  { delimiter: ';', quote: "'" },
  { delimiter: '\t', quote: '"' },
  { delimiter: '|', quote: '' },
  { delimiter: '$', quote: '&' },
);

const names = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);

/** Cell texts that are full of what matters to the dialect. */
const cellOf = ({ delimiter, quote }: { delimiter: string; quote: string }) =>
  fc
    .array(fc.constantFrom(delimiter, quote, quote + quote, 'a', 'b ', ' ', '\r', 'ö', '\u{1f600}', '12', '$'), {
      maxLength: 6,
    })
    .map((parts) => parts.join(''));

const written = dialect.chain((chosen) =>
  fc.record({
    dialect: fc.constant(chosen),
    cells: fc.array(fc.tuple(cellOf(chosen), fc.boolean()), { minLength: 1, maxLength: 7 }),
  }),
);

function write(cell: string, isQuoted: boolean, { delimiter, quote }: { delimiter: string; quote: string }): string {
  if (quote === '') return cell.replaceAll(delimiter, '');
  const mustQuote = cell.includes(delimiter) || cell.startsWith(quote);
  return isQuoted || mustQuote ? quote + cell.split(quote).join(quote + quote) + quote : cell;
}

function outcome(line: string, format: CsvFormat, count: number): Record<string, unknown> | 'bad' {
  try {
    return new CsvParser({ format, header: names(count), uri: 'file:///x' }).parse(line);
  } catch (error) {
    if (error instanceof GristmillError && error.code === 'record-invalid') return 'bad';
    throw error;
  }
}

function expected(line: string, { delimiter, quote }: CsvFormat, count: number): Record<string, string> | 'bad' {
  const cells = referenceCells(line, delimiter, quote);
  if (cells?.length !== count) return 'bad';
  return Object.fromEntries(cells.map((cell, i) => [`c${i}`, cell]));
}

describe('a line', () => {
  test('comes back as the cells that were written, however they were quoted', () => {
    fc.assert(
      fc.property(written, ({ dialect: chosen, cells }) => {
        const line = cells.map(([cell, isQuoted]) => write(cell, isQuoted, chosen)).join(chosen.delimiter);
        const texts = cells.map(([cell]) => (chosen.quote === '' ? cell.replaceAll(chosen.delimiter, '') : cell));
        const record = outcome(line, { header: true, ...chosen }, cells.length);
        expect(record).toEqual(Object.fromEntries(texts.map((text, i) => [`c${i}`, text])));
      }),
      { numRuns: 5000 },
    );
  });

  test('of any characters is the cells of the reference, or bad where the reference finds it bad', () => {
    const any = dialect.chain((chosen) =>
      fc.record({ dialect: fc.constant(chosen), line: cellOf(chosen), count: fc.integer({ min: 1, max: 4 }) }),
    );
    fc.assert(
      fc.property(any, ({ dialect: chosen, line, count }) => {
        fc.pre(line !== '');
        const format: CsvFormat = { header: true, ...chosen };
        expect(outcome(line, format, count)).toEqual(expected(line, format, count));
      }),
      { numRuns: 20_000 },
    );
  });

  test('has the same cells when only some of them are wanted', () => {
    const some = fc.tuple(written, fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(some, ([{ dialect: chosen, cells }, positions]) => {
        const line = cells.map(([cell, isQuoted]) => write(cell, isQuoted, chosen)).join(chosen.delimiter);
        const wanted = [...new Set(positions.map((position) => `c${position % cells.length}`))];
        const columns = wanted.map((name) => ({ name, type: 'string' as const }));
        const whole = outcome(line, { header: true, ...chosen }, cells.length);
        const part = outcome(line, { header: true, ...chosen, columns }, cells.length);
        const picked = wanted.map((name) => [name, (whole as Record<string, unknown>)[name]]);
        expect(Object.entries(part)).toEqual(picked);
      }),
      { numRuns: 3000 },
    );
  });
});

const DELIMITER = ';';

/** What a number column makes of a cell. */
function referenceDecimal(text: string): number {
  const isDecimal = /^[ \t]*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[ \t]*$/i.test(text);
  return isDecimal && Number.isFinite(Number(text)) ? Number(text) : NaN;
}

describe('a number', () => {
  const digits = fc
    .array(fc.constantFrom(...Array.from('0123456789')), { maxLength: 20 })
    .map((parts) => parts.join(''));
  const decimal = fc
    .tuple(fc.constantFrom('', '-', '+'), digits, fc.option(digits), fc.option(fc.integer({ min: -330, max: 310 })))
    .map(([sign, whole, fraction, exponent]) => {
      return sign + whole + (fraction === null ? '' : `.${fraction}`) + (exponent === null ? '' : `e${exponent}`);
    });

  test('is bit for bit what Number says, wherever it lies in the line', () => {
    fc.assert(
      fc.property(fc.oneof(decimal, fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)), (text) => {
        const number = /\d/.test(text.split('e')[0] ?? '') ? Number(text) : NaN;
        const expected = Number.isFinite(number) ? number : NaN;
        expect(decimalOf(text)).toBe(expected);
        const cells = new DecimalCells();
        for (const [line, start] of [
          [text, 0],
          [`7;${text};7`, 2],
        ] as const) {
          const end = cells.take(line, start, DELIMITER.charCodeAt(0));
          if (end < 0) continue;
          expect([cells.value, end]).toEqual([expected, start + text.length]);
        }
        // What most cells are must not need the closer look.
        if (/^-?\d{1,13}(\.\d)?$/.test(text)) expect(cells.take(text, 0, DELIMITER.charCodeAt(0))).toBe(text.length);
      }),
      { numRuns: 50_000 },
    );
  });

  test('is nothing that Number refuses, and nothing that only Number takes', () => {
    const soup = fc.array(fc.constantFrom(...Array.from('0123456789+-.eExXn_, \tNaInfity')), { maxLength: 8 });
    fc.assert(
      fc.property(soup, (parts) => {
        const text = parts.join('');
        expect(decimalOf(text)).toBe(referenceDecimal(text));
        const cells = new DecimalCells();
        if (cells.take(text, 0, DELIMITER.charCodeAt(0)) >= 0) expect(cells.value).toBe(referenceDecimal(text));
      }),
      { numRuns: 50_000 },
    );
  });

  test('ends with its cell, whatever separates and quotes cells', () => {
    const odd = fc.constantFrom(
      ...[',"', '-"', '+', '5', '."', ';1', ';-', ',.', '\t"'].map(([delimiter = '', quote = '']) => ({
        delimiter,
        quote,
      })),
    );
    const lines = odd.chain(({ delimiter, quote }) => {
      const parts = fc.constantFrom(...Array.from('0123456789+-..e \t'), delimiter, delimiter, quote);
      return fc.record({
        format: fc.constant({ header: true, delimiter, quote }),
        line: fc.array(parts, { maxLength: 12 }).map((all) => all.join('')),
        count: fc.integer({ min: 1, max: 4 }),
      });
    });
    fc.assert(
      fc.property(lines, ({ format, line, count }) => {
        const columns = names(count).map((name) => ({ name, type: 'number' as const }));
        const cells = referenceCells(line, format.delimiter, format.quote)?.map(referenceDecimal);
        const isBad = cells?.length !== count || cells.some(Number.isNaN);
        const record = isBad ? 'bad' : Object.fromEntries(cells.map((cell, i) => [`c${i}`, cell]));
        expect(outcome(line, { ...format, columns }, count)).toEqual(record);
      }),
      { numRuns: 50_000 },
    );
  });
});

interface Read {
  readonly offset: number;
  readonly record: unknown;
}

const source: CsvFormat = { header: true, delimiter: ',', quote: '"' };

/** What a map task reads of a split whose bytes come in chunks. */
function readSplit(bytes: Uint8Array, headerEnd: number, start: number, end: number, chunkBytes: number): Read[] {
  const input: PlannedInput = {
    uri: 'file:///x',
    bytes: bytes.length,
    end: bytes.length,
    etag: '',
    header: { number: 0, end: headerEnd },
  };
  const plan = { descriptor: { source: { format: 'csv', csv: source } }, headers: [['a', 'b']] } as unknown as Plan;
  const reader = createRecordReader(plan, input, { input: 0, start, end }, kernel);
  const read: Read[] = [];
  const take = () => {
    while (reader.next()) read.push({ offset: reader.offset, record: reader.filtered ? 'filtered' : reader.record });
  };
  for (let at = Math.max(0, start - 1); at < bytes.length && !reader.done; at += chunkBytes) {
    const chunk = new Uint8Array(bytes.subarray(at, at + chunkBytes));
    reader.feed(chunk);
    take();
    chunk.fill(0x21);
  }
  if (!reader.done) {
    reader.finish();
    take();
  }
  return read;
}

interface Line {
  readonly text: string;
  readonly record: unknown;
}
const header = fc.constantFrom('a,b\n', '\ufeffa,b\r\n', '\n\r\n"a","b"\n', '\ufeff\na,b\n');
const line: fc.Arbitrary<Line> = fc.constantFrom(
  { text: '1,2', record: { a: '1', b: '2' } },
  { text: '"x,""y""",ö', record: { a: 'x,"y"', b: 'ö' } },
  { text: ',', record: { a: '', b: '' } },
  { text: 'a,b', record: { a: 'a', b: 'b' } }, // as the header, and no header
  { text: '', record: 'filtered' },
);

describe('a file', () => {
  test('gives every record once and no header, whatever the splits and however the bytes arrive', () => {
    const file = fc.tuple(header, fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n')), { maxLength: 8 }));
    const bounds = fc.array(fc.nat({ max: 90 }), { maxLength: 6 });
    fc.assert(
      fc.property(file, bounds, fc.integer({ min: 1, max: 20 }), ([head, lines], cuts, chunkBytes) => {
        const bytes = Buffer.from(head + lines.map(([{ text }, ending]) => text + ending).join(''));
        const headerEnd = Buffer.byteLength(head);
        let offset = headerEnd;
        const all = lines.map(([{ text, record }, ending]) => {
          const read = { offset, record };
          offset += Buffer.byteLength(text + ending);
          return read;
        });
        const inside = cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b);
        const points = [0, ...inside, bytes.length];
        const found = points.slice(1).flatMap((end, i) => {
          return readSplit(bytes, headerEnd, points[i] as number, end, chunkBytes);
        });
        expect(found).toEqual(all);
      }),
      { numRuns: 3000 },
    );
  });

  test('is cut at any byte', () => {
    const text = '\ufeff\r\n"a","b"\r\n1,"2"\n\r\n"ä,""",\u{1f600}\n,';
    const bytes = Buffer.from(text);
    const headerEnd = bytes.indexOf('1,');
    const all = readSplit(bytes, headerEnd, 0, bytes.length, bytes.length);
    expect(all.map(({ record }) => record)).toEqual([
      { a: '1', b: '2' },
      'filtered',
      { a: 'ä,"', b: '\u{1f600}' },
      { a: '', b: '' },
    ]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      for (const chunkBytes of [1, 2, 7, 100]) {
        const halves = [
          ...readSplit(bytes, headerEnd, 0, cut, chunkBytes),
          ...readSplit(bytes, headerEnd, cut, bytes.length, chunkBytes),
        ];
        expect(halves).toEqual(all);
      }
    }
  });
});
