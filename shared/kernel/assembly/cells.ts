/**
 * Cells of CSV, in lines of text of one byte a character. A line is cut where nothing about it needs a closer look: it has as many
 * cells as it should have, none begins with a quote, and number cells are decimals of up to 15 digits. Any other is left to those
 * who can say what is wrong with it.
 */
import { maskOf } from './scan';

/** What is wanted of a cell; others are passed over. */
const STRING: u8 = 1;
const NUMBER: u8 = 2;
const RETURN: u8 = 13;
const PLUS: u8 = 0x2b;
const MINUS: u8 = 0x2d;
const POINT: u8 = 0x2e;
/** Integers of so many digits are exact as doubles, and so are the powers of ten up to it. */
const EXACT_DIGITS: u32 = 15;
const powersOfTen = memory.data<f64>([
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
]);
const NO_NUMBER: f64 = NaN;

/**
 * Cuts the `lines` lines in the `bytes` at `at`, whose u32 ends are at `ends` (with the highest bit: a line that is not in the text).
 * `delimiter` is none of what decimals have and no line end; `quote` is 256 for none; `kinds` has a u8 for each of `cells`.
 * For each line a u8 at `flags`, 1 if it was cut; of those that were, for each wanted cell in turn, u32 from and u32 to at `cuts`, or an
 * f64 at `numbers`. `delimiters` has room for a u32 for each byte, and one more.
 */
export function cutCells(
  at: usize,
  bytes: u32,
  ends: usize,
  lines: u32,
  delimiter: u32,
  quote: u32,
  kinds: usize,
  cells: u32,
  delimiters: usize,
  flags: usize,
  cuts: usize,
  numbers: usize,
): void {
  const found = delimiters + (<usize>findDelimiters(at, bytes, <u8>delimiter, delimiters) << 2);
  // Behind every line.
  store<u32>(found, u32.MAX_VALUE);
  let next = delimiters;
  let start: u32 = 0;
  for (let line: u32 = 0; line < lines; line++) {
    const behind = load<u32>(ends + (<usize>line << 2));
    let isCut = false;
    if (<i32>behind >= 0) {
      let end = behind - 1;
      if (end > start && load<u8>(at + end - 1) == RETURN) end--;
      const last = next + (<usize>(cells - 1) << 2);
      // An empty line is no record of one cell.
      if (end > start && last <= found && (last == next || load<u32>(last - 4) < end) && load<u32>(last) >= end) {
        isCut = cutLine(at, start, end, quote, kinds, cells, next, cuts, numbers);
      }
      if (isCut) {
        cuts = cutsEnd;
        numbers = numbersEnd;
        next = last;
      } else {
        while (load<u32>(next) < end) next += 4;
      }
      start = behind;
    }
    store<u8>(flags + line, <u8>isCut);
  }
}

/** Behind what the last line wrote. */
let cutsEnd: usize = 0;
let numbersEnd: usize = 0;

function cutLine(
  at: usize,
  start: u32,
  end: u32,
  quote: u32,
  kinds: usize,
  cells: u32,
  delimiters: usize,
  cuts: usize,
  numbers: usize,
): bool {
  let from = start;
  for (let cell: u32 = 0; cell < cells; cell++) {
    const to = cell == cells - 1 ? end : load<u32>(delimiters + (<usize>cell << 2));
    if (<u32>load<u8>(at + from) == quote) return false;
    const kind = load<u8>(kinds + cell);
    if (kind == STRING) {
      store<u32>(cuts, from);
      store<u32>(cuts, to, 4);
      cuts += 8;
    } else if (kind == NUMBER) {
      const value = decimal(at + from, at + to);
      if (value != value) return false;
      store<f64>(numbers, value);
      numbers += 8;
    }
    from = to + 1;
  }
  cutsEnd = cuts;
  numbersEnd = numbers;
  return true;
}

/** As `DecimalCells` of `shared/formats/csv-values.ts`; NaN where a closer look is needed. */
function decimal(at: usize, end: usize): f64 {
  const sign = load<u8>(at);
  if (at < end && (sign == MINUS || sign == PLUS)) at++;
  let digits: u32 = 0;
  let mantissa: u64 = 0;
  let point: usize = 0;
  for (; at < end; at++) {
    const byte = load<u8>(at);
    const digit = <u32>byte - 0x30;
    if (digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digits++;
    } else if (byte == POINT && point == 0) {
      point = at;
    } else {
      return NO_NUMBER;
    }
  }
  if (digits == 0 || digits > EXACT_DIGITS) return NO_NUMBER;
  let value = <f64>mantissa;
  if (point != 0) value /= load<f64>(powersOfTen + ((end - 1 - point) << 3));
  return sign == MINUS ? -value : value;
}

/** Writes the offset of each, and returns how many there are. */
function findDelimiters(at: usize, bytes: u32, delimiter: u8, delimiters: usize): u32 {
  const stop = at + bytes;
  let to = delimiters;
  for (let piece = at; piece < stop; piece += 64) {
    // What is behind the text is no delimiter.
    if (stop - piece < 64) memory.fill(stop, 10, 64 - (stop - piece));
    for (let mask = maskOf(piece, delimiter); mask != 0; mask &= mask - 1) {
      store<u32>(to, <u32>(piece - at) + <u32>ctz<u64>(mask));
      to += 4;
    }
  }
  return <u32>((to - delimiters) >> 2);
}
