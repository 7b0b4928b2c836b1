/** Cells of CSV cut by the kernel, against lines split by JavaScript: which lines are cut, and what of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CELL_NUMBER, CELL_STRING, CELL_UNWANTED, CellBlock } from '../../../shared/kernel/cell-block.js';
import { TextBlock } from '../../../shared/kernel/text-block.js';
import { kernel } from '../../harness/engines.js';

interface Dialect {
  readonly delimiter: string;
  readonly quote: string;
}

/** What the line has for each wanted cell; undefined when it needs a closer look. */
function expected(line: string, { delimiter, quote }: Dialect, kinds: readonly number[]): unknown[] | undefined {
  const cells = line.split(delimiter);
  if (line === '' || /[^\0-\xff]/.test(line) || cells.length !== kinds.length) return undefined;
  if (quote !== '' && cells.some((cell) => cell.startsWith(quote))) return undefined;
  const values = cells.map((cell, i) => {
    if (kinds[i] === CELL_STRING) return cell;
    if (kinds[i] === CELL_UNWANTED) return undefined;
    const digits = cell.replace(/\D/g, '').length;
    return /^[+-]?\d*\.?\d*$/.test(cell) && digits >= 1 && digits <= 15 ? Number(cell) : NaN;
  });
  return values.some(Number.isNaN) ? undefined : values;
}

const dialects = fc.constantFrom<Dialect>(
  { delimiter: ',', quote: '"' },
  { delimiter: ';', quote: '' },
  { delimiter: '\t', quote: "'" },
  { delimiter: '\0', quote: '"' },
  { delimiter: 'ÿ', quote: 'é' },
  { delimiter: '|', quote: '\u201c' },
);
const cellTexts = fc.constantFrom(
  ...['', 'a', 'name', 'naïve', 'x'.repeat(70), ' ', '\r', '"', '"a"', "'", 'é', 'é'.repeat(20), 'ș', '\u201c'],
  ...['0', '-0', '7', '-12.5', '+3', '3.', '.5', '.', '-', '', '1.2.3', ' 1', '1e3', '0.1', '99.9', '123456789012345'],
  ...['1234567890123456', '0.000000000000001', '12345678901234.5'],
);
const files = fc.record({
  dialect: dialects,
  kinds: fc.array(fc.constantFrom(CELL_STRING, CELL_NUMBER, CELL_UNWANTED), { minLength: 1, maxLength: 5 }),
  lines: fc.array(fc.tuple(fc.array(cellTexts, { maxLength: 6 }), fc.constantFrom('\n', '\n', '\r\n')), {
    minLength: 1,
    maxLength: 30,
  }),
});

const block = new TextBlock(kernel);

/** For each line of the text, its cells where it was cut. */
function cut(text: string, { delimiter, quote }: Dialect, kinds: readonly number[]): (unknown[] | undefined)[] {
  const wanted = {
    delimiterCode: delimiter.charCodeAt(0),
    quoteCode: quote === '' ? -1 : quote.charCodeAt(0),
    kinds: Uint8Array.from(kinds),
  };
  const cells = new CellBlock(kernel, wanted);
  const bytes = Buffer.from(text);
  block.take(bytes, 0, bytes.length, 0);
  cells.take(block);
  const found: (unknown[] | undefined)[] = [];
  const left: [number, string][] = [];
  const expectedLeft: [number, string][] = [];
  let offset = 0;
  for (const line of text.split('\n').slice(0, -1)) {
    const values = kinds.map(() => undefined);
    const place = block.nextOffset;
    const isCut = cells.next(values);
    found.push(isCut ? values : undefined);
    if (isCut) block.pass();
    left.push([place, isCut ? '' : block.next()]);
    expectedLeft.push([offset, isCut ? '' : line.replace(/\r$/, '')]);
    offset += Buffer.byteLength(line) + 1;
  }
  expect(left).toEqual(expectedLeft);
  expect(block.more).toBe(false);
  return found;
}

describe('lines of CSV', () => {
  test('are cut where they need no closer look, into what splitting them gives', () => {
    fc.assert(
      fc.property(files, ({ dialect, kinds, lines }) => {
        const text = lines.map(([cells, ending]) => cells.join(dialect.delimiter) + ending).join('');
        const found = cut(text, dialect, kinds);
        const all = text.split('\n').slice(0, -1);
        // A block of which too much is wide is not cut at all.
        const isWide = all.filter((line) => /[^\0-\xff]/.test(line)).length * 2 > all.length;
        const wanted = all.map((line) => (isWide ? undefined : expected(line.replace(/\r$/, ''), dialect, kinds)));
        expect(found).toEqual(wanted);
      }),
      { numRuns: 20_000 },
    );
  });

  test('have room in a piece of the largest size, and nothing is written behind it', () => {
    const most = kernel.textBytesMax;
    const behind = kernel.bytes.subarray(kernel.start, kernel.start + 64);
    behind.fill(0xa5);
    const dialect = { delimiter: ',', quote: '"' };
    const rows = Math.floor(most / 4);
    const numbers = cut('1,2\n'.repeat(rows), dialect, [CELL_NUMBER, CELL_NUMBER]);
    expect([numbers.length, numbers[0], numbers.at(-1)]).toEqual([rows, [1, 2], [1, 2]]);
    const empty = cut(',\n'.repeat(most / 2), dialect, [CELL_STRING, CELL_STRING]);
    expect([empty.length, empty[0], empty.at(-1)]).toEqual([most / 2, ['', ''], ['', '']]);
    const wide = cut(`${','.repeat(9_999)}\n`, dialect, Array<number>(10_000).fill(CELL_STRING));
    expect(wide).toEqual([Array<string>(10_000).fill('')]);
    expect(cut(`${','.repeat(most - 1)}\n`, dialect, [CELL_STRING])).toEqual([undefined]);
    expect(cut('\n'.repeat(most), dialect, [CELL_STRING]).length).toBe(most);
    expect([...behind]).toEqual(Array.from({ length: 64 }, () => 0xa5));
  });
});
