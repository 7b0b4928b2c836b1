/** Checks of what `read.csv` is given. */
import { limits } from '../limits.js';
import type { ColumnType, CsvColumn, CsvFormat } from '../plan.js';
import { described, invalid, type OptionNames } from './options.js';

export const CSV: OptionNames = {
  built: ['splitBytes', 'header', 'columns', 'delimiter', 'quote'],
  notBuilt: ['encoding', 'invalidUtf8', 'multiline'],
};
const TYPES: readonly ColumnType[] = ['string', 'number', 'boolean', 'bigint'];
/** Names that objects keep in ascending order before all others, wherever they are written. */
const INTEGER = /^(0|[1-9]\d*)$/;

export function csvFormat(options: Readonly<Record<string, unknown>>): CsvFormat {
  const { header = true, columns: given, delimiter = ',', quote = '"' } = options;
  if (typeof header !== 'boolean') throw invalid(`read.csv: header is true or false, not ${described(header)}`);
  const columns = given === undefined ? undefined : columnsOf(given);
  if (!header) checkOrdered(columns);
  if (!isCharacter(delimiter)) throw invalid(`read.csv: delimiter is one character, not ${described(delimiter)}`);
  if (quote !== '' && !isCharacter(quote)) {
    throw invalid(`read.csv: quote is one character, or '' where quotes are text, not ${described(quote)}`);
  }
  if (delimiter === quote) throw invalid(`read.csv: delimiter and quote are both ${JSON.stringify(quote)}`);
  return { header, ...(columns && { columns }), delimiter, quote };
}

/** One code unit, which is no half of a character and ends no line. */
function isCharacter(value: unknown): value is string {
  return typeof value === 'string' && /^[^\r\n\ud800-\udfff\ufeff]$/.test(value);
}

function columnsOf(given: unknown): readonly CsvColumn[] {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(
      `read.csv: columns is an object such as { station: 'string', celsius: 'number' }, not ${described(given)}`,
    );
  }
  const columns = Object.entries(given).map(([name, type]: [string, unknown]) => {
    if (name === '__proto__') throw invalid('read.csv: no record can have a column __proto__');
    if (!TYPES.includes(type as ColumnType)) {
      const types = TYPES.map((known) => `'${known}'`).join(', ');
      throw invalid(`read.csv: column ${JSON.stringify(name)} is one of ${types}, not ${described(type)}`);
    }
    return { name, type: type as ColumnType };
  });
  if (columns.length === 0) throw invalid('read.csv: columns names no column; leave it out to have all of the header');
  if (columns.length > limits.columnsMax) {
    throw invalid(`read.csv: columns names ${columns.length} columns; at most ${limits.columnsMax} are allowed`);
  }
  return columns;
}

function checkOrdered(columns: readonly CsvColumn[] | undefined): void {
  if (columns === undefined) {
    throw invalid("read.csv: with header: false, columns name the cells in their order, such as { id: 'string' }");
  }
  const integer = columns.find(({ name }) => INTEGER.test(name));
  if (integer === undefined || columns.length === 1) return;
  throw invalid(
    `read.csv: with header: false the order of columns counts, and JavaScript moves "${integer.name}" to the front of an ` +
      `object: call it "column ${integer.name}"`,
  );
}
