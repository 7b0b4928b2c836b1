/** What user code threw, as a failure a person can act on: what, where in the source, on which record or key. */
import { GristmillError, hasCode, type ErrorCode } from '../../shared/errors.js';

export interface UserStack {
  readonly message: string;
  readonly stack: string;
  readonly where: string | undefined;
}

/** Maps an error's stack to the user's TypeScript. */
export type MapStack = (thrown: unknown) => UserStack;

/**
 * `doing` names the user's function and what it was given: "map, on the record at byte 12 of file:///a.txt". A refusal of
 * the engine's own (a wrong key, a second iteration) keeps its code.
 */
export function userError(thrown: unknown, code: ErrorCode, doing: string, mapStack: MapStack): GristmillError {
  const { message, stack, where } = mapStack(thrown);
  return new GristmillError(thrown instanceof GristmillError ? thrown.code : code, `${message} (in ${doing})`, {
    cause: thrown,
    ...(where !== undefined && { where }),
    userStack: stack,
  });
}

/** The kernel tells all about a job's function that folds values, except for where it is in the user's source. */
export function foldError(thrown: unknown, mapStack: MapStack): unknown {
  if (!hasCode(thrown, 'aggregator-failed') && !hasCode(thrown, 'combine-failed')) return thrown;
  const { code, message, cause } = thrown as GristmillError;
  const { stack, where } = mapStack(cause ?? thrown);
  return new GristmillError(code, message, { cause: thrown, ...(where !== undefined && { where }), userStack: stack });
}
