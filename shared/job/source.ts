/** `read.*`: where records come from. Each call checks its arguments and returns a description; nothing is read here. */
import { limits } from '../limits.js';
import type { ColumnType, JobDescriptor } from '../plan.js';
import { CSV, csvFormat } from './csv.js';
import { described, integerOption, invalid, notBuilt, optionsOf, type OptionNames } from './options.js';
import { isSchema, type Schema } from './schema.js';
import type { Source } from './types.js';
import { inputUris } from './uris.js';

/** What the engine knows of a source. */
export interface SourceDetails {
  readonly source: JobDescriptor['source'];
  /** `read.items` only. */
  readonly items: readonly unknown[] | undefined;
  /** `read.jsonl` only. */
  readonly recordSchema: Schema<unknown> | undefined;
}

const SOURCE = Symbol.for('gristmill.source');

export function sourceDetails(value: unknown): SourceDetails | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as { readonly [SOURCE]?: SourceDetails })[SOURCE];
}

/** The type parameter has no value at run time, so the description is all there is. */
function sourceOf<R>(details: SourceDetails): Source<R> {
  return Object.freeze({ [SOURCE]: Object.freeze(details) }) as unknown as Source<R>;
}

/** Paths, globs, `file:` URIs. Names that begin with `_` or `.` are never matched, so outputs can be inputs. */
export type Uris = string | readonly string[];

export interface FileOptions {
  /** Bytes of input for each map task. */
  readonly splitBytes?: number;
}
export interface TextOptions extends FileOptions {
  /** Not built yet: UTF-8 is read. */
  readonly encoding?: string;
  /** Not built yet. */
  readonly invalidUtf8?: 'fail' | 'replace';
}
export interface JsonlOptions<T> extends FileOptions {
  /** Any Standard Schema validator; what it returns is the record. */
  readonly schema?: Schema<T>;
}
export interface ItemsOptions {
  /** Items for each map task. */
  readonly itemsPerSplit?: number;
}

export type Columns = Readonly<Record<string, ColumnType>>;
interface ColumnTypes {
  string: string;
  number: number;
  boolean: boolean;
  bigint: bigint;
}
export type RecordFrom<C extends Columns> = { -readonly [N in keyof C]: ColumnTypes[C[N]] };
interface CsvDialectOptions extends TextOptions {
  /** One character; `,` by default. */
  readonly delimiter?: string;
  /** One character, `"` by default; `''` where quotes are text like any other. */
  readonly quote?: string;
  /** Not built yet: a newline ends a record. */
  readonly multiline?: boolean;
}
/** The first record of each file names its columns. */
interface CsvHeaderOptions<C extends Columns> extends CsvDialectOptions {
  readonly header?: true;
  /** The columns that a record has, with their types; without it all columns of the header, as strings. */
  readonly columns?: C;
}
/** With `header: false` all lines are records, and `columns` name their cells in order. */
interface CsvColumnsOptions<C extends Columns> extends CsvDialectOptions {
  readonly header: boolean;
  readonly columns: C;
}
export type CsvOptions<C extends Columns> = CsvHeaderOptions<C> | CsvColumnsOptions<C>;
/** One object of the store, its bytes unread: for fan-out over images, archives, ... */
export interface StoredObject {
  readonly uri: string;
  readonly bytes: number;
  readonly etag: string;
}
type Sources = Readonly<Record<string, Source<unknown>>>;
export type Tagged<S extends Sources> = {
  [N in keyof S & string]: { from: N; record: S[N] extends Source<infer R> ? R : never };
}[keyof S & string];

const TEXT: OptionNames = { built: ['splitBytes'], notBuilt: ['encoding', 'invalidUtf8'] };
const JSONL: OptionNames = { built: ['splitBytes', 'schema'], notBuilt: ['encoding', 'invalidUtf8'] };
const ITEMS: OptionNames = {
  built: ['itemsPerSplit'],
  notBuilt: [],
  misplaced: { splitBytes: 'items are split by itemsPerSplit' },
};

function splitBytesOf(what: string, options: Readonly<Record<string, unknown>>): number | undefined {
  return integerOption(what, options, 'splitBytes', limits.splitBytesMin, limits.splitBytesMax);
}

/** One record for each line, a string without its line end. */
function text(uris: Uris, options: TextOptions = {}): Source<string> {
  const given = optionsOf('read.text', options, TEXT);
  const splitBytes = splitBytesOf('read.text', given);
  const source = { format: 'text', uris: inputUris('read.text', uris), splitBytes, itemsPerSplit: undefined } as const;
  return sourceOf({ source, items: undefined, recordSchema: undefined });
}

/** One record for each line, parsed as JSON; without a schema its type is the caller's word. */
function jsonl<T = unknown>(uris: Uris, options: JsonlOptions<T> = {}): Source<T> {
  const given = optionsOf('read.jsonl', options, JSONL);
  const { schema } = given;
  if (schema !== undefined && !isSchema(schema)) {
    throw invalid(`read.jsonl: schema is a Standard Schema validator (zod, valibot, ...), not ${described(schema)}`);
  }
  const splitBytes = splitBytesOf('read.jsonl', given);
  const source = {
    format: 'jsonl',
    uris: inputUris('read.jsonl', uris),
    splitBytes,
    itemsPerSplit: undefined,
  } as const;
  return sourceOf({ source, items: undefined, recordSchema: schema });
}

/**
 * One record for each line, an object with a field for each column. Cells are strings unless `columns` gives their types: a
 * `number` is a decimal number, a `boolean` is `true` or `false`, a `bigint` an integer. A record with too few or too many
 * cells is a bad record, and so is one with a cell that is not of its type; blank lines are filtered.
 */
function csv<const C extends Columns = Readonly<Record<string, 'string'>>>(
  uris: Uris,
  options: CsvOptions<C> = {},
): Source<RecordFrom<C>> {
  const given = optionsOf('read.csv', options, CSV);
  const source = {
    format: 'csv',
    uris: inputUris('read.csv', uris),
    splitBytes: splitBytesOf('read.csv', given),
    itemsPerSplit: undefined,
    csv: csvFormat(given),
  } as const;
  return sourceOf({ source, items: undefined, recordSchema: undefined });
}

/** Records that are in the job file itself; they travel through the store, checked as values are. */
function items<T>(values: readonly T[], options: ItemsOptions = {}): Source<T> {
  const given = optionsOf('read.items', options, ITEMS);
  const isArray: boolean = Array.isArray(values); // a boolean, lest the check widen the type to any[]
  if (!isArray) throw invalid(`read.items wants an array of records, not ${described(values)}`);
  const itemsPerSplit = integerOption('read.items', given, 'itemsPerSplit', 1, limits.itemsPerSplitMax);
  const source = { format: 'items', uris: [], splitBytes: undefined, itemsPerSplit } as const;
  return sourceOf({ source, items: Object.freeze(values.slice()), recordSchema: undefined });
}

/** Not built yet. */
function words(_uris: Uris, _options?: TextOptions): Source<string> {
  throw notBuilt('read.words', 'use read.text and split the line in map');
}
/** Not built yet. */
function objects(_uris: Uris, _options?: ItemsOptions): Source<StoredObject> {
  throw notBuilt('read.objects', 'use read.items with the URIs');
}
/** Not built yet. */
function tagged<const S extends Sources>(_sources: S): Source<Tagged<S>> {
  throw notBuilt('read.tagged', 'read one source whose records say where they come from');
}
/** Not built yet. */
function parquet<T = unknown>(_uris: Uris): Source<T> {
  throw notBuilt('read.parquet');
}
/** Not built yet. */
function avro<T = unknown>(_uris: Uris): Source<T> {
  throw notBuilt('read.avro');
}
/** Not built yet. */
function job<T = unknown>(_id: string): Source<T> {
  throw notBuilt('read.job', "use read.jsonl over the job's output");
}

export const read = Object.freeze({ text, jsonl, items, words, csv, objects, tagged, parquet, avro, job });
