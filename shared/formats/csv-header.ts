/**
 * Headers, read when the inputs are found: a file is cut into splits, and only the first one has it. So the names are
 * frozen into the plan, once for all files that have the same, and a column that is missing fails the job before any map.
 */
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import type { CsvFormat, FoundInputs, PlannedInput } from '../plan.js';
import type { Locator } from '../store/stores.js';
import { cellsOf } from './csv-cells.js';
import { invalid, layoutOf } from './csv-layout.js';
import { decodeText } from './text.js';

/** Read together. */
const LOOKUPS = 64;
/** Most headers are in it; longer ones are read again with more. */
const FIRST_BYTES = 16 * 1024;

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

interface Header {
  readonly names: readonly string[];
  readonly end: number;
}

/** The inputs with their headers, each checked against the columns that are wanted; refuses with `header-invalid`. */
export async function readHeaders(
  inputs: readonly PlannedInput[],
  format: CsvFormat,
  stores: Locator,
): Promise<FoundInputs> {
  const numbers = new Map<string, number>();
  const headers: (readonly string[])[] = [];
  const read: PlannedInput[] = [];
  let total = 0;
  for (let at = 0; at < inputs.length; at += LOOKUPS) {
    const found = await Promise.all(inputs.slice(at, at + LOOKUPS).map((input) => withHeader(input, format, stores)));
    for (const { input, header } of found) {
      const key = JSON.stringify(header.names);
      let number = numbers.get(key);
      if (number === undefined) {
        layoutOf(format, header.names, input.uri);
        number = headers.push(header.names) - 1;
        numbers.set(key, number);
        total += Buffer.byteLength(key);
        if (total > limits.headersBytesMax) throw tooMany(input.uri, headers.length);
      }
      read.push({ ...input, header: { number, end: header.end } });
    }
  }
  return { inputs: read, headers };
}

async function withHeader(input: PlannedInput, format: CsvFormat, stores: Locator) {
  return { input, header: await readHeader(input, format, stores) };
}

async function readHeader({ uri, bytes: length }: PlannedInput, format: CsvFormat, stores: Locator): Promise<Header> {
  const { store, key } = stores.locate(uri);
  for (let wanted = FIRST_BYTES; ; wanted *= 4) {
    const end = Math.min(wanted, length);
    const bytes = end === 0 ? new Uint8Array(0) : await store.get(key, { range: { start: 0, end } });
    const line = firstLine(bytes, bytes.length >= length || bytes.length < end);
    if (line !== undefined) {
      const text = decoded(bytes, line, uri);
      return { names: cellsOf(text, format, 'header-invalid', `the header of ${uri}`), end: line.next };
    }
    if (end === length) throw invalid(uri, EMPTY);
    if (end >= limits.headerBytesMax) {
      throw invalid(uri, `is longer than ${limits.headerBytesMax} bytes: is this a CSV file with lines?`);
    }
  }
}

const EMPTY = 'is missing: the file has nothing but blank lines; leave it out, or say `header: false` and `columns`';

interface HeaderLine {
  readonly start: number;
  readonly end: number;
  /** The first byte after its newline. */
  readonly next: number;
}

/** The first line that is not empty, as lines of records are cut; `isAll`: the file has no more bytes. */
function firstLine(bytes: Uint8Array, isAll: boolean): HeaderLine | undefined {
  let start = BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte) ? BYTE_ORDER_MARK.length : 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, start);
    if (newline < 0 && !isAll) return undefined;
    const to = newline < 0 ? bytes.length : newline;
    const end = to > start && bytes[to - 1] === CARRIAGE_RETURN ? to - 1 : to;
    if (end > start) return { start, end, next: newline < 0 ? to : newline + 1 };
    start = to + 1;
  }
  return undefined;
}

function decoded(bytes: Uint8Array, { start, end }: HeaderLine, uri: string): string {
  try {
    return decodeText(bytes, start, end);
  } catch (cause) {
    throw new GristmillError('header-invalid', `the header of ${uri}: ${GristmillError.from(cause).message}`, {
      cause,
      where: uri,
    });
  }
}

function tooMany(uri: string, count: number): GristmillError {
  return invalid(
    uri,
    `is one of ${count} different ones that together are longer than ${limits.headersBytesMax} bytes: ` +
      'files of one job have the same columns, or few',
  );
}
