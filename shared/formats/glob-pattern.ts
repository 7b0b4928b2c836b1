/**
 * Globs over URIs: `*` and `?` within a name, `[a-z]` and `[!a-z]`, `{a,b}`, and `**` for any folders. Escaped characters
 * (`%2A`) stand for themselves. A wildcard never matches a name that begins with `_` or `.`, so that outputs are inputs without
 * their bookkeeping; such a name is matched where it is written out.
 */
import { GristmillError } from '../errors.js';

export type Segment =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'wildcard'; readonly pattern: RegExp }
  | { readonly kind: 'folders' };

/** Alternatives of a braces pattern; more are a mistake. */
const ALTERNATIVES_MAX = 1000;

/** True when the encoded path has a glob character that is not escaped. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/** True for a name that no wildcard matches. */
export function isHidden(name: string): boolean {
  return name.startsWith('_') || name.startsWith('.');
}

/** In an error about a pattern that matches nothing: it may have been meant to match hidden names. */
export function hiddenHint(path: string): string {
  return /(^|[/{,])[_.][^/]*[*?[]/.test(path) ? '; names that begin with _ or . are never matched' : '';
}

/** The segments of an encoded path without braces. */
export function segmentsOf(path: string): readonly Segment[] {
  return path
    .split('/')
    .filter((segment) => segment !== '')
    .map(parseSegment);
}

/** What every match of an encoded path without braces begins with, decoded: all up to its first wildcard. */
export function literalPrefix(path: string): string {
  const [beginning = ''] = path.split(/[*?[]/, 1);
  return beginning
    .split('/')
    .filter((segment, i, all) => segment !== '' || i === all.length - 1)
    .map(decode)
    .join('/');
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
