/** What the engine sees of a definition: plain data and the user's functions, hidden behind one symbol. */
import type { OwnAggregator } from '../aggregation.js';
import { GristmillError } from '../errors.js';
import type { JobDescriptor } from '../plan.js';
import { described } from './options.js';
import { describeIssues, type Schema, type SchemaResult } from './schema.js';

export interface LoadedDefinition {
  readonly descriptor: JobDescriptor;
  readonly map: (record: unknown, emit: (...args: unknown[]) => void, ctx: unknown) => unknown;
  /** Undefined where an aggregator reduces, and for a map-only job. */
  readonly reduce:
    ((key: unknown, values: Iterable<unknown>, emit: (row: unknown) => void, ctx: unknown) => unknown) | undefined;
  /** An aggregator of the job's own. */
  readonly aggregator: OwnAggregator | undefined;
  /** Folds values of one key before the shuffle; only beside `reduce`. */
  readonly combine: ((earlier: unknown, later: unknown) => unknown) | undefined;
  readonly partition: ((key: unknown, count: number) => number) | undefined;
  readonly setup: ((ctx: unknown) => unknown) | undefined;
  readonly paramsSchema: Schema<unknown> | undefined;
  /** `read.items` only. */
  readonly items: readonly unknown[] | undefined;
  /** The schema of `read.jsonl`. */
  readonly recordSchema: Schema<unknown> | undefined;
}

/** Changes when `LoadedDefinition` does, so that a definition made by another gristmill is refused and not misread. */
export const DEFINITION_VERSION = 2;
const DEFINITION = Symbol.for('gristmill.definition');

interface Carried {
  readonly version: number;
  readonly definition: LoadedDefinition;
}

/** The value that a `define*` function returns. */
export function define(definition: LoadedDefinition): unknown {
  const carried: Carried = { version: DEFINITION_VERSION, definition: Object.freeze(definition) };
  return Object.freeze({ name: definition.descriptor.name, [DEFINITION]: carried });
}

function carriedBy(value: unknown): Carried | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as { readonly [DEFINITION]?: Carried })[DEFINITION];
}

/** The definition behind a default export; `definition-invalid` with what to do when it is none. */
export function definitionOf(value: unknown): LoadedDefinition {
  const carried = carriedBy(value);
  if (carried === undefined) throw new GristmillError('definition-invalid', `${whyNone(value)}; write: ${EXAMPLE}`);
  if (carried.version === DEFINITION_VERSION) return carried.definition;
  throw new GristmillError(
    'definition-invalid',
    `the definition was made by another version of gristmill (its definitions are of version ${carried.version}, ` +
      `this one reads ${DEFINITION_VERSION}): import defineJob from 'gristmill' and from nowhere else`,
  );
}

const EXAMPLE = "export default defineJob({ name: ..., input: read.text('books/*.txt'), map, reduce, output })";

function whyNone(value: unknown): string {
  if (value === undefined) return 'the job file has no default export';
  const wrong = `the default export is ${described(value)} and not what defineJob or defineMap returned`;
  if (typeof value !== 'object' || value === null) return wrong;
  if ('map' in value && 'output' in value) return `${wrong}: its options are not wrapped in defineJob(...)`;
  if ('then' in value) return `${wrong}: await it`;
  return wrong;
}

/** The definition that a loaded module exports by default; names those that are exported otherwise. */
export function definitionOfModule(namespace: Readonly<Record<string, unknown>>): LoadedDefinition {
  const exported = namespace['default'];
  if (exported === undefined) {
    const name = Object.keys(namespace).find((key) => carriedBy(namespace[key]) !== undefined);
    if (name !== undefined) {
      const remedy = `it exports a definition as '${name}', so end it with: export default ${name}`;
      throw new GristmillError('definition-invalid', `the job file has no default export; ${remedy}`);
    }
  }
  return definitionOf(exported);
}

/** Parameters as the definition sees them. They are frozen into the plan, so only JSON's values pass. */
export async function validateParams(
  schema: Schema<unknown> | undefined,
  given: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  if (schema === undefined) {
    const names = Object.keys(given).map((name) => `'${name}'`);
    if (names.length === 0) return {};
    const unknown = `unknown parameter${names.length === 1 ? '' : 's'} ${names.join(', ')}`;
    throw new GristmillError('params-invalid', `${unknown}: the definition has no 'params'`);
  }
  let result: SchemaResult<unknown>;
  try {
    result = await schema['~standard'].validate(given);
  } catch (thrown) {
    const { message } = GristmillError.from(thrown);
    throw new GristmillError('params-invalid', `the schema of params threw: ${message}`, { cause: thrown });
  }
  if (result.issues !== undefined) {
    throw new GristmillError('params-invalid', `wrong parameters: ${describeIssues(result.issues)}`);
  }
  refuseNonJson(result.value, 'params', 0);
  return result.value;
}

const PARAMS_DEPTH_MAX = 64;

function refuseNonJson(value: unknown, path: string, depth: number): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return;
  if (typeof value !== 'object' || !isPlain(value) || depth > PARAMS_DEPTH_MAX) {
    const kind = value instanceof Date ? 'a Date' : described(value);
    const remedy = 'parameters are kept as JSON, so convert it in setup';
    throw new GristmillError('params-invalid', `after its schema, ${path} is ${kind}: ${remedy}`);
  }
  for (const [name, part] of Object.entries(value)) {
    if (part === undefined && !Array.isArray(value)) continue; // left out, as JSON does
    refuseNonJson(part, `${path}.${name}`, depth + 1);
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

/** The record as `map` sees it, or a promise of it when the schema is asynchronous; `record-invalid` when it is refused. */
export function validateRecord(schema: Schema<unknown>, record: unknown): unknown {
  const result = schema['~standard'].validate(record);
  return result instanceof Promise ? result.then(recordFrom) : recordFrom(result);
}

function recordFrom(result: SchemaResult<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  throw new GristmillError('record-invalid', `the record does not fit the schema: ${describeIssues(result.issues)}`);
}
