/**
 * One option of the configuration: its name in camel case is its key in a `--config` file, and gives the flag
 * (`leaseMs` -> `--lease-ms`) and the environment variable (`GRISTMILL_LEASE_MS`), so that none of them can differ.
 */

/** How values are written; `undefined` refuses what was given. */
export interface OptionType<T> {
  /** In help: `<n>`. Undefined for a switch, which is given or not. */
  readonly placeholder: string | undefined;
  /** What a right value is, for the message about a wrong one. */
  readonly wants: string;
  /** A wrong value may have a secret in it, and is not repeated. */
  readonly hidesWrong?: boolean;
  /** Given several times, or separated by commas in an environment variable. */
  readonly isList?: boolean;
  /** From a flag or a variable. `base`: the absolute folder at which relative paths start. */
  fromText(text: string, base: string): T | undefined;
  /** From a JSON value of the configuration file. */
  fromJson(value: unknown, base: string): T | undefined;
  /** As a person reads it, and could write it. */
  show(value: T): string;
}

export interface Option<T> {
  readonly type: OptionType<NonNullable<T>>;
  readonly default: T;
  /** A default that depends on something, in words; else the default itself is shown. */
  readonly defaultText?: string;
  /** A sentence for help and reference. */
  readonly doc: string;
  /** Its value is never shown. */
  readonly isSecret?: boolean;
  /** It says where the configuration is, so it is not a key of the file. */
  readonly flagAndVariableOnly?: boolean;
  /** Of one call of the command, so it is neither a key nor a variable. */
  readonly flagOnly?: boolean;
  /** Variables that other programs read too: looked at after the file, in this order; an empty one says nothing. */
  readonly alsoVariables?: readonly string[];
  /** It comes by those alone: a secret is no flag, which every list of processes shows. */
  readonly alsoVariablesOnly?: boolean;
}

/** Options by name; each has a type of its own. */
export type Schema = Readonly<Record<string, Option<never> | Option<unknown>>>;

export type ValuesOf<S> = { readonly [Name in keyof S]: S[Name] extends Option<infer T> ? T : never };

/** An option whose type of values does not matter. */
export type OptionInfo = Omit<Option<unknown>, 'default'> & { readonly default?: unknown };

export function option<T>(
  type: OptionType<NonNullable<T>>,
  byDefault: T,
  info: Omit<Option<T>, 'type' | 'default'>,
): Option<T> {
  return { type, default: byDefault, ...info };
}

export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function variableOf(name: string): string {
  return `GRISTMILL_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
