/**
 * From what a definition names to the files that are there: the inputs of a plan, in one order whatever the disk says.
 *
 * A name that exists is taken as it is, even when it has glob characters. A folder stands for the files directly in it.
 * In a folder, as in a glob, names that begin with `_` or `.` are left out.
 */
import { open, readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GristmillError } from '../errors.js';
import { limits } from '../limits.js';
import type { PlannedInput } from '../plan.js';
import { isMissing } from '../store/file-errors.js';
import { compareKeys } from '../store/key.js';
import type { Locator } from '../store/stores.js';
import { filePath, fileUri, resolveUri } from '../store/uri.js';
import { expandGlob, isGlob, unreadable } from './glob.js';

/** Looked up together. */
const LOOKUPS = 64;

/** Endings whose bytes are no lines. */
const NOT_BUILT = /\.(gz|tgz|zst|bz2|xz|lz4|lzma|br|zip|7z|snappy|parquet|avro|orc|arrow|feather|xlsx?)$/i;

/**
 * The files that `uris` name, ascending by UTF-8 bytes of their URI, each once, read to their end. A URI without a file is
 * `input-not-found`, a file that cannot be read `input-unreadable`, a compressed or columnar one `not-built-yet`.
 */
export async function expandInputs(uris: readonly string[], baseUri: string, stores: Locator): Promise<PlannedInput[]> {
  const paths = new Set<string>();
  for (const uri of uris) {
    for (const path of await pathsOf(uri, baseUri)) paths.add(path);
    if (paths.size > limits.inputsMax) {
      throw new GristmillError('invalid-request', `the inputs are more than ${limits.inputsMax} files, up to ${uri}`);
    }
  }
  const inputs: PlannedInput[] = [];
  const all = [...paths];
  for (let at = 0; at < all.length; at += LOOKUPS) {
    inputs.push(...(await Promise.all(all.slice(at, at + LOOKUPS).map((path) => planned(path, stores)))));
  }
  return inputs.sort((a, b) => compareKeys(a.uri, b.uri));
}

async function pathsOf(uri: string, baseUri: string): Promise<Iterable<string>> {
  const resolved = resolveUri(uri, baseUri);
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
  const hint = /(^|[/{,])[_.][^/]*[*?[]/.test(encoded) ? '; names that begin with _ or . are never matched' : '';
  throw await notFound(uri, literal, folders, hint);
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
    if (name.startsWith('_') || name.startsWith('.')) continue;
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

async function planned(path: string, stores: Locator): Promise<PlannedInput> {
  const ending = NOT_BUILT.exec(path)?.[0];
  if (ending !== undefined) {
    throw new GristmillError('not-built-yet', `reading ${ending} files is not built yet: ${path}`, { where: path });
  }
  const uri = fileUri(path);
  const { store, key } = stores.locate(uri);
  const info = await store.head(key);
  if (info === undefined) {
    const reason = path.includes('\ufffd') ? 'its name is not UTF-8' : 'it went away, or is no file';
    throw new GristmillError('input-unreadable', `cannot read ${path}: ${reason}`, { where: path });
  }
  const format = formatOf(await firstBytes(path));
  if (format !== undefined) {
    throw new GristmillError('not-built-yet', `reading ${format} files is not built yet: ${path}`, { where: path });
  }
  return { uri, bytes: info.bytes, end: info.bytes, etag: info.etag };
}

/** Read, as a task will read it: permissions alone do not say whether that works. */
async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(SAMPLE_BYTES), 0, SAMPLE_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw unreadable(thrown, path);
  }
}

const SAMPLE_BYTES = 8;

/** What files begin with that hold no lines, whatever they are called. None of them begins a text. */
const BEGINNINGS: readonly (readonly [format: string, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['UTF-16', [0xff, 0xfe]],
  ['UTF-16', [0xfe, 0xff]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
];

function formatOf(bytes: Uint8Array): string | undefined {
  return BEGINNINGS.find(([, beginning]) => beginning.every((byte, i) => bytes[i] === byte))?.[0];
}
