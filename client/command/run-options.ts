/** What `gristmill run` was asked to do: raw text from the command line -> checked options. */
import { InvalidArgumentError } from 'commander';
import { GristmillError } from '../../shared/errors.js';
import { limits } from '../../shared/limits.js';

/** As commander hands them over. */
export interface RawRunOptions {
  readonly input?: readonly string[];
  readonly output?: string;
  readonly overwrite?: boolean;
  readonly param?: readonly string[];
  readonly workers?: number;
  readonly store?: string;
  readonly limit?: number;
  readonly dryRun?: boolean;
  readonly weight?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** What a submission says of a job. */
export interface JobOptions {
  readonly jobFile: string;
  readonly inputs: readonly string[];
  readonly output: string | undefined;
  readonly overwrite: boolean;
  readonly params: Readonly<Record<string, unknown>>;
  readonly limitRecords: number | undefined;
  readonly dryRun: boolean;
  /** Its share of slots among other jobs; undefined: 1. */
  readonly weight: number | undefined;
}

export type Screen = 'full' | 'json' | 'quiet';

export interface RunOptions extends JobOptions {
  /** Executors; undefined: one for each core. */
  readonly workers: number | undefined;
  /** The folder, or place in a bucket, in which the run makes its private store; undefined: `.gristmill`. */
  readonly storeUri: string | undefined;
  readonly screen: Screen;
  readonly verbose: boolean;
}

export function jobOptions(jobFile: string, raw: RawRunOptions): JobOptions {
  if (raw.output === '') throw emptyText('--output');
  return {
    jobFile,
    inputs: raw.input ?? [],
    output: raw.output,
    overwrite: raw.overwrite ?? false,
    params: parseParams(raw.param ?? []),
    limitRecords: raw.limit,
    dryRun: raw.dryRun ?? false,
    weight: raw.weight,
  };
}

export function runOptions(jobFile: string, raw: RawRunOptions): RunOptions {
  if (raw.store === '') throw emptyText('--store');
  return {
    ...jobOptions(jobFile, raw),
    workers: raw.workers,
    storeUri: raw.store,
    screen: screenOf(raw),
    verbose: raw.verbose ?? false,
  };
}

export function screenOf({ json, quiet }: Pick<RawRunOptions, 'json' | 'quiet'>): Screen {
  if (json && quiet) throw new GristmillError('command-line', '--json and --quiet exclude each other: choose one');
  return json ? 'json' : quiet ? 'quiet' : 'full';
}

function emptyText(flag: string): GristmillError {
  return new GristmillError('command-line', `${flag} needs a path or a URI, not an empty text`);
}

/** `k=v`, where `v` is JSON if it parses and a string if it does not. */
export function parseParams(pairs: readonly string[]): Record<string, unknown> {
  const params = new Map<string, unknown>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals <= 0) {
      throw new GristmillError('command-line', `--param ${JSON.stringify(pair)} is not of the form name=value`);
    }
    const name = pair.slice(0, equals);
    if (params.has(name)) throw new GristmillError('command-line', `--param ${name} is given twice`);
    params.set(name, jsonOrText(pair.slice(equals + 1)));
  }
  return Object.fromEntries(params);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function wholeNumber(text: string, max: number, min = 1): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  }
  return value;
}

export function parseWorkers(text: string): number {
  return wholeNumber(text, limits.slotsMax);
}

export function parseWeight(text: string): number {
  return wholeNumber(text, limits.jobWeightMax);
}

export function parseLimit(text: string): number {
  return wholeNumber(text, Number.MAX_SAFE_INTEGER);
}

/** Jobs in a list. */
export function parseListed(text: string): number {
  return wholeNumber(text, limits.jobsListedMax);
}

export function parseCursor(text: string): number {
  return wholeNumber(text, Number.MAX_SAFE_INTEGER, 0);
}
