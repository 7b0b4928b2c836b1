/** From URIs to stores. */
import { resolve } from 'node:path';
import { DirectoryStore } from './directory-store.js';
import type { ObjectStore } from './object-store.js';
import { filePath, fileUri, resolveUri } from './uri.js';

/** A coordinator's store: a path, relative to the working directory, or a `file:` URI. */
export function openStore(uri: string): ObjectStore {
  const isPath = !/^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri) && uri !== '';
  return new DirectoryStore(isPath ? resolve(uri) : filePath(resolveUri(uri, 'file:///')));
}

export interface Location {
  readonly store: ObjectStore;
  readonly key: string;
}

let fileSystem: ObjectStore | undefined;

/**
 * The store and key of an input or output: for an absolute `file:` URI the file system itself. Folders that were there
 * before stay, even when a deletion empties them. A final slash is not part of the key.
 */
export function locate(uri: string): Location {
  const path = filePath(uri);
  fileSystem ??= new DirectoryStore('/', { prune: 'own' });
  return { store: fileSystem, key: path.replace(/^\/+|\/+$/g, '') };
}

/** The working directory, or any folder, as base for `resolveUri`. */
export function baseUriOf(folder: string): string {
  const uri = fileUri(resolve(folder));
  return uri.endsWith('/') ? uri : `${uri}/`;
}

export { resolveUri } from './uri.js';
