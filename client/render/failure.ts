/** Errors for the person: what happened, where, the user's own frames, what to do. Never a stack of the engine's. */
import type { ErrorCode, Failure, GristmillError } from '../../shared/errors.js';
import { harmless, paint, type Style } from './style.js';

/** What `where` begins with, when something is in a bucket: hints about folders say nothing of it. */
const OBJECT = 's3://';

/** Whoever looks after the bucket can help; the message says what it is about. */
const OBJECT_HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  'output-unwritable': 'check the bucket and what the access key may do there, or name another place with --output',
  'input-not-found': "quote patterns, so that the shell leaves them alone: --input 's3://bucket/logs/*'",
  'input-unreadable': 'check the bucket, and that the access key may list and read it',
  'store-denied': 'check the bucket and what the access key may do there: docs/guide/storage.md has a policy',
};

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  'output-occupied':
    'name another folder with --output; --overwrite replaces the result of an earlier run of Gristmill',
  'output-unwritable': 'check the permissions of the output folder, or name another with --output',
  'input-not-found':
    'relative paths start at the current directory; quote patterns, so that the shell leaves them alone',
  'input-unreadable': 'check that you may read the file',
  'input-changed': 'run again when nothing writes to the input any more',
  'header-invalid': 'files without a header are read with `header: false` and `columns` that name their cells',
  'store-denied': 'run in a folder that you may write to, or name one with --store DIR',
  'params-invalid': 'set parameters with --param name=value',
  'map-not-repeatable': 'let map depend on its record and its parameters alone: no clock, no random numbers',
  'unhandled-rejection': 'await the promise, or return it, so that its record waits for it',
  'emit-after-end': 'await everything that emits before map or reduce ends',
  'memory-exceeded': 'give the job more `memory`, or make its keys, values and records smaller',
  'executor-died': 'look at what user code and its native modules do; `gristmill logs` has what it printed',
  'out-of-memory': 'keep less in user code, or use fewer executors: each has its share of the memory',
  'disk-full': 'free some space, or put intermediate data elsewhere with --store DIR',
  unauthenticated: "--token-file FILE names the file that holds the coordinator's token",
  'permission-denied': 'ask whoever looks after the coordinator for a token of that role: docs/guide/security.md',
  'over-capacity': 'try again when some jobs have ended',
  'job-not-found': "'gristmill jobs' lists the jobs that there are",
  'out-of-balance': 'this is a defect of Gristmill: keep the private store and report it',
  internal: 'this may be a defect of Gristmill: --verbose shows the logs of its parts',
};

export interface FailureView {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where?: string | undefined;
  readonly stack?: string | undefined;
}

/** The lines of an error: message, places, the user's frames and what to do. */
export function failureLines(failure: FailureView, style: Style): string[] {
  const [message = '', ...more] = harmless(failure.message).split('\n');
  const lines = [`${paint(style, 'red', 'error:')} ${message}`, ...more];
  const where = failure.where === undefined ? '' : harmless(failure.where);
  // A stack begins with the message, as a JavaScript stack does; it is told once.
  const frames = framesOf(harmless(failure.stack ?? ''));
  const isShown = frames.some((frame) => frame.includes(where)) || failure.message.includes(where);
  if (where !== '' && !isShown) lines.push(`  at ${where}`);
  for (const frame of frames) lines.push(`    ${frame}`);
  const hint = (where.startsWith(OBJECT) ? OBJECT_HINTS[failure.code] : undefined) ?? HINTS[failure.code];
  if (hint !== undefined && !failure.message.includes('hint:')) lines.push(`hint: ${hint}`);
  return lines;
}

function framesOf(stack: string): string[] {
  const lines = stack.split('\n').map((line) => line.trim());
  const first = lines.findIndex((line) => line.startsWith('at '));
  return first < 0 ? [] : lines.slice(first).filter((line) => line !== '');
}

/** The same of an error that was thrown here: its own stack is the engine's, and stays out. */
export function errorLines(error: GristmillError, style: Style): string[] {
  const { code, message, where, userStack } = error;
  return failureLines({ code, message, where, stack: userStack }, style);
}

/** One line for `--quiet` and for an attempt that will be tried again. */
export function failureLine(failure: Failure): string {
  const message = harmless(failure.message).split('\n')[0] ?? '';
  const where = failure.where === undefined || message.includes(failure.where) ? '' : ` (${harmless(failure.where)})`;
  return message + where;
}
