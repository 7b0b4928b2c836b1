/** xxh64 of bytes that come in pieces. Against corruption only, never for authenticity. */
import xxhash from 'xxhash-wasm';
import { GristmillError } from '../errors.js';
import type { Seal } from './object-store.js';

/** The WASM memory of the hash grows to the largest piece and never shrinks. */
const PIECE_BYTES_MAX = 1024 * 1024;

const loading = xxhash();

export interface Checksum {
  update(bytes: Uint8Array): void;
  digest(): bigint;
}

export async function createChecksum(): Promise<Checksum> {
  const hash = (await loading).create64();
  return {
    update(bytes) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) hash.update(bytes.subarray(at, at + PIECE_BYTES_MAX));
    },
    digest: () => hash.digest(),
  };
}

/** True when these are the bytes that the seal names. */
export async function isSealed(seal: Seal, pieces: AsyncIterable<Uint8Array>): Promise<boolean> {
  const checksum = await createChecksum();
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
