/**
 * From what was given to one effective configuration: a flag before a variable, that before the file, that before the
 * default. What is not known is refused by its name; what is wrong is refused with where it stands.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { GristmillError } from '../errors.js';
import { described, nearestName } from '../job/options.js';
import { flagOf, variableOf, type OptionInfo, type Schema, type ValuesOf } from './option.js';
import { wholeSchema } from './schema.js';

/** Flags as the command line's parser hands them over: text, several texts, or true for a switch. */
export type Flags = Readonly<Record<string, unknown>>;

export interface ConfigSources {
  readonly flags: Flags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The current directory, at which relative paths of flags and variables start. */
  readonly directory: string;
}

export interface Config<S extends Schema> {
  readonly schema: S;
  readonly values: ValuesOf<S>;
  /** In words: `--slots`, `GRISTMILL_SLOTS`, `/etc/gristmill.json`, `default`. */
  readonly origins: Readonly<Record<keyof S, string>>;
}

export const DEFAULT_ORIGIN = 'default';

interface Found {
  readonly value: unknown;
  readonly origin: string;
}

/** Throws `command-line` for a flag and `config-invalid` for a variable or the file. */
export function loadConfig<S extends Schema>(schema: S, sources: ConfigSources): Config<S> {
  refuseUnknownVariables(sources.environment);
  const file = readConfigFile(schema, sources);
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const [name, option] of Object.entries(schema) as [string, OptionInfo][]) {
    const found = fromOurs(name, option, sources, file) ?? fromOthers(option, sources);
    values[name] = found ? found.value : option.default;
    origins[name] = found?.origin ?? DEFAULT_ORIGIN;
  }
  return Object.freeze({ schema, values: Object.freeze(values), origins: Object.freeze(origins) }) as Config<S>;
}

function fromOurs(name: string, option: OptionInfo, sources: ConfigSources, file: ConfigFile | undefined) {
  if (option.alsoVariablesOnly) return undefined;
  return fromFlag(name, option, sources) ?? fromVariable(name, option, sources) ?? file?.find(name, option);
}

function fromOthers(option: OptionInfo, { environment, directory }: ConfigSources): Found | undefined {
  const origin = option.alsoVariables?.find((variable) => (environment[variable] ?? '') !== '');
  return origin === undefined ? undefined : fromText(origin, environment[origin] ?? '', option, directory);
}

function fromFlag(name: string, option: OptionInfo, { flags, directory }: ConfigSources): Found | undefined {
  const { type } = option;
  const given = flags[name];
  if (given === undefined) return undefined;
  const origin = flagOf(name);
  if (given === true) return { value: true, origin };
  // A flag of a list is one item each time, whatever commas are in it.
  const value = type.isList ? type.fromJson(given, directory) : type.fromText(given as string, directory);
  if (value === undefined) throw wrong('command-line', origin, type.wants, shownIn(option, given));
  return { value, origin };
}

function fromVariable(name: string, option: OptionInfo, { environment, directory }: ConfigSources): Found | undefined {
  const origin = variableOf(name);
  const text = environment[origin];
  if (text === undefined || option.flagOnly) return undefined;
  return fromText(origin, text, option, directory);
}

function fromText(origin: string, text: string, option: OptionInfo, directory: string): Found {
  const { type } = option;
  const value = type.fromText(text, directory);
  if (value === undefined) throw wrong('config-invalid', origin, type.wants, shownIn(option, text));
  return { value, origin };
}

interface ConfigFile {
  find(name: string, option: OptionInfo): Found | undefined;
}

function readConfigFile(schema: Schema, sources: ConfigSources): ConfigFile | undefined {
  const option = schema['config'] as OptionInfo | undefined;
  const found = option && (fromFlag('config', option, sources) ?? fromVariable('config', option, sources));
  if (!found) return undefined;
  const path = String(found.value);
  const given = parseFile(path, found.origin);
  for (const key of Object.keys(given)) refuseUnknownKey(key, path);
  return {
    find(name, option) {
      const { type } = option;
      const written = given[name];
      if (written === undefined) return undefined;
      const value = type.fromJson(written, dirname(path));
      if (value === undefined)
        throw wrong('config-invalid', `"${name}" in ${path}`, type.wants, shownIn(option, written));
      return { value, origin: path };
    },
  };
}

function parseFile(path: string, origin: string): Readonly<Record<string, unknown>> {
  const unreadable = (reason: string, cause?: unknown) =>
    new GristmillError('config-invalid', `cannot use the configuration file ${path}, named by ${origin}: ${reason}`, {
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable(`it is not a JSON object but ${described(value)}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function refuseUnknownKey(key: string, path: string): void {
  const option = Object.hasOwn(wholeSchema, key) ? optionNamed(key) : undefined;
  if (option && isKey(option)) return;
  const names = Object.keys(wholeSchema).filter((name) => isKey(optionNamed(name)));
  throw unknown(`key "${key}" in ${path}`, nearestName(key, names), names);
}

function isKey({ flagOnly, flagAndVariableOnly, alsoVariablesOnly }: OptionInfo): boolean {
  return !flagOnly && !flagAndVariableOnly && !alsoVariablesOnly;
}

/** What was given, in the message about it. */
function shownIn({ type, isSecret }: OptionInfo, given: unknown): unknown {
  return isSecret || type.hidesWrong ? undefined : given;
}

/** What a cluster manager puts into the environment for a service of our name is not meant as an option. */
const SERVICE_VARIABLE = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/;

/** Where fault tests hold a process: see shared/gate.ts. */
const GATES = 'GRISTMILL_GATES';

function refuseUnknownVariables(environment: ConfigSources['environment']): void {
  const names = Object.keys(wholeSchema).filter((name) => {
    const { flagOnly, alsoVariablesOnly } = optionNamed(name);
    return !flagOnly && !alsoVariablesOnly;
  });
  const known = names.map(variableOf);
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith('GRISTMILL_') || known.includes(variable) || variable === GATES) continue;
    if (SERVICE_VARIABLE.test(variable)) continue;
    throw unknown(`variable ${variable} in the environment`, nearestName(variable, known), known);
  }
}

function optionNamed(name: string): OptionInfo {
  return (wholeSchema as Schema)[name] as OptionInfo;
}

function unknown(what: string, nearest: string | undefined, known: readonly string[]): GristmillError {
  const hint = nearest === undefined ? `known are ${known.join(', ')}` : `did you mean ${nearest}?`;
  return new GristmillError('config-invalid', `the ${what} is not an option\nhint: ${hint}`);
}

function wrong(code: 'command-line' | 'config-invalid', where: string, wants: string, given: unknown): GristmillError {
  const instead = given === undefined ? '' : `, not ${described(given)}`;
  return new GristmillError(code, `${where} takes ${wants}${instead}`);
}
