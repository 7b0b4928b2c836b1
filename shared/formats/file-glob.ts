/** Globs over folders and files: walks no further than the pattern leads. `**` does not follow links to folders. */
import { readdir, stat } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { GristmillError } from '../errors.js';
import { isMissing } from '../store/file-errors.js';
import { alternatives, isHidden, segmentsOf, type Segment } from './glob-pattern.js';

export interface GlobResult {
  /** Paths of files, or of what may be a file; unordered. */
  readonly paths: ReadonlySet<string>;
  /** The folders in which it looked. */
  readonly folders: readonly string[];
}

/** `path` is the encoded path of a `file:` URI. Folders that cannot be read throw `input-unreadable`. */
export async function expandGlob(path: string): Promise<GlobResult> {
  const paths = new Set<string>();
  const folders = new Set<string>();
  for (const alternative of alternatives(path)) {
    const segments = segmentsOf(alternative);
    const fixed = segments.findIndex((segment) => segment.kind !== 'name');
    const names = segments
      .slice(0, fixed === -1 ? -1 : fixed)
      .map((segment) => ('name' in segment ? segment.name : ''));
    folders.add(`/${names.join('/')}`);
    await new Walk(segments, paths).from(names.length === 0 ? '' : `/${names.join('/')}`, names.length);
  }
  return { paths, folders: [...folders] };
}

class Walk {
  readonly #segments: readonly Segment[];
  readonly #paths: Set<string>;
  /** Folders already walked from a segment: two `**` meet there. */
  readonly #seen = new Set<string>();

  constructor(segments: readonly Segment[], paths: Set<string>) {
    this.#segments = segments;
    this.#paths = paths;
  }

  /** `folder` without a final slash: empty for the root. */
  async from(folder: string, index: number): Promise<void> {
    const visit = `${index} ${folder}`;
    if (this.#seen.has(visit)) return;
    this.#seen.add(visit);
    const segment = this.#segments[index];
    const isLast = index === this.#segments.length - 1;
    if (segment === undefined) return;
    if (segment.kind === 'name') {
      const path = `${folder}/${segment.name}`;
      if (!isLast) await this.from(path, index + 1);
      else if (await isFile(path)) this.#paths.add(path);
      return;
    }
    if (segment.kind === 'folders' && !isLast) await this.from(folder, index + 1);
    for (const entry of await entriesOf(folder)) {
      if (isHidden(entry.name)) continue;
      await this.#enter(`${folder}/${entry.name}`, entry, segment, index, isLast);
    }
  }

  async #enter(path: string, entry: Dirent, segment: Segment, index: number, isLast: boolean): Promise<void> {
    if (segment.kind === 'folders') {
      if (entry.isDirectory()) await this.from(path, index);
      else if (isLast && (entry.isFile() || (await isFile(path)))) this.#paths.add(path);
      return;
    }
    if (segment.kind !== 'wildcard' || !segment.pattern.test(entry.name)) return;
    if (!isLast) {
      if (entry.isDirectory() || entry.isSymbolicLink()) await this.from(path, index + 1);
    } else if (entry.isFile() || (entry.isSymbolicLink() && (await isFile(path)))) this.#paths.add(path);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw unreadable(thrown, path);
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder === '' ? '/' : folder, { withFileTypes: true });
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw unreadable(thrown, folder);
  }
}

export function unreadable(thrown: unknown, path: string): GristmillError {
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new GristmillError(
    'input-unreadable',
    `cannot read ${path}: ${reason}; give this user permission to read it`,
    {
      cause: thrown,
      where: path,
    },
  );
}
