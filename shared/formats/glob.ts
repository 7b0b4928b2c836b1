/**
 * Globs over `file:` URIs: `*` and `?` within a name, `[a-z]` and `[!a-z]`, `{a,b}`, and `**` for any folders. Escaped
 * characters (`%2A`) stand for themselves. A wildcard never matches a name that begins with `_` or `.`, so that outputs
 * are inputs without their bookkeeping; such a name is matched where it is written out. `**` does not follow links to folders.
 */
import { readdir, stat } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { GristmillError } from '../errors.js';
import { isMissing } from '../store/file-errors.js';

type Segment =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'wildcard'; readonly pattern: RegExp }
  | { readonly kind: 'folders' };

/** Alternatives of a braces pattern; more are a mistake. */
const ALTERNATIVES_MAX = 1000;

/** True when the encoded path has a glob character that is not escaped. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

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
    const segments = alternative
      .split('/')
      .filter((segment) => segment !== '')
      .map(parseSegment);
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
      if (entry.name.startsWith('_') || entry.name.startsWith('.')) continue;
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

/** `a{b,c}` as `ab` and `ac`; braces without a comma, or unbalanced, stand for themselves. */
export function alternatives(pattern: string): string[] {
  const group = firstGroup(pattern);
  if (group === undefined) return [pattern];
  const before = pattern.slice(0, group.start);
  const after = alternatives(pattern.slice(group.end));
  const found: string[] = [];
  for (const choice of group.choices) {
    for (const inner of alternatives(choice)) for (const rest of after) found.push(before + inner + rest);
    if (found.length > ALTERNATIVES_MAX) {
      throw new GristmillError('invalid-request', `${pattern} has more than ${ALTERNATIVES_MAX} alternatives`);
    }
  }
  return found;
}

interface Group {
  readonly start: number;
  readonly end: number;
  readonly choices: readonly string[];
}

function firstGroup(pattern: string): Group | undefined {
  for (let start = pattern.indexOf('{'); start !== -1; start = pattern.indexOf('{', start + 1)) {
    const choices: string[] = [];
    let depth = 0;
    let from = start + 1;
    for (let at = start; at < pattern.length; at++) {
      const character = pattern.charAt(at);
      if (character === '{') depth += 1;
      if (character === '}') depth -= 1;
      if (depth > 1 || (character !== ',' && depth !== 0)) continue;
      choices.push(pattern.slice(from, at));
      from = at + 1;
      if (depth === 0 && choices.length > 1) return { start, end: at + 1, choices };
      if (depth === 0) break;
    }
  }
  return undefined;
}

function parseSegment(segment: string): Segment {
  if (segment === '**') return { kind: 'folders' };
  if (!/[*?[]/.test(segment)) return { kind: 'name', name: decode(segment) };
  try {
    return { kind: 'wildcard', pattern: new RegExp(`^${patternOf(segment)}$`, 'su') };
  } catch (cause) {
    if (cause instanceof GristmillError) throw cause;
    throw new GristmillError('invalid-request', `${segment} is no glob: a range in it runs backwards`, { cause });
  }
}

/** Token by token, in the encoded form, where `^` reads `%5E`: an escape, a class, a wildcard, or a character that stands for itself. */
function patternOf(segment: string): string {
  const tokens = /((?:%[0-9A-Fa-f]{2})+)|\[(!|%5E)?(\]?[^\]]*)\]|(\*+)|(\?)|([^])/gu;
  return segment.replace(tokens, (_token, escaped, not, members, stars, one, literal) => {
    if (typeof members === 'string') return `[${not === undefined ? '' : '^'}${membersOf(decode(members))}]`;
    if (stars !== undefined) return '[^/]*?';
    if (one !== undefined) return '[^/]';
    return quote(decode(String(escaped ?? literal)));
  });
}

/** A class keeps its ranges; everything else in it stands for itself. */
function membersOf(members: string): string {
  return members.replace(/[\\\]^[]/g, '\\$&').replace(/^-|-$/g, '\\-');
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function decode(segment: string): string {
  let name: string;
  try {
    name = decodeURIComponent(segment);
  } catch (cause) {
    throw new GristmillError('invalid-request', `${segment} is not percent-encoded UTF-8`, { cause });
  }
  if (name.includes('/') || name.includes('\0')) {
    throw new GristmillError('invalid-request', `${segment} has an escaped slash or NUL, which no name can have`);
  }
  return name;
}
