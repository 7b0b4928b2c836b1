/**
 * The cells of one line. A cell is quoted when its first character is the quote; then it ends with the next quote that is
 * not doubled, and after that comes a delimiter or the end of the line. A quote elsewhere is text.
 */
import { GristmillError, type ErrorCode } from '../errors.js';

export interface CsvDialect {
  readonly delimiter: string;
  readonly quote: string;
}

/** Instead of an end. */
export const UNCLOSED = -1;
export const TEXT_AFTER_QUOTE = -2;

/** Where the quoted cell that begins at `at` ends: the index of its delimiter, or the line's length. */
export function quotedEnd(line: string, at: number, { delimiter, quote }: CsvDialect): number {
  for (let from = at + 1; ;) {
    const close = line.indexOf(quote, from);
    if (close < 0) return UNCLOSED;
    const next = close + 1;
    if (next === line.length || line.startsWith(delimiter, next)) return next;
    if (!line.startsWith(quote, next)) return TEXT_AFTER_QUOTE;
    from = next + 1;
  }
}

/** What stands between the quotes of the cell `[at, end)`, doubled ones once. */
export function quotedText(line: string, at: number, end: number, { quote }: CsvDialect): string {
  const inner = line.slice(at + 1, end - 1);
  return inner.includes(quote) ? inner.split(quote + quote).join(quote) : inner;
}

/** What is wrong with a quoted cell; `what` names the cell. */
export function quoteFault(fault: number, line: string, at: number, what: string): string {
  const shown = JSON.stringify(line.slice(at, at + 40));
  return fault === UNCLOSED
    ? `the quote that opens ${what} is not closed on its line: ${shown}; a newline ends a record ` +
        "(the option `multiline` is not built yet), and where quotes are text, say `quote: ''`"
    : `${what} has text after its closing quote: ${shown}; a quote inside quotes is written twice`;
}

/** All cells as text. Refuses with `code`; `what` names the line. */
export function cellsOf(line: string, dialect: CsvDialect, code: ErrorCode, what: string): string[] {
  const { delimiter, quote } = dialect;
  const cells: string[] = [];
  for (let at = 0; at <= line.length;) {
    const isQuoted = quote !== '' && line.startsWith(quote, at);
    let end = isQuoted ? quotedEnd(line, at, dialect) : line.indexOf(delimiter, at);
    if (isQuoted && end < 0) {
      throw new GristmillError(code, quoteFault(end, line, at, `cell ${cells.length + 1} of ${what}`));
    }
    if (end < 0) end = line.length;
    cells.push(isQuoted ? quotedText(line, at, end, dialect) : line.slice(at, end));
    at = end + 1;
  }
  return cells;
}
