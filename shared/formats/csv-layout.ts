/** Which cell of a line is which column of a record: from what the job wants and what the file's header names. */
import { GristmillError } from '../errors.js';
import { nearestName } from '../job/options.js';
import { limits } from '../limits.js';
import type { ColumnType, CsvFormat } from '../plan.js';

export interface PlacedColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Of its cell in a line, from 0. */
  readonly position: number;
}

export interface CsvLayout {
  /** What every cell of a line is called, wanted or not. */
  readonly names: readonly string[];
  /** The fields of a record, in their order. */
  readonly columns: readonly PlacedColumn[];
}

/** `header`: the names in the file, absent where it has none; `uri` is for messages. Refuses with `header-invalid`. */
export function layoutOf(format: CsvFormat, header: readonly string[] | undefined, uri: string): CsvLayout {
  const { columns } = format;
  if (header === undefined) {
    if (columns === undefined) throw new GristmillError('internal', 'CSV has neither a header nor columns');
    return {
      names: columns.map(({ name }) => name),
      columns: columns.map((column, position) => ({ ...column, position })),
    };
  }
  if (header.length > limits.columnsMax) {
    throw invalid(uri, `has ${header.length} columns; at most ${limits.columnsMax} are allowed`);
  }
  if (columns === undefined) return { names: header, columns: allOf(header, uri) };
  return {
    names: header,
    columns: columns.map((column) => ({ ...column, position: positionOf(column.name, header, uri) })),
  };
}

function positionOf(name: string, header: readonly string[], uri: string): number {
  const position = header.indexOf(name);
  if (position < 0) {
    const near = nearestName(name, header);
    const meant = near === undefined ? '' : `, did you mean ${JSON.stringify(near)}?`;
    throw invalid(uri, `has no column ${JSON.stringify(name)}${meant} (it has ${listed(header)})`);
  }
  const second = header.indexOf(name, position + 1);
  if (second >= 0) throw invalid(uri, twice(name, position, second));
  return position;
}

/** Without `columns` every name becomes a field, so each must be able to. */
function allOf(header: readonly string[], uri: string): PlacedColumn[] {
  const seen = new Map<string, number>();
  return header.map((name, position) => {
    const first = seen.get(name);
    if (first !== undefined) throw invalid(uri, `${twice(name, first, position)}${REMEDY}`);
    seen.set(name, position);
    if (name === '') throw invalid(uri, `does not name column ${position + 1}${REMEDY}`);
    if (name === '__proto__') throw invalid(uri, `names a column __proto__, which no record can have${REMEDY}`);
    return { name, type: 'string', position };
  });
}

const REMEDY = '; name the columns that you want with the option `columns`';

function twice(name: string, first: number, second: number): string {
  return `names the columns ${first + 1} and ${second + 1} both ${JSON.stringify(name)}`;
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 20).map((name) => JSON.stringify(name.slice(0, 40)));
  return shown.join(', ') + (names.length > shown.length ? `, and ${names.length - shown.length} more` : '');
}

export function invalid(uri: string, what: string): GristmillError {
  return new GristmillError('header-invalid', `the header of ${uri} ${what}`, { where: uri });
}
