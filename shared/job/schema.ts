/** Standard Schema v1 (https://standardschema.dev), the part that is used: what it validates and how it says no. */

export interface Schema<T> {
  readonly '~standard': {
    readonly version: 1;
    readonly validate: (value: unknown) => SchemaResult<T> | Promise<SchemaResult<T>>;
    readonly types?: { readonly output: T } | undefined;
  };
}

export type SchemaResult<T> =
  { readonly value: T; readonly issues?: undefined } | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Some libraries' schemas are functions with properties, so both kinds of object are looked at. */
export function isSchema(value: unknown): value is Schema<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  const standard: unknown = (value as Record<string, unknown>)['~standard'];
  if (typeof standard !== 'object' || standard === null) return false;
  const { version, validate } = standard as Record<string, unknown>;
  return version === 1 && typeof validate === 'function';
}

/** `'address.city': Expected string; 'age': Expected number`; an issue without a path is its message alone. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  const shown = issues.slice(0, 10).map((issue) => {
    const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return path === '' ? issue.message : `'${path}': ${issue.message}`;
  });
  if (issues.length > shown.length) shown.push(`and ${issues.length - shown.length} more`);
  return shown.join('; ');
}
