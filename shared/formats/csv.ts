/**
 * Lines of CSV as records: plain objects with a field for each wanted column. A cell that nobody wants is passed over and
 * never decoded; a wanted one is cut out of the line, or read as a number where it lies, once. The record is a value of its
 * own: it can be kept, changed, spread, stored and written like any other object.
 */
import { GristmillError } from '../errors.js';
import { CELL_NUMBER, CELL_STRING, CELL_UNWANTED, type CellBlock, type CellsWanted } from '../kernel/cell-block.js';
import type { ColumnType, CsvFormat } from '../plan.js';
import { cellsOf, quotedEnd, quotedText, quoteFault } from './csv-cells.js';
import { layoutOf, type PlacedColumn } from './csv-layout.js';
import { bigintOf, booleanOf, decimalOf, DecimalCells, otherDecimalOf, whyNot } from './csv-values.js';

type Cell = string | number | boolean | bigint;
export type CsvRecord = Record<string, Cell>;

export interface CsvParserOptions {
  readonly format: CsvFormat;
  /** The names in the file, absent where it has none. */
  readonly header?: readonly string[] | undefined;
  /** The input's name for messages about its header. */
  readonly uri: string;
}

/** What `DecimalCells` reads: a delimiter or a quote that is one of these needs a closer look. */
const IN_DECIMALS = /[\d+.-]/;
const UNWANTED = CELL_UNWANTED;
const KINDS = { string: CELL_STRING, number: CELL_NUMBER, boolean: 3, bigint: 4 } as const satisfies Record<
  ColumnType,
  number
>;
const TYPES: readonly ColumnType[] = ['string', 'string', 'number', 'boolean', 'bigint'];

export class CsvParser {
  private readonly format: CsvFormat;
  private readonly names: readonly string[];
  private readonly delimiter: string;
  private readonly delimiterCode: number;
  /** Undefined where it would take a delimiter or a quote for a part of a number. */
  private readonly decimals: DecimalCells | undefined;
  /** -1 matches no character. */
  private readonly quoteCode: number;
  /** By cell. */
  private readonly kinds: Uint8Array;
  private readonly values: Cell[];
  private readonly recordOf: RecordMaker;

  /** Refuses a header that lacks a wanted column with `header-invalid`. */
  constructor({ format, header, uri }: CsvParserOptions) {
    const { names, columns } = layoutOf(format, header, uri);
    this.format = format;
    this.names = names;
    this.delimiter = format.delimiter;
    this.delimiterCode = format.delimiter.charCodeAt(0);
    this.decimals = IN_DECIMALS.test(format.delimiter + format.quote) ? undefined : new DecimalCells();
    this.quoteCode = format.quote === '' ? -1 : format.quote.charCodeAt(0);
    this.kinds = new Uint8Array(names.length);
    for (const { type, position } of columns) this.kinds[position] = KINDS[type];
    this.values = names.map(() => '');
    this.recordOf = recordMaker(columns);
  }

  /** What a kernel can do for it; undefined where every line needs a closer look. */
  get wanted(): CellsWanted | undefined {
    const { kinds, delimiterCode, quoteCode, decimals } = this;
    const isRefused = kinds.some((kind) => kind === KINDS.boolean || kind === KINDS.bigint);
    return isRefused || !decimals || delimiterCode > 0xff ? undefined : { kinds, delimiterCode, quoteCode };
  }

  /** The record of the next line, if the kernel has cut it. */
  fromCells(cells: CellBlock): CsvRecord | undefined {
    return cells.next(this.values) ? this.recordOf(this.values) : undefined;
  }

  /** The record of one line without its end; refuses with `record-invalid` that names the column. */
  parse(line: string): CsvRecord {
    const { kinds, values, delimiter, delimiterCode, decimals, quoteCode } = this;
    const length = line.length;
    let at = 0;
    for (let cell = 0; cell < kinds.length; cell++) {
      if (at > length) throw this.wrongCount(line);
      const kind = kinds[cell];
      let end = kind === KINDS.number && decimals ? decimals.take(line, at, delimiterCode) : -1;
      if (decimals && end >= 0) {
        values[cell] = decimals.value;
      } else if (line.charCodeAt(at) === quoteCode) {
        end = this.takeQuoted(line, at, cell);
      } else {
        end = line.indexOf(delimiter, at);
        if (end < 0) end = length;
        if (kind === KINDS.string) values[cell] = line.slice(at, end);
        else if (kind !== UNWANTED) {
          values[cell] = this.typed(line.slice(at, end), cell, line, decimals ? otherDecimalOf : decimalOf);
        }
      }
      at = end + 1;
    }
    if (at <= length) throw this.wrongCount(line);
    return this.recordOf(values);
  }

  /** The index at which the cell ends. */
  private takeQuoted(line: string, at: number, cell: number): number {
    const end = quotedEnd(line, at, this.format);
    if (end < 0) throw new GristmillError('record-invalid', quoteFault(end, line, at, this.nameOf(cell)));
    const kind = this.kinds[cell];
    if (kind !== UNWANTED) {
      const text = quotedText(line, at, end, this.format);
      this.values[cell] = kind === KINDS.string ? text : this.typed(text, cell, line, decimalOf);
    }
    return end;
  }

  /** The text of a cell as the type of its column. */
  private typed(text: string, cell: number, line: string, numberOf: (text: string) => number): Cell {
    const kind = this.kinds[cell];
    if (kind === KINDS.number) {
      const value = numberOf(text);
      if (!Number.isNaN(value)) return value;
    } else {
      const value = kind === KINDS.boolean ? booleanOf(text) : bigintOf(text);
      if (value !== undefined) return value;
    }
    throw this.wrongCell(text, cell, line);
  }

  private wrongCell(text: string, cell: number, line: string): GristmillError {
    // A delimiter too many shifts the cells, and the first one that does not fit is not to blame.
    if (cellsOf(line, this.format, 'record-invalid', 'the record').length !== this.names.length) {
      return this.wrongCount(line);
    }
    const type = TYPES[this.kinds[cell] ?? UNWANTED];
    const why = type === undefined || type === 'string' ? 'cannot be read' : whyNot(text, type);
    return new GristmillError('record-invalid', `${this.nameOf(cell)} ${why}`);
  }

  private wrongCount(line: string): GristmillError {
    const found = cellsOf(line, this.format, 'record-invalid', 'the record').length;
    const missing = found < this.names.length ? `; ${this.nameOf(found)} is the first that is missing` : '';
    return new GristmillError(
      'record-invalid',
      `the record has ${found} ${found === 1 ? 'cell' : 'cells'} where ${this.names.length} are expected${missing}`,
    );
  }

  private nameOf(cell: number): string {
    return `cell ${cell + 1}, column ${JSON.stringify(this.names[cell] ?? '')},`;
  }
}

type RecordMaker = (values: readonly Cell[]) => CsvRecord;

/** The last one is kept: the splits of a job want the same, and a function that is used again stays optimised. */
let kept: { readonly fields: string; readonly make: RecordMaker } | undefined;

/**
 * A function that is compiled for these columns, because an object literal is the one way to make an object of a shape that
 * is known only now as fast as one that is written down; docs/decisions/0008 has the figures. The names are in it as JSON
 * strings, which are JavaScript's, so none of them is code.
 */
function recordMaker(columns: readonly PlacedColumn[]): RecordMaker {
  const fields = columns.map(({ name, position }) => `${JSON.stringify(name)}: values[${position}]`).join(', ');
  if (kept?.fields !== fields) {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- for the reason above
    kept = { fields, make: new Function('values', `return { ${fields} };`) as RecordMaker };
  }
  return kept.make;
}
