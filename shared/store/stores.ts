/**
 * From URIs to stores. A composition root makes one `Stores`, hands it down and closes it at the end; whoever gets it opens
 * what it needs and closes nothing.
 */
import { resolve } from 'node:path';
import { DirectoryStore } from './directory-store.js';
import type { ObjectStore } from './object-store.js';
import { filePath, resolveUri } from './uri.js';

export interface Location {
  readonly store: ObjectStore;
  readonly key: string;
}

/** What finds the object of an input or output. */
export interface Locator {
  /**
   * The store and key of an absolute URI. For a `file:` URI that is the file system itself, in which folders that were there
   * before stay, even when a deletion empties them. A final slash is not part of the key.
   */
  locate(uri: string): Location;
}

export class Stores implements Locator {
  readonly #opened = new Set<ObjectStore>();
  #fileSystem: ObjectStore | undefined;

  /** A coordinator's store: a path, relative to the working directory, or a `file:` URI. */
  open(uri: string): ObjectStore {
    const isPath = !/^[A-Za-z][A-Za-z0-9+.-]+:/.test(uri) && uri !== '';
    return this.#keep(new DirectoryStore(isPath ? resolve(uri) : filePath(resolveUri(uri, 'file:///'))));
  }

  locate(uri: string): Location {
    const path = filePath(uri);
    this.#fileSystem ??= this.#keep(new DirectoryStore('/', { prune: 'own' }));
    return { store: this.#fileSystem, key: path.replace(/^\/+|\/+$/g, '') };
  }

  /** Closes all that was opened. */
  async close(): Promise<void> {
    const opened = [...this.#opened];
    this.#opened.clear();
    this.#fileSystem = undefined;
    await Promise.all(opened.map((store) => store.close()));
  }

  #keep(store: ObjectStore): ObjectStore {
    this.#opened.add(store);
    return store;
  }
}
