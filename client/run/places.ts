/** URIs as a person in this directory would write them. */
import { isAbsolute, relative } from 'node:path';
import { filePath } from '../../shared/store/uri.js';

/** A path below `directory` is shown relative to it, any other absolute; what is not a file stays a URI. */
export function displayUri(uri: string, directory: string): string {
  if (!uri.startsWith('file:')) return uri;
  const isFolder = uri.endsWith('/');
  const path = filePath(uri).replace(/(?<=.)\/$/, '');
  const short = relative(directory, path);
  const shown = short === '' ? '.' : short.startsWith('..') || isAbsolute(short) ? path : short;
  return isFolder && shown !== '/' ? `${shown}/` : shown;
}
