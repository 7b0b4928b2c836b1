/** Whether stored bytes are those that a seal names, and what is said when they are not. */
import { createXxh64 } from '../codec/checksum.js';
import { GristmillError } from '../errors.js';
import type { Seal } from './object-store.js';

/** True when these are the bytes that the seal names. */
export async function isSealed(seal: Seal, pieces: AsyncIterable<Uint8Array>): Promise<boolean> {
  const checksum = createXxh64();
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > seal.bytes) return false;
    checksum.update(piece);
  }
  return bytes === seal.bytes && checksum.digest() === seal.xxh64;
}

export function publishLost(seal: Seal): GristmillError {
  return new GristmillError(
    'publish-lost',
    `${seal.key} holds an object that is not this job's: another job writes to the same output, or somebody changed it; ` +
      'choose another output and run again',
    { context: { key: seal.key, attempt: seal.attempt } },
  );
}

export function stagedMissing(seal: Seal): GristmillError {
  return new GristmillError('staged-missing', `the staged bytes of ${seal.key} are gone: its task must run again`, {
    context: { key: seal.key, attempt: seal.attempt, staged: seal.staged },
  });
}
