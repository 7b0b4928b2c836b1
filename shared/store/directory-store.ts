/**
 * Objects as files below a folder: `run` on one machine, and fleets that share a file system.
 *
 * A put collects its bytes in a hidden file beside the key and makes it visible by one `rename` or, with `ifAbsent`, one
 * `link`, which never overwrites: no reader sees half an object. A staged write is a file in `_staging` beside the key,
 * named for its attempt; `publish` links it. Whatever a crash leaves is such a hidden or staged file, which listings
 * skip, no writer's key can name, and `discardStaged` removes.
 */
import type { Dirent } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { FileHandle } from 'node:fs/promises';
import { GristmillError } from '../errors.js';
import { isSealed, publishLost, stagedMissing } from './seal-check.js';
import { DirectoryFolders } from './directory-folders.js';
import { infoOf, listFiles } from './directory-list.js';
import { bytesInFile } from './directory-stage.js';
import { errno, isMissing, readError, writeError } from './file-errors.js';
import { FileReader } from './file-reader.js';
import { allocate, attempt as tryOut, etagOf, readFully, systemFiles, writeAll, type FileCalls } from './files.js';
import { PUT_PREFIX, STAGING, checkAttempt, checkKey, checkPrefix, checkWritableKey, folderOf } from './key.js';
import type {
  CallOptions,
  DiscardOptions,
  ObjectInfo,
  ObjectReader,
  ObjectStore,
  OpenOptions,
  PutOptions,
  ReadOptions,
  Seal,
  StageOptions,
  StagedWrite,
} from './object-store.js';
import { checkRange } from './range.js';
import { throwIfAborted } from './signal.js';
import { Staging } from './staging.js';
import { fileUri } from './uri.js';

const PIECE_BYTES = 1024 * 1024;
export interface DirectoryStoreOptions {
  /** For tests that fail a call. */
  readonly files?: FileCalls;
  /** Which emptied folders `delete` removes: any below the root (the default), or only those that this object made. */
  readonly prune?: 'any' | 'own';
}

export class DirectoryStore implements ObjectStore {
  readonly uri: string;
  /** Without a final slash: empty for the file system's root. */
  readonly #root: string;
  readonly #files: FileCalls;
  readonly #folders: DirectoryFolders;

  constructor(root: string, options: DirectoryStoreOptions = {}) {
    const path = resolve(root);
    this.uri = fileUri(path);
    this.#root = path === '/' ? '' : path;
    this.#files = options.files ?? systemFiles;
    this.#folders = new DirectoryFolders(this.#files, this.#root, options.prune ?? 'any');
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<{ readonly etag: string }> {
    const { ifAbsent = false, durable = true, signal } = options;
    const path = this.#path(checkWritableKey(key));
    throwIfAborted(signal);
    const { handle, name } = await this.#folders.create(dirname(path), PUT_PREFIX, path);
    let isVisible = false;
    try {
      let etag: string;
      try {
        await writeAll(handle, bytes);
        if (durable) await handle.sync();
        etag = etagOf(await handle.stat({ bigint: true }));
      } finally {
        await handle.close();
      }
      throwIfAborted(signal);
      isVisible = !ifAbsent && (await this.#reveal(() => this.#files.rename(name, path), path));
      if (ifAbsent) await this.#reveal(() => this.#linkAbsent(name, path), path);
      if (durable) await this.#folders.sync(path);
      return { etag };
    } catch (thrown) {
      throw writeError(thrown, path);
    } finally {
      if (!isVisible) await tryOut(this.#files.unlink(name));
    }
  }

  /** The call that makes an object visible: an error that does not say so leaves the outcome unknown. */
  async #reveal(call: () => Promise<void>, path: string): Promise<true> {
    try {
      await call();
      return true;
    } catch (thrown) {
      throw writeError(thrown, path, true);
    }
  }

  /** A network file system may repeat a link whose answer was lost, and then says that our own object is in the way. */
  async #linkAbsent(name: string, path: string): Promise<void> {
    try {
      await this.#files.link(name, path);
    } catch (thrown) {
      if (errno(thrown) === 'EEXIST' && (await this.#isSameFile(name, path))) return;
      throw thrown;
    }
  }

  async get(key: string, options: ReadOptions = {}): Promise<Uint8Array> {
    const path = this.#path(checkKey(key));
    const range = checkRange(options.range);
    throwIfAborted(options.signal);
    const handle = await this.#open(path);
    try {
      const { size } = await handle.stat();
      const start = Math.min(range?.start ?? 0, size);
      const bytes = allocate(Math.min(range?.end ?? size, size) - start);
      // In pieces, so that an abort need not wait for a large object.
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        throwIfAborted(options.signal);
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        const filled = await readFully(handle, piece, start + at);
        if (filled < piece.length) return bytes.subarray(0, at + filled);
      }
      // Even an empty range is a read, which a folder refuses.
      if (bytes.length === 0) await readFully(handle, allocate(1), 0);
      return bytes;
    } catch (thrown) {
      throw readError(thrown, path);
    } finally {
      await tryOut(handle.close());
    }
  }

  async *stream(key: string, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
    const path = this.#path(checkKey(key));
    const range = checkRange(options.range);
    throwIfAborted(options.signal);
    const handle = await this.#open(path);
    try {
      const { size } = await handle.stat();
      const end = Math.min(range?.end ?? size, size);
      const first = Math.min(range?.start ?? 0, end);
      const piece = allocate(Math.max(1, Math.min(PIECE_BYTES, end - first)));
      if (first === end) await readFully(handle, piece, 0);
      for (let at = first; at < end;) {
        throwIfAborted(options.signal);
        const filled = await readFully(handle, piece.subarray(0, Math.min(piece.length, end - at)), at);
        if (filled === 0) return;
        yield piece.subarray(0, filled);
        at += filled;
      }
    } catch (thrown) {
      throw readError(thrown, path);
    } finally {
      await tryOut(handle.close());
    }
  }

  async open(key: string, options: OpenOptions = {}): Promise<ObjectReader> {
    const path = this.#path(checkKey(key));
    const { start, end } = checkRange(options.range) ?? { start: 0, end: Infinity };
    throwIfAborted(options.signal);
    return new FileReader({ handle: await this.#open(path), path, start, end, ...options });
  }

  async head(key: string, options: CallOptions = {}): Promise<ObjectInfo | undefined> {
    checkKey(key);
    throwIfAborted(options.signal);
    return infoOf(this.#files, this.#root, key);
  }

  list(prefix: string, options: CallOptions = {}): AsyncIterable<ObjectInfo> {
    return listFiles(this.#files, this.#root, checkPrefix(prefix), options.signal);
  }

  async delete(keys: readonly string[], options: CallOptions = {}): Promise<void> {
    const folders = new Set<string>();
    for (const key of keys) {
      throwIfAborted(options.signal);
      const path = this.#path(checkKey(key));
      await this.#unlink(path);
      folders.add(dirname(path));
    }
    for (const folder of folders) await this.#folders.removeEmpty(folder);
  }

  async stage(key: string, attempt: string, options: StageOptions = {}): Promise<StagedWrite> {
    const path = this.#path(checkWritableKey(key));
    checkAttempt(attempt);
    throwIfAborted(options.signal);
    const folder = `${dirname(path)}/${STAGING}`;
    const { handle, name } = await this.#folders.create(folder, `${attempt}.`, path);
    const file = bytesInFile({
      handle,
      path: name,
      staged: name.slice(this.#root.length + 1),
      key,
      attempt,
      durable: options.durable ?? true,
      signal: options.signal,
      remove: async () => {
        await this.#unlink(name);
        await this.#folders.removeEmpty(folder);
      },
    });
    return new Staging(file);
  }

  async publish(seal: Seal, options: CallOptions = {}): Promise<void> {
    const path = this.#path(checkWritableKey(seal.key));
    const staged = this.#path(checkKey(seal.staged));
    throwIfAborted(options.signal);
    const isStaged = await this.#syncStaged(staged, seal);
    if (isStaged) await this.#reveal(() => this.#linkStaged(staged, path, seal, options), path);
    else if (!(await this.#isPublished(path, seal, options))) throw await this.#lostOrMissing(seal);
    await this.#folders.sync(path);
    await tryOut(this.#files.unlink(staged));
    await this.#folders.removeEmpty(dirname(staged));
  }

  /** False when there are no staged bytes, or not all of them: the power failed before they were sealed durably. */
  async #syncStaged(staged: string, seal: Seal): Promise<boolean> {
    let handle: FileHandle;
    try {
      handle = await this.#files.open(staged, 'r');
    } catch (thrown) {
      if (isMissing(thrown)) return false;
      throw readError(thrown, staged);
    }
    try {
      if ((await handle.stat()).size !== seal.bytes) return false;
      await handle.sync();
      return true;
    } catch (thrown) {
      throw writeError(thrown, staged);
    } finally {
      await tryOut(handle.close());
    }
  }

  async #linkStaged(staged: string, path: string, seal: Seal, options: CallOptions): Promise<void> {
    try {
      await this.#files.link(staged, path);
    } catch (thrown) {
      if (errno(thrown) === 'ENOENT' && !(await this.#isPublished(path, seal, options))) {
        throw await this.#lostOrMissing(seal);
      }
      if (errno(thrown) === 'ENOENT') return;
      if (errno(thrown) !== 'EEXIST') throw thrown;
      if (await this.#isSameFile(staged, path)) return;
      if (!(await this.#isPublished(path, seal, options))) throw publishLost(seal);
    }
  }

  async #lostOrMissing(seal: Seal): Promise<GristmillError> {
    return (await this.head(seal.key)) === undefined ? stagedMissing(seal) : publishLost(seal);
  }

  /** By the bytes: the file under the key is what the seal names. */
  async #isPublished(path: string, seal: Seal, options: CallOptions): Promise<boolean> {
    const info = await infoOf(this.#files, this.#root, seal.key);
    if (info?.bytes !== seal.bytes) return false;
    try {
      return await isSealed(seal, this.stream(seal.key, options));
    } catch (thrown) {
      if (thrown instanceof GristmillError && thrown.code === 'object-not-found') return false;
      throw readError(thrown, path);
    }
  }

  async discard(seal: Seal, options: CallOptions = {}): Promise<void> {
    const path = this.#path(checkWritableKey(seal.key));
    const staged = this.#path(checkKey(seal.staged));
    throwIfAborted(options.signal);
    if ((await this.#isSameFile(staged, path)) || (await this.#isPublished(path, seal, options))) {
      await this.#unlink(path);
    }
    await this.#unlink(staged);
    await this.#folders.removeEmpty(dirname(staged));
    await this.#folders.removeEmpty(dirname(path));
  }

  async discardStaged(prefix: string, options: DiscardOptions = {}): Promise<void> {
    checkPrefix(prefix);
    const folder = this.#path(folderOf(prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`));
    await this.#discardIn(folder.replace(/\/$/, ''), options);
  }

  async #discardIn(folder: string, options: DiscardOptions): Promise<void> {
    throwIfAborted(options.signal);
    for (const name of await this.#namesIn(`${folder}/${STAGING}`)) {
      throwIfAborted(options.signal);
      await this.#unlink(`${folder}/${STAGING}/${name}`);
    }
    for (const entry of await this.#entriesIn(folder)) {
      if (entry.name.startsWith(PUT_PREFIX)) await this.#unlink(`${folder}/${entry.name}`);
      else if (options.deep && entry.isDirectory()) await this.#discardIn(`${folder}/${entry.name}`, options);
    }
    await tryOut(this.#files.rmdir(`${folder}/${STAGING}`));
    await this.#folders.removeEmpty(folder);
  }

  async close(): Promise<void> {
    // Nothing stays open between calls.
  }

  #path(key: string): string {
    return `${this.#root}/${key}`;
  }

  async #open(path: string): Promise<FileHandle> {
    try {
      return await this.#files.open(path, 'r');
    } catch (thrown) {
      throw readError(thrown, path);
    }
  }

  async #isSameFile(a: string, b: string): Promise<boolean> {
    try {
      const [left, right] = await Promise.all([a, b].map((path) => this.#files.stat(path, { bigint: true })));
      return left !== undefined && left.ino === right?.ino && left.dev === right.dev;
    } catch (thrown) {
      if (isMissing(thrown)) return false;
      throw readError(thrown, b);
    }
  }

  async #namesIn(folder: string): Promise<string[]> {
    return (await this.#entriesIn(folder)).map(({ name }) => name);
  }

  async #entriesIn(folder: string): Promise<Dirent[]> {
    try {
      return await this.#files.readdir(folder === '' ? '/' : folder, { withFileTypes: true });
    } catch (thrown) {
      if (isMissing(thrown)) return [];
      throw readError(thrown, folder);
    }
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#files.unlink(path);
    } catch (thrown) {
      if (!isMissing(thrown)) throw writeError(thrown, path);
    }
  }
}
