/**
 * URIs and paths. What a person writes is a path, relative or absolute, a `file:` URI or an `s3:` URI (s3-uri.ts); inside
 * Gristmill it is always an absolute URI. In a path every character stands for itself except the glob characters
 * `* ? [ ] { }`; in a URI those may be escaped (`%2A`) to stand for themselves. A `?` in a URI is a glob character: neither
 * files nor objects have queries.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GristmillError } from '../errors.js';
import { isS3Uri, normaliseS3Uri } from './s3-uri.js';
import { encodePattern, encodeRest, invalidUri, literal } from './uri-encoding.js';

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]+):/;

/** A relative path, a glob or a URI as absolute URI. `baseUri` is a folder as `file:` URI with a final slash. */
export function resolveUri(uri: string, baseUri: string): string {
  if (uri === '') throw invalidUri(uri, 'it is empty');
  if (isS3Uri(uri)) return normaliseS3Uri(uri);
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
  if (scheme !== 'file') throw scheme === undefined ? invalidUri(uri, 'it has no scheme') : refusal(uri, scheme);
  const url = `file://${pathOf(uri).replaceAll('?', '%3F')}`;
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw invalidUri(uri, cause instanceof Error ? cause.message : 'it is malformed', cause);
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

/** The path of a `file:` URI as it is written: encoded, absolute. */
function pathOf(uri: string): string {
  const rest = uri.slice('file:'.length);
  const match = /^\/\/([^/]*)(\/.*)?$/s.exec(rest);
  const host = match?.[1] ?? '';
  const path = match === null ? rest : (match[2] ?? '');
  if (host !== '' && host !== 'localhost') throw invalidUri(uri, `it names the host ${host}; write file:///path`);
  if (!path.startsWith('/')) throw invalidUri(uri, 'its path is not absolute; write file:///path');
  return encodeRest(path);
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
  if (scheme === 's3') return invalidUri(uri, 'it is in an object store, and a file is needed here');
  return invalidUri(uri, `there is no store for ${scheme}:; use a path (./name for a name with a colon), file: or s3:`);
}
