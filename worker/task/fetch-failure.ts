/**
 * Fetch failures: a shuffle object that is not there, or not as it was written. Its map attempt is to blame, not the
 * reader. Whatever else goes wrong with a read (a store that is away, a call that is aborted) is no fetch failure.
 */
import { GristmillError } from '../../shared/errors.js';

interface Written {
  readonly key: string;
  /** The map attempt; where it is not known, whoever asked names it. */
  readonly attempt?: string;
}

export function isFetchFailure(error: unknown): error is GristmillError {
  if (!(error instanceof GristmillError)) return false;
  return error.code === 'object-not-found' || error.code === 'shuffle-missing' || error.code === 'shuffle-corrupt';
}

/** A fetch failure names the object and who wrote it; any other error stays as it is. */
export function asFetchFailure(error: unknown, { key, attempt }: Written): unknown {
  if (!isFetchFailure(error) || error.producers) return error;
  const about = { cause: error, context: { key }, ...(attempt !== undefined && { producers: [attempt] }) };
  if (error.code === 'shuffle-corrupt') return new GristmillError('shuffle-corrupt', error.message, about);
  return new GristmillError('shuffle-missing', 'a shuffle object is gone', about);
}
