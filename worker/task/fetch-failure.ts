/** A shuffle object that is not there is a fetch failure: its map task is to blame, not the reader. */
import { GristmillError, hasCode } from '../../shared/errors.js';

export function asFetchFailure(error: unknown, key: string): unknown {
  if (!hasCode(error, 'object-not-found')) return error;
  return new GristmillError('shuffle-missing', 'a shuffle object is gone', { cause: error, context: { key } });
}
