/**
 * Typed cells. Spaces and tabs around a number, a boolean or a bigint are not part of it; a string cell keeps every
 * character. What is accepted as a number is what people write as decimals, and its value is bit for bit that of `Number`:
 * `Infinity`, `NaN`, hexadecimal and the empty cell, which `Number` takes, are refused.
 */
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[+-]?\d+$/;
const SPACE_AROUND = /^[ \t]+|[ \t]+$/g;

/** Integers of so many digits are exact as doubles, and so are the powers of ten up to it. */
const EXACT_DIGITS = 15;
const POWERS_OF_TEN = Array.from({ length: EXACT_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

/**
 * Reads decimals where they lie. Up to 15 digits need no substring: an exact integer divided by an exact power of ten is
 * rounded once, as `Number` rounds (Clinger 1990, "How to read floating point numbers accurately").
 */
export class DecimalCells {
  /** Of the cell that was taken last. */
  value = 0;

  /** Where the cell ends that begins at `start`: at the delimiter, or with the text; -1 when `otherDecimalOf` has to look at it. */
  take(text: string, start: number, delimiterCode: number): number {
    const length = text.length;
    const sign = text.charCodeAt(start);
    const isNegative = sign === MINUS;
    let at = isNegative || sign === PLUS ? start + 1 : start;
    let digits = 0;
    let mantissa = 0;
    let point = -1;
    for (; at < length; at++) {
      const code = text.charCodeAt(at);
      if (code === delimiterCode) break;
      const digit = code - ZERO;
      if (digit >= 0 && digit <= 9) {
        mantissa = mantissa * 10 + digit;
        digits++;
      } else if (code === POINT && point < 0) point = at;
      else return -1;
    }
    if (digits === 0 || digits > EXACT_DIGITS) return -1;
    const value = point < 0 || point === at - 1 ? mantissa : mantissa / (POWERS_OF_TEN[at - 1 - point] as number);
    this.value = isNegative ? -value : value;
    return at;
  }
}

const NO_DELIMITER = -1;
const whole = new DecimalCells();

/** Any cell as a number; NaN when it is none. */
export function decimalOf(cell: string): number {
  return whole.take(cell, 0, NO_DELIMITER) < 0 ? otherDecimalOf(cell) : whole.value;
}

/** The same for a cell that was not taken: with an exponent, more digits, or space around. */
export function otherDecimalOf(cell: string): number {
  const text = cell.replace(SPACE_AROUND, '');
  const value = DECIMAL.test(text) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : NaN;
}

export function booleanOf(cell: string): boolean | undefined {
  const text = cell.replace(SPACE_AROUND, '');
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

export function bigintOf(cell: string): bigint | undefined {
  const text = cell.replace(SPACE_AROUND, '');
  if (!INTEGER.test(text)) return undefined;
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text.replace('+', ''));
}

const WANTED = {
  number: 'a decimal number',
  boolean: 'true or false',
  bigint: 'an integer',
} as const;

/** Why a cell is not what its column's type says. */
export function whyNot(cell: string, type: keyof typeof WANTED): string {
  const text = cell.replace(SPACE_AROUND, '');
  const shown = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
  if (text === '') return `is empty and not ${WANTED[type]} (where cells may be empty, make it a 'string' column)`;
  if (type === 'number' && DECIMAL.test(text)) return `is ${shown}, too large for a number`;
  return `is ${shown} and not ${WANTED[type]}`;
}
