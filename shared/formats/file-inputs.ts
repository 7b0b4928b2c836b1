/**
 * The files that an input names. A name that exists is taken as it is, even when it has glob characters. A folder stands for
 * the files directly in it. In a folder, as in a glob, names that begin with `_` or `.` are left out.
 */
import { readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GristmillError } from '../errors.js';
import { isMissing } from '../store/file-errors.js';
import { filePath } from '../store/uri.js';
import { expandGlob, unreadable } from './file-glob.js';
import { hiddenHint, isGlob, isHidden } from './glob-pattern.js';

/** Paths of files; `uri` is as it was given, `resolved` absolute. */
export async function filesOf(uri: string, resolved: string): Promise<Iterable<string>> {
  const encoded = resolved.slice('file://'.length);
  const literal = filePath(resolved).replace(/(?<=.)\/$/, '');
  const found = await kindOf(literal);
  if (found === 'folder') return filesIn(uri, literal);
  if (found === 'file') return [literal];
  if (found === 'other') {
    throw new GristmillError('input-unreadable', `input ${uri} is no file: ${literal}`, { where: literal });
  }
  if (!isGlob(encoded)) throw await notFound(uri, literal, [dirname(literal)], '');
  const { paths, folders } = await expandGlob(encoded);
  if (paths.size > 0) return paths;
  throw await notFound(uri, literal, folders, hiddenHint(encoded));
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'other' | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw unreadable(thrown, path);
  }
}

async function filesIn(uri: string, folder: string): Promise<string[]> {
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (thrown) {
    throw unreadable(thrown, folder);
  }
  const prefix = folder === '/' ? '' : folder;
  const paths: string[] = [];
  for (const { name } of entries) {
    if (isHidden(name)) continue;
    const path = `${prefix}/${name}`;
    if ((await kindOf(path)) === 'file') paths.push(path);
  }
  if (paths.length > 0) return paths;
  throw new GristmillError(
    'input-not-found',
    `input ${uri} is a folder without files of its own: looked in ${folder}; ` +
      `files in folders below it are read with ${uri.replace(/\/$/, '')}/**/*`,
    { where: folder },
  );
}

async function notFound(uri: string, path: string, folders: readonly string[], hint: string): Promise<GristmillError> {
  const shown = folders.slice(0, 3).join(', ') + (folders.length > 3 ? `, and ${folders.length - 3} more` : '');
  const missing = folders.length === 1 && (await kindOf(folders[0] ?? '/')) === undefined;
  const reason = missing ? `there is no folder ${shown}` : `looked in ${shown}`;
  return new GristmillError('input-not-found', `input ${uri} matches no file: ${reason}${hint}`, { where: path });
}
