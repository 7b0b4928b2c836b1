/** Checks of the URIs in a definition: a path or glob, `file:` or `s3://bucket/key`. */
import { GristmillError } from '../errors.js';
import { isS3Uri, parseS3Uri } from '../store/s3-uri.js';
import { described, invalid, notBuilt } from './options.js';

const SCHEME = /^([a-z][a-z0-9+.-]+):/i;
const COMPRESSED = /\.(gz|zst)$/i;

export function inputUris(what: string, given: unknown): readonly string[] {
  const uris: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (uris.length === 0) throw invalid(`${what} wants at least one path, glob or URI`);
  return uris.map((uri) => {
    const checked = checkedUri(what, uri);
    const compressed = COMPRESSED.exec(checked);
    if (compressed) throw notBuilt(`${what}: reading ${compressed[0]} ("${checked}")`, 'decompress it first');
    return checked;
  });
}

export function outputUri(what: string, given: unknown): string {
  const uri = checkedUri(what, given);
  if (isS3Uri(uri) && parseS3Uri(uri).key === '') {
    throw invalid(`${what} writes below a folder of a bucket, as s3://bucket/folder: "${uri}"`);
  }
  if (/[*?[\]{}]/.test(uri)) throw invalid(`${what} writes below one prefix and takes no glob: "${uri}"`);
  return uri;
}

function checkedUri(what: string, uri: unknown): string {
  if (typeof uri !== 'string') throw invalid(`${what} wants a path, glob or URI, not ${described(uri)}`);
  if (uri.trim() === '') throw invalid(`${what} wants a path, glob or URI, not an empty string`);
  if (uri.includes('\0')) throw invalid(`${what}: a path cannot contain a zero byte: ${JSON.stringify(uri)}`);
  const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase();
  if (scheme === 's3') checkObjectUri(what, uri);
  else if (scheme !== undefined && scheme !== 'file' && uri.includes('://')) {
    throw invalid(`${what} takes a path, file: or s3:// URIs, not "${uri}"`);
  }
  return uri;
}

function checkObjectUri(what: string, uri: string): void {
  try {
    parseS3Uri(uri);
  } catch (thrown) {
    throw invalid(`${what}: ${GristmillError.from(thrown).message}`);
  }
}
