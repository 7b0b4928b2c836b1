/** The calls to the operating system that a directory store makes: one object, so that a test fails any of them. */
import * as system from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { errno } from './file-errors.js';

export type FileCalls = Pick<
  typeof system,
  'link' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'rmdir' | 'stat' | 'unlink'
>;

export const systemFiles: FileCalls = system;

/** Changes with the bytes: every write makes a new file, and a file changed in place has a new time or size. */
export function etagOf(stats: BigIntStats): string {
  return `${stats.mtimeNs.toString(36)}-${stats.size.toString(36)}-${stats.ino.toString(36)}`;
}

/** Plain bytes, not a Buffer, whose `slice` would not copy. */
export function allocate(bytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
}

export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

/** Reads until `into` is full or the file ends; returns the bytes read. */
export async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** For clean-up, whose failure changes nothing that was promised. */
export async function attempt(action: Promise<unknown>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch {
    return false;
  }
}

/** Makes the names in a folder survive a power failure. */
export async function syncFolder(files: FileCalls, folder: string): Promise<void> {
  const handle = await files.open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const NO_SYNC = new Set(['EACCES', 'EPERM', 'EINVAL', 'EISDIR', 'EBADF', 'ENOTSUP', 'EROFS']);

/**
 * Makes a folder itself survive: the names of it and of the folders above, up to `root`, in their parents. Folders that
 * this process may not open, and file systems that cannot sync folders, are left as they are. `done` spares repetitions.
 */
export async function syncFoldersAbove(
  files: FileCalls,
  folder: string,
  root: string,
  done: Set<string>,
): Promise<void> {
  const fresh: string[] = [];
  for (let at = folder; !done.has(at); at = dirname(at)) {
    fresh.push(at);
    if (at === root || at === dirname(at)) break;
  }
  for (const at of fresh) {
    try {
      await syncFolder(files, dirname(at));
    } catch (thrown) {
      if (!NO_SYNC.has(errno(thrown))) throw thrown;
    }
  }
  for (const at of fresh) done.add(at);
}
