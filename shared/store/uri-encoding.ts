/** Percent-encoding of the paths in URIs: UTF-8, with the glob characters left as they are or escaped. */
import { GristmillError } from '../errors.js';

/** Percent-encodes a path and leaves glob characters alone. */
export function encodePattern(path: string): string {
  let encoded: string;
  try {
    encoded = encodeURI(path);
  } catch (cause) {
    throw invalidUri(path, 'it has half a character', cause);
  }
  // encodeURI leaves the `#` of fragments, and escapes brackets and braces; an escaped `%` reads `%25`.
  return encoded.replaceAll('#', '%23').replace(/%5B|%5D|%7B|%7D/g, decodeURIComponent);
}

/** The path of a URI may hold characters that should have been escaped; escapes that are there stay. */
export function encodeRest(path: string): string {
  return encodePattern(path).replace(/%25([0-9A-Fa-f]{2})/g, '%$1');
}

/** Escapes glob characters, so that each stands for itself. */
export function literal(encoded: string): string {
  return encoded.replace(/[*?[\]{}]/g, escape);
}

function escape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

export function invalidUri(uri: string, reason: string, cause?: unknown): GristmillError {
  return new GristmillError('invalid-request', `cannot use the URI ${JSON.stringify(uri)}: ${reason}`, { cause });
}
