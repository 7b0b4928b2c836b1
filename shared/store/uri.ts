/**
 * URIs and paths. What a person writes is a path, relative or absolute, or a `file:` URI; inside Gristmill it is always
 * an absolute `file:///` URI. In a path every character stands for itself except the glob characters `* ? [ ] { }`; in a
 * URI those may be escaped (`%2A`) to stand for themselves. A `?` in a URI is a glob character: files have no queries.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GristmillError } from '../errors.js';

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]+):/;

/** A relative path, a glob or a URI as absolute URI. `baseUri` is a folder as `file:` URI with a final slash. */
export function resolveUri(uri: string, baseUri: string): string {
  if (uri === '') throw invalid(uri, 'it is empty');
  const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return normalise(uri.startsWith('/') ? encodePattern(uri) : literal(pathOf(baseUri)) + encodePattern(uri));
  }
  if (scheme === 'file') return normalise(pathOf(uri));
  throw refusal(uri, scheme);
}

/** The path that a `file:` URI names, decoded. */
export function filePath(uri: string): string {
  const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase();
  if (scheme !== 'file') throw scheme === undefined ? invalid(uri, 'it has no scheme') : refusal(uri, scheme);
  const url = `file://${pathOf(uri).replaceAll('?', '%3F')}`;
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw invalid(uri, cause instanceof Error ? cause.message : 'it is malformed', cause);
  }
}

/** A path as URI in which no character is a glob's. */
export function fileUri(path: string): string {
  return `file://${literal(encodePattern(path))}`;
}

/** The working directory, or any folder, as base for `resolveUri`. */
export function baseUriOf(folder: string): string {
  const uri = fileUri(resolve(folder));
  return uri.endsWith('/') ? uri : `${uri}/`;
}

function literal(encoded: string): string {
  return encoded.replace(/[*?[\]{}]/g, escape);
}

/** Percent-encodes a path and leaves glob characters alone. */
function encodePattern(path: string): string {
  let encoded: string;
  try {
    encoded = encodeURI(path);
  } catch (cause) {
    throw invalid(path, 'it has half a character', cause);
  }
  // encodeURI leaves the `#` of fragments, and escapes brackets and braces; an escaped `%` reads `%25`.
  return encoded.replaceAll('#', '%23').replace(/%5B|%5D|%7B|%7D/g, decodeURIComponent);
}

function escape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** The path of a `file:` URI as it is written: encoded, absolute. */
function pathOf(uri: string): string {
  const rest = uri.slice('file:'.length);
  const match = /^\/\/([^/]*)(\/.*)?$/s.exec(rest);
  const host = match?.[1] ?? '';
  const path = match === null ? rest : (match[2] ?? '');
  if (host !== '' && host !== 'localhost') throw invalid(uri, `it names the host ${host}; write file:///path`);
  if (!path.startsWith('/')) throw invalid(uri, 'its path is not absolute; write file:///path');
  // A URI may hold characters that should have been escaped; escapes that are there stay.
  return encodePattern(path).replace(/%25([0-9A-Fa-f]{2})/g, '%$1');
}

/** Without `.` and `..` segments or doubled slashes. */
function normalise(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  const isFolder = /\/\.{0,2}$/.test(path) && segments.length > 0;
  return `file:///${segments.join('/')}${isFolder ? '/' : ''}`;
}

function refusal(uri: string, scheme: string): GristmillError {
  if (scheme === 's3') {
    return new GristmillError('not-built-yet', `object stores over S3 are not built yet: ${uri}; use a path`);
  }
  return invalid(uri, `there is no store for ${scheme}:; use a path (./name for a name with a colon) or file:`);
}

function invalid(uri: string, reason: string, cause?: unknown): GristmillError {
  return new GristmillError('invalid-request', `cannot use the URI ${JSON.stringify(uri)}: ${reason}`, { cause });
}
