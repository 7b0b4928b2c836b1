/** The effective configuration for a person who asks where a value comes from. */
import { flagOf, type OptionInfo, type Schema } from './option.js';
import type { Config } from './resolve.js';

/** A line for each option: name, value, origin. Secrets are said to be set, and not shown. */
export function printConfig<S extends Schema>({ schema, values, origins }: Config<S>): string {
  const rows = (Object.entries(schema) as [string & keyof S, OptionInfo][])
    .filter(([, { flagOnly }]) => !flagOnly)
    .map(([name, option]) => [name, shown(option, values[name]), `(${origins[name]})`]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`).join('');
}

function shown({ type, isSecret, defaultText }: OptionInfo, value: unknown): string {
  if (isSecret && value !== undefined) return '<set>';
  const isUnset = value === undefined || (Array.isArray(value) && value.length === 0);
  if (isUnset) return defaultText === undefined ? '-' : `- ${defaultText}`;
  return type.show(value as object);
}

/** What the option is when nobody says; empty for a switch and for what is left out. */
export function defaultOf({ type, defaultText, default: value }: OptionInfo): string {
  return defaultText ?? (value === undefined || value === false ? '' : type.show(value as object));
}

/** For help: the flag with its placeholder. */
export function usageOf(name: string, { type }: OptionInfo): string {
  return type.placeholder === undefined ? flagOf(name) : `${flagOf(name)} <${type.placeholder}>`;
}
