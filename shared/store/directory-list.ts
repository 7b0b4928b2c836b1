/** Walks the folders of a directory store in the order of the keys. */
import type { Dirent } from 'node:fs';
import { isMissing, readError } from './file-errors.js';
import { etagOf, type FileCalls } from './files.js';
import { compareKeys, folderOf, isReserved } from './key.js';
import type { ObjectInfo } from './object-store.js';
import { throwIfAborted } from './signal.js';

/** Looked up together: enough to keep the disk busy, few enough to stop soon. */
const LOOKUPS = 64;

interface Entry {
  /** Relative to the root; a folder's with a final slash, by which it sorts among its neighbours. */
  readonly key: string;
  readonly isFolder: boolean;
}

/** Files whose key begins with `prefix`. Links to files count as files, links to folders are not followed. */
export async function* listFiles(
  files: FileCalls,
  root: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ObjectInfo> {
  throwIfAborted(signal);
  const entries = await entriesOf(files, root, folderOf(prefix), prefix);
  for (let at = 0; at < entries.length;) {
    const entry = entries[at];
    if (entry?.isFolder === true) {
      yield* listFiles(files, root, entry.key, signal);
      at += 1;
      continue;
    }
    throwIfAborted(signal);
    const end = endOfFiles(entries, at);
    const found = await Promise.all(entries.slice(at, end).map((file) => infoOf(files, root, file.key)));
    for (const info of found) if (info !== undefined) yield info;
    at = end;
  }
}

function endOfFiles(entries: readonly Entry[], from: number): number {
  let end = from;
  while (end < entries.length && end - from < LOOKUPS && entries[end]?.isFolder === false) end += 1;
  return end;
}

async function entriesOf(files: FileCalls, root: string, folder: string, prefix: string): Promise<Entry[]> {
  const path = `${root}/${folder}`;
  let found: Dirent[];
  try {
    found = await files.readdir(path, { withFileTypes: true });
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw readError(thrown, path);
  }
  const entries: Entry[] = [];
  for (const entry of found) {
    if (isReserved(entry.name)) continue;
    const isFolder = entry.isDirectory();
    const key = isFolder ? `${folder}${entry.name}/` : `${folder}${entry.name}`;
    if (key.startsWith(prefix)) entries.push({ key, isFolder });
  }
  return entries.sort((a, b) => compareKeys(a.key, b.key));
}

/** Undefined for what is no file, or is gone. */
export async function infoOf(files: FileCalls, root: string, key: string): Promise<ObjectInfo | undefined> {
  const path = `${root}/${key}`;
  try {
    const stats = await files.stat(path, { bigint: true });
    return stats.isFile() ? { key, bytes: Number(stats.size), etag: etagOf(stats) } : undefined;
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw readError(thrown, path);
  }
}
