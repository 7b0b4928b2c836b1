/** The rows of a result as whoever reads its parts finds them. */
import type { SinkFormat } from '../../shared/plan.js';

/**
 * A row as `write.jsonl` leaves it: a Date as its ISO text, a bigint as a number (which may not hold all its digits), bytes
 * as base64, a field that is undefined left out. A row of `write.text` stays the string it is.
 */
export type Written<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends bigint
      ? number
      : T extends Date | Uint8Array
        ? string
        : { [Name in keyof T]: Written<T[Name]> };

/** The rows of one part. */
export function rowsOf(text: string, format: SinkFormat): unknown[] {
  const lines = text.split('\n').slice(0, -1);
  switch (format) {
    case 'text':
      return lines;
    case 'jsonl':
      return lines.map((line) => JSON.parse(line) as unknown);
  }
}
