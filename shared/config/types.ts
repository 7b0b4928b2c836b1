/** The kinds of values that options have. */
import { isAbsolute, resolve } from 'node:path';
import { addressOf } from '../store/s3/access.js';
import type { OptionType } from './option.js';

/** A type whose values are text in the file as well. */
function textual<T>(
  parts: Pick<OptionType<T>, 'placeholder' | 'wants' | 'fromText'> &
    Partial<Pick<OptionType<T>, 'show' | 'hidesWrong'>>,
): OptionType<T> {
  return {
    show: String,
    ...parts,
    fromJson: (value, base) => (typeof value === 'string' ? parts.fromText(value, base) : undefined),
  };
}

export const isSwitch: OptionType<boolean> = {
  placeholder: undefined,
  wants: 'true or false',
  fromText: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  fromJson: (value) => (typeof value === 'boolean' ? value : undefined),
  show: String,
};

export function wholeNumber(min: number, max: number): OptionType<number> {
  const checked = (value: number) => (Number.isInteger(value) && value >= min && value <= max ? value : undefined);
  return {
    placeholder: 'n',
    wants: `a whole number from ${min} to ${max}`,
    fromText: (text) => (/^\d+$/.test(text) ? checked(Number(text)) : undefined),
    fromJson: (value) => (typeof value === 'number' ? checked(value) : undefined),
    show: String,
  };
}

export function oneOf<const Word extends string>(...words: readonly Word[]): OptionType<Word> {
  return textual({
    placeholder: words.join('|'),
    wants: `one of ${words.join(', ')}`,
    fromText: (text) => words.find((word) => word === text),
  });
}

/** A name without spaces that is safe in paths and logs. */
export const word: OptionType<string> = textual({
  placeholder: 'name',
  wants: 'letters, digits, dots, dashes and underscores, at most 100, a letter or digit first',
  fromText: (text) => (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text) ? text : undefined),
});

/** `host:port`; an IPv6 host stands in brackets. */
export const address: OptionType<string> = textual({
  placeholder: 'host:port',
  wants: 'host:port, with a port from 0 to 65535 and an IPv6 host in brackets',
  fromText: (text) => {
    const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text);
    return match && Number(match[2]) <= 65_535 ? text : undefined;
  },
});

/** `http(s)://host:port`. What is wrong may have a password in it, and is not repeated. */
export const endpoint: OptionType<string> = textual({
  placeholder: 'url',
  hidesWrong: true,
  wants: 'http://host:port or https://host:port and nothing more',
  fromText: (text) => {
    try {
      addressOf(text);
      return text.replace(/\/$/, '');
    } catch {
      return undefined;
    }
  },
});

/** Any text on one line that is not empty. */
export const line: OptionType<string> = textual({
  placeholder: 'text',
  wants: 'a line of text without blanks',
  fromText: (text) => (/^[\x21-\x7e]{1,8000}$/.test(text) ? text : undefined),
});

export const path: OptionType<string> = textual({
  placeholder: 'path',
  wants: 'a path that is not empty',
  fromText: (text, base) => (text === '' ? undefined : resolve(base, text)),
});

/** A folder as a path or a URI; what is no path stays as it is written. */
export const place: OptionType<string> = textual({
  placeholder: 'uri',
  wants: 'a path, a file: URI or an s3: URI that is not empty',
  fromText: (text, base) => {
    if (text === '') return undefined;
    return isAbsolute(text) || /^[A-Za-z][A-Za-z0-9+.-]+:/.test(text) ? text : resolve(base, text);
  },
});

const UNITS = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** Bytes, written with a binary unit: `512MiB`. */
export function bytes(min: number): OptionType<number> {
  return textual({
    placeholder: 'size',
    wants: `a size with its unit (KiB, MiB, GiB or TiB), at least ${showBytes(min)}, such as 4GiB`,
    fromText: (text) => {
      const match = /^(\d+(?:\.\d+)?) ?(KiB|MiB|GiB|TiB)$/.exec(text);
      if (!match) return undefined;
      const value = Math.floor(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS]);
      return Number.isSafeInteger(value) && value >= min ? value : undefined;
    },
    show: showBytes,
  });
}

/** In the largest unit that loses nothing a person could have written. */
function showBytes(value: number): string {
  const units = Object.entries(UNITS).reverse();
  const [unit, size] = units.find(([, bytesOf]) => value % bytesOf === 0) ?? ['KiB', UNITS.KiB];
  return `${value / size}${unit}`;
}

/** Several of a kind: the flag is repeated, the variable has commas between them, the file an array. */
export function listOf<T>(item: OptionType<T>): OptionType<readonly T[]> {
  const all = (found: readonly (T | undefined)[]): readonly T[] | undefined => {
    const items = found.filter((value) => value !== undefined);
    return items.length === found.length ? items : undefined;
  };
  return {
    placeholder: item.placeholder,
    wants: `${item.wants}, for each of several`,
    isList: true,
    fromText: (text, base) => all(text.split(',').map((part) => item.fromText(part, base))),
    fromJson: (value, base) => {
      return Array.isArray(value) ? all(value.map((part) => item.fromJson(part, base))) : undefined;
    },
    show: (values) => values.map((value) => item.show(value)).join(','),
  };
}
