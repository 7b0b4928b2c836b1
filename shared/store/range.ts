/** Ranges of a read, checked alike in every store. */
import { GristmillError } from '../errors.js';
import type { ByteRange } from './object-store.js';

export function checkRange(range: ByteRange | undefined): ByteRange | undefined {
  if (range === undefined) return undefined;
  const { start, end } = range;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start <= end) return range;
  throw new GristmillError('internal', `not a range of bytes: [${start}, ${end})`);
}
