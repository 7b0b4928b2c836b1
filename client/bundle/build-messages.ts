/** The compiler's complaints as one error for a person: file, line, column, what is wrong and what to do. */
import { isBuiltin } from 'node:module';
import type { Message } from 'esbuild';
import { GristmillError } from '../../shared/errors.js';

const SHOWN_MAX = 5;

export function describeFailure(thrown: unknown): GristmillError {
  const messages = messagesOf(thrown);
  const [first] = messages;
  if (first === undefined) {
    const { message } = GristmillError.from(thrown);
    return new GristmillError('bundle-failed', `the compiler failed: ${message}`, { cause: thrown });
  }
  const lines = messages.slice(0, SHOWN_MAX).map((message) => `${placeOf(message)}${textOf(message)}`);
  if (messages.length > SHOWN_MAX) lines.push(`and ${messages.length - SHOWN_MAX} more`);
  const where = placeOf(first).replace(/: $/, '');
  return new GristmillError('bundle-failed', lines.join('\n'), { ...(where !== '' && { where }) });
}

function messagesOf(thrown: unknown): readonly Message[] {
  if (!(thrown instanceof Error) || !('errors' in thrown) || !Array.isArray(thrown.errors)) return [];
  return thrown.errors as readonly Message[];
}

/** `word-count.ts:3:20: `, lines and columns from 1; the compiler counts columns in bytes from 0. */
function placeOf({ location }: Message): string {
  if (location === null) return '';
  const before = Buffer.from(location.lineText).subarray(0, location.column).toString();
  return `${location.file}:${location.line}:${before.length + 1}: `;
}

function textOf({ text }: Message): string {
  const unresolved = /^Could not resolve "([^"]+)"/.exec(text)?.[1];
  if (unresolved !== undefined) return `cannot find '${unresolved}'${remedyOf(unresolved)}`;
  const native = /^No loader is configured for "\.node" files: (.*)$/.exec(text)?.[1];
  if (native !== undefined) {
    return `a bundle cannot hold native modules: ${native}, and the options 'files' and 'external' are not built yet`;
  }
  const other = /^No loader is configured for "(\.[^"]+)" files: (.*)$/.exec(text);
  if (other !== null) return `a job cannot import ${other[1]} files (${other[2] ?? ''}): make it an input`;
  return text;
}

function remedyOf(name: string): string {
  if (name.startsWith('.') || name.startsWith('/')) return '';
  if (isBuiltin(name)) return '';
  return `: install the package beside the job file (npm install); 'paths' of a tsconfig.json are not read`;
}
