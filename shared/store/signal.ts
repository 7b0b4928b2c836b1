/** How the store's calls honour an AbortSignal: with the signal's own reason when it is one of ours. */
import { GristmillError } from '../errors.js';

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  const reason: unknown = signal.reason;
  if (reason instanceof GristmillError) throw reason;
  throw new GristmillError('aborted', 'the call to the store was aborted', { cause: reason });
}
