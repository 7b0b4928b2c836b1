/** Checks of what a definition is given: known names, names that are not built yet, and the nearest name to a typo. */
import { GristmillError } from '../errors.js';

export interface OptionNames {
  readonly built: readonly string[];
  readonly notBuilt: readonly string[];
  /** Names that belong elsewhere, each with what to do instead. */
  readonly misplaced?: Readonly<Record<string, string>>;
}

export function invalid(message: string, name?: string): GristmillError {
  return new GristmillError('definition-invalid', message, { context: { job: name } });
}

export function notBuilt(what: string, instead?: string): GristmillError {
  return new GristmillError('not-built-yet', `${what} is not built yet${instead === undefined ? '' : `: ${instead}`}`);
}

/** Refuses what is not an object, a name that is not known, and an option that is given but not built. */
export function optionsOf(what: string, given: unknown, names: OptionNames): Readonly<Record<string, unknown>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`${what} takes an object of options, not ${described(given)}`);
  }
  for (const [name, value] of Object.entries(given)) {
    if (names.built.includes(name) || value === undefined) continue;
    if (names.notBuilt.includes(name)) throw notBuilt(`the option '${name}' of ${what}`);
    const remedy = names.misplaced?.[name];
    throw invalid(`${what} has no option '${name}'${remedy === undefined ? unknownName(name, names) : `: ${remedy}`}`);
  }
  return given as Readonly<Record<string, unknown>>;
}

function unknownName(name: string, { built, notBuilt: later }: OptionNames): string {
  const near = nearestName(name, [...built, ...later]);
  const known = built.length === 0 ? 'it takes none' : `known are ${built.join(', ')}`;
  return `${near === undefined ? '' : `, did you mean '${near}'?`} (${known})`;
}

/** The candidate that a typo probably meant: at most a third of its letters differ, and at most three. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Math.min(3, Math.ceil(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    above = current;
  }
  return above[b.length] ?? 0;
}

/** A value in a message: what kind of thing was given instead. */
export function described(value: unknown): string {
  if (value === undefined || value === null) return String(value);
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 100))}`;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return `the ${typeof value} ${value}`;
  }
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value !== 'object') return `a ${typeof value}`;
  if (Array.isArray(value)) return 'an array';
  return 'then' in value && typeof value.then === 'function' ? 'a promise' : 'an object';
}

export function integerOption(
  what: string,
  options: Readonly<Record<string, unknown>>,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(`${what}: ${name} is an integer from ${least} to ${most}, not ${described(value)}`);
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration such as `10m`, or of a number of them; from 1 to `most`. */
export function durationOption(
  what: string,
  options: Readonly<Record<string, unknown>>,
  name: string,
  most: number,
): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const [, amount, unit = ''] = (typeof value === 'string' && DURATION.exec(value)) || [];
  const ms = typeof value === 'number' ? value : Math.round(Number(amount) * (UNIT_MS[unit] ?? NaN));
  if (Number.isInteger(ms) && ms >= 1 && ms <= most) return ms;
  const range = `from 1ms to ${most / 3_600_000}h`;
  throw invalid(
    `${what}: ${name} is a duration such as '30s' or '10m', or whole milliseconds, ${range}, not ${described(value)}`,
  );
}

const BYTE_SIZE = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)$/;
const UNIT_BYTES: Readonly<Record<string, number>> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** Bytes of a size such as `64MiB`, within limits that are whole MiB. */
export function byteSizeOption(
  what: string,
  options: Readonly<Record<string, unknown>>,
  name: string,
  least: number,
  most: number,
): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const [, amount, unit = ''] = (typeof value === 'string' && BYTE_SIZE.exec(value)) || [];
  const bytes = Math.floor(Number(amount) * (UNIT_BYTES[unit] ?? NaN));
  if (bytes >= least && bytes <= most) return bytes;
  const range = `from ${least / 2 ** 20}MiB to ${most / 2 ** 20}MiB`;
  throw invalid(`${what}: ${name} is a size such as '64MiB' or '2GiB', ${range}, not ${described(value)}`);
}
