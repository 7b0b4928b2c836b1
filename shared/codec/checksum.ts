/**
 * xxh64, the checksum of every byte format: 64 bits, against corruption only, never for authenticity.
 *
 * A digest is a bigint in `[0, 2^64)`; as text it is 16 lowercase hex digits; in bytes it is a little-endian u64. The WASM module is
 * loaded once, before any importer runs, so that everything below is synchronous. Its memory never shrinks, so that
 * larger inputs are fed to it in pieces.
 */
import xxhash from 'xxhash-wasm';
import { GristmillError } from '../errors.js';

const api = await xxhash();

/** The most that is copied into the WASM memory at once. */
const PIECE_BYTES = 1024 * 1024;
const HEX_64 = /^[0-9a-f]{16}$/;

export interface Xxh64 {
  update(bytes: Uint8Array): void;
  digest(): bigint;
}

/** A hasher of a stream; where its pieces are cut does not matter. */
export function createXxh64(seed = 0n): Xxh64 {
  const hasher = api.create64(seed);
  return {
    update(bytes) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) hasher.update(bytes.subarray(at, at + PIECE_BYTES));
    },
    digest: () => hasher.digest(),
  };
}

export function xxh64(bytes: Uint8Array, seed = 0n): bigint {
  if (bytes.length <= PIECE_BYTES) return api.h64Raw(bytes, seed);
  const hasher = createXxh64(seed);
  hasher.update(bytes);
  return hasher.digest();
}

export function hex64(digest: bigint): string {
  return digest.toString(16).padStart(16, '0');
}

/** The digest of 16 lowercase hex digits. */
export function parseHex64(text: string): bigint {
  if (!HEX_64.test(text)) throw new GristmillError('manifest-invalid', `not 16 hex digits: ${JSON.stringify(text)}`);
  return BigInt(`0x${text}`);
}
