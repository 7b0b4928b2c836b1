/** Progress in shared memory: written by the user thread between blocks, read by the I/O thread now and then. */
import type { Progress } from '../ports.js';

export function createProgress(): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * Float64Array.BYTES_PER_ELEMENT);
}

/** `undefined` ends it: no attempt is running. */
export function writeProgress(memory: SharedArrayBuffer, progress: Progress | undefined): void {
  const words = new Float64Array(memory);
  words[0] = progress ? 1 : 0;
  words[1] = progress?.records ?? 0;
  words[2] = progress?.bytes ?? 0;
  words[3] = progress?.share ?? 0;
}

export function readProgress(memory: SharedArrayBuffer): Progress | undefined {
  const [running, records = 0, bytes = 0, share = 0] = new Float64Array(memory);
  return running === 1 ? { records, bytes, share } : undefined;
}
