/** The folders of a directory store: made when a file needs them, removed when they are empty, and made to last. */
import { dirname } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { FileHandle } from 'node:fs/promises';
import { systemClock } from '../clock.js';
import { errno, folderBlocked, unknownOutcome, writeError } from './file-errors.js';
import { attempt, type FileCalls } from './files.js';
import { STAGING } from './key.js';

/** A folder may be removed as empty between its making and its first file: then it is made again. */
const TRIES = 8;

/** No two threads or processes of a host share it, and names are taken exclusively in case two hosts do. */
const writer = `${process.pid}-${threadId}-${systemClock.now().toString(36)}`;
let names = 0;

export interface NewFile {
  readonly handle: FileHandle;
  readonly name: string;
}

export class DirectoryFolders {
  readonly #files: FileCalls;
  /** Without a final slash: empty for the file system's root. */
  readonly #root: string;
  readonly #prune: 'any' | 'own';
  readonly #made = new Set<string>();
  /** Folders whose own names are known to survive a power failure. */
  readonly #synced = new Set<string>();

  constructor(files: FileCalls, root: string, prune: 'any' | 'own') {
    this.#files = files;
    this.#root = root;
    this.#prune = prune;
  }

  /** A new file in `folder`, whose name begins with `prefix`. `path` is named in errors. */
  async create(folder: string, prefix: string, path: string): Promise<NewFile> {
    for (let tries = 1; ; tries++) {
      names += 1;
      const name = `${folder}/${prefix}${writer}-${names}`;
      try {
        return { handle: await this.#files.open(name, 'wx'), name };
      } catch (thrown) {
        const code = errno(thrown);
        if (tries === TRIES || (code !== 'ENOENT' && code !== 'EEXIST')) throw writeError(thrown, path);
        if (code === 'ENOENT') await this.#make(folder, path);
      }
    }
  }

  async #make(folder: string, path: string): Promise<void> {
    try {
      const first = await this.#files.mkdir(folder, { recursive: true });
      if (first === undefined) return;
      for (let at = folder; at.length >= first.length; at = dirname(at)) this.#made.add(at);
    } catch (thrown) {
      if (errno(thrown) === 'EEXIST') throw folderBlocked(thrown, path);
      // Another call removed a folder above it as empty: the caller tries again.
      if (errno(thrown) !== 'ENOENT') throw writeError(thrown, path);
    }
  }

  /** Makes the name of a file, and those of the folders above it, survive a power failure. */
  async sync(path: string): Promise<void> {
    try {
      await this.#syncNamesIn(dirname(path));
      await this.#syncAbove(dirname(path));
    } catch (thrown) {
      throw unknownOutcome(thrown, path);
    }
  }

  /** Folders that this process may not open, and file systems that cannot sync folders, are left as they are. */
  async #syncNamesIn(folder: string): Promise<void> {
    let handle: FileHandle | undefined;
    try {
      handle = await this.#files.open(folder, 'r');
      await handle.sync();
    } catch (thrown) {
      if (!NO_SYNC.has(errno(thrown))) throw thrown;
    } finally {
      await handle?.close();
    }
  }

  async #syncAbove(folder: string): Promise<void> {
    const fresh: string[] = [];
    for (let at = folder; !this.#synced.has(at); at = dirname(at)) {
      fresh.push(at);
      if (at === this.#root || at === dirname(at)) break;
    }
    for (const at of fresh) await this.#syncNamesIn(dirname(at));
    for (const at of fresh) this.#synced.add(at);
  }

  /** Removes a folder and those above it as far as they are empty, below the root. */
  async removeEmpty(folder: string): Promise<void> {
    for (let at = folder; at.length > this.#root.length && at !== '/'; at = dirname(at)) {
      if (this.#prune === 'own' && !this.#made.has(at) && !at.endsWith(`/${STAGING}`)) return;
      if (!(await attempt(this.#files.rmdir(at)))) return;
      this.#synced.delete(at);
      this.#made.delete(at);
    }
  }
}

const NO_SYNC = new Set(['EACCES', 'EPERM', 'EINVAL', 'EISDIR', 'EBADF', 'ENOTSUP', 'EROFS']);
