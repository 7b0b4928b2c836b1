/**
 * An error of user code as its author wants to see it: only frames of the bundle, each mapped to the file, line and
 * column it was written at. Whatever was thrown gives an answer: a value that is no error, an error with a broken stack.
 */
import { SourceMap } from 'node:module';
import { inspect } from 'node:util';

export interface UserStack {
  /** `TypeError: x is not a function`; a plain Error's message alone. */
  readonly message: string;
  /** The message, the user's frames below it, then its causes. */
  readonly stack: string;
  /** The first of the user's frames, one of the job's own files before one of an npm import: `word-count.ts:7:13`. */
  readonly where: string | undefined;
}

export interface UserStackOptions {
  /** The URL that the bundle was imported from. */
  readonly bundleUrl: string;
  /** A parsed map, or the bundle's text with its inline map. */
  readonly sourceMap: SourceMap | string;
}

const CAUSES_MAX = 5;
const MESSAGE_CHARACTERS_MAX = 8_192;

export function mapUserStack(thrown: unknown, options: UserStackOptions): UserStack {
  const map = typeof options.sourceMap === 'string' ? inlineSourceMap(options.sourceMap) : options.sourceMap;
  const place = (line: number, column: number) => sourcePlace(map, line, column);
  return stackOf(thrown, (stack) => userFrames(stack, options.bundleUrl, place));
}

/** The message of what was thrown, with those frames of its stack that are the user's, and with its causes. */
export function stackOf(thrown: unknown, framesOf: (stack: string) => readonly Frame[]): UserStack {
  const lines: string[] = [];
  let where: string | undefined;
  let error = thrown;
  const seen = new Set<unknown>();
  do {
    seen.add(error);
    const stack = property(error, 'stack');
    const frames = typeof stack === 'string' ? framesOf(stack) : [];
    lines.push(
      `${seen.size === 1 ? '' : 'caused by: '}${messageOf(error)}`,
      ...frames.map(({ text }) => `    ${text}`),
    );
    where ??= (frames.find(({ where }) => !where.includes('node_modules/')) ?? frames[0])?.where;
    error = property(error, 'cause');
  } while (error !== undefined && error !== null && !seen.has(error) && seen.size < CAUSES_MAX);
  return { message: messageOf(thrown), stack: lines.join('\n'), where };
}

/** A reader of user's stacks for one bundle; the map is read and parsed at the first error. */
export function userStackMapper(bundleUrl: string, readBundle: () => string): (thrown: unknown) => UserStack {
  let sourceMap: SourceMap | undefined;
  return (thrown) => {
    sourceMap ??= inlineSourceMap(readBundle()) ?? new SourceMap(EMPTY_MAP);
    return mapUserStack(thrown, { bundleUrl, sourceMap });
  };
}

const EMPTY_MAP = { file: '', version: 3, sources: [], sourcesContent: [], names: [], mappings: '', sourceRoot: '' };
const INLINE_MAP = '\n//# sourceMappingURL=data:application/json;base64,';

export function inlineSourceMap(bundle: string): SourceMap | undefined {
  const start = bundle.lastIndexOf(INLINE_MAP);
  if (start < 0) return undefined;
  const encoded = bundle.slice(start + INLINE_MAP.length).trim();
  return new SourceMap(
    JSON.parse(Buffer.from(encoded, 'base64').toString()) as ConstructorParameters<typeof SourceMap>[0],
  );
}

/** `word-count.ts:7:13`, or undefined for code of the engine's that the bundle carries. */
function sourcePlace(map: SourceMap | undefined, line: number, column: number): string | undefined {
  const entry = map?.findEntry(line - 1, column - 1);
  // A position before a line's first mapping finds the line above: it is nobody's.
  if (!entry || !('originalSource' in entry) || entry.generatedLine !== line - 1) return undefined;
  if (entry.originalSource.startsWith('gristmill:')) return undefined;
  return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

export interface Frame {
  /** `at map (word-count.ts:7:13)`. */
  readonly text: string;
  readonly where: string;
}

function userFrames(
  stack: string,
  bundleUrl: string,
  place: (line: number, column: number) => string | undefined,
): readonly Frame[] {
  const frames: Frame[] = [];
  for (const line of stack.split('\n')) {
    const start = line.indexOf(bundleUrl);
    if (start < 0) continue;
    const [, row, column] = /^(?:[?#][^:\s]*)?:(\d+)(?::(\d+))?/.exec(line.slice(start + bundleUrl.length)) ?? [];
    if (row === undefined) continue;
    const where = place(Number(row), Number(column ?? 1));
    if (where === undefined) continue;
    const name = /^\s*at (.*?) ?\(?(?:eval at .*)?$/.exec(line.slice(0, start))?.[1]?.replace(/\bObject\.(?=\w)/, '');
    frames.push({ text: name ? `at ${name} (${where})` : `at ${where}`, where });
  }
  return frames;
}

function messageOf(thrown: unknown): string {
  return shortened(isError(thrown) ? errorMessage(thrown) : `${inspected(thrown)} was thrown, which is no Error`);
}

function errorMessage(error: Error): string {
  const name = property(error, 'name');
  const message = property(error, 'message');
  const text = typeof message === 'string' ? message : inspected(message);
  const plain = name === 'Error' || name === 'GristmillError' || typeof name !== 'string' || name === '';
  if (plain) return text === '' ? 'an error without a message' : text;
  return text === '' ? name : `${name}: ${text}`;
}

/** Errors of another realm (vm, a copy of a library) are errors too. */
function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
  } catch {
    return false; // a proxy may throw at anything
  }
}

/** Getters and proxies of user code may throw. */
function property(value: unknown, name: string): unknown {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return undefined;
  try {
    return (value as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

function inspected(value: unknown): string {
  try {
    return inspect(value, { depth: 2, breakLength: Infinity, maxStringLength: 1_000, maxArrayLength: 20 });
  } catch {
    return 'a value that cannot be shown';
  }
}

function shortened(text: string): string {
  return text.length <= MESSAGE_CHARACTERS_MAX ? text : `${text.slice(0, MESSAGE_CHARACTERS_MAX)}... (shortened)`;
}
