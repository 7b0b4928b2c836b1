/**
 * The one error class, its closed list of codes, and the classification of failures as data.
 *
 * A message says what happened, where and what to do; `[key=value ...]` at its end names the parts concerned.
 */

/** Whose fault a failure is. See DESIGN: user's fault, machine's fault and fetch fault are three things everywhere. */
export type FailureClass =
  'user' | 'definition' | 'input' | 'output' | 'machine' | 'store' | 'fetch' | 'resources' | 'internal';

interface ErrorKind {
  readonly class: FailureClass;
  /** The same attempt elsewhere may succeed. */
  readonly retryable: boolean;
  /** A repetition spends one of the task's attempts. */
  readonly countsTowardLimit: boolean;
}

const once = (failureClass: FailureClass): ErrorKind => ({
  class: failureClass,
  retryable: false,
  countsTowardLimit: true,
});
const again = (failureClass: FailureClass, countsTowardLimit = true): ErrorKind => ({
  class: failureClass,
  retryable: true,
  countsTowardLimit,
});

/** Every error code, with how a failure of that code is treated. */
export const ERRORS = {
  // the definition, the command line
  'definition-invalid': once('definition'),
  'definition-load-failed': once('definition'),
  'bundle-failed': once('definition'),
  'bundle-corrupt': again('fetch'),
  'not-built-yet': once('definition'),
  'params-invalid': once('definition'),
  'setup-failed': once('user'),
  'command-line': once('definition'),
  'config-invalid': once('definition'),
  'credentials-missing': once('definition'),
  // user code and its data
  'map-failed': once('user'),
  'reduce-failed': once('user'),
  'aggregator-failed': once('user'),
  'combine-failed': once('user'),
  'partition-failed': once('user'),
  'map-not-repeatable': once('user'),
  'unhandled-rejection': once('user'),
  'emit-after-end': once('user'),
  'values-reused': once('user'),
  'exit-called': once('user'),
  'key-invalid': once('user'),
  'value-invalid': once('user'),
  'row-invalid': once('user'),
  'record-invalid': once('user'),
  'record-too-large': once('user'),
  // inputs and outputs
  'input-not-found': once('input'),
  'input-unreadable': once('input'),
  'input-changed': once('input'),
  'header-invalid': once('input'),
  'outside-data-roots': once('definition'),
  'output-occupied': once('output'),
  'output-unwritable': once('output'),
  'publish-lost': once('output'),
  'no-result': once('output'),
  'content-differs': once('store'),
  // machines, store, shuffle
  'executor-died': again('machine'),
  'out-of-memory': again('machine'),
  'handed-back': again('machine', false),
  'worker-lost': again('machine', false),
  'memory-exceeded': once('resources'),
  'disk-full': again('resources', false),
  'object-not-found': again('store'),
  'object-exists': once('store'),
  'object-changed': again('store'),
  'store-unavailable': again('store', false),
  'store-timeout': again('store', false),
  'store-denied': once('store'),
  'store-unfit': once('store'),
  'staged-missing': again('store'),
  'shuffle-corrupt': again('fetch'),
  'shuffle-missing': again('fetch'),
  'block-corrupt': again('fetch'),
  'out-of-balance': once('internal'),
  'deadline-passed': once('resources'),
  // the service
  'invalid-id': once('internal'),
  'invalid-request': once('definition'),
  'job-not-found': once('definition'),
  'job-ended': once('definition'),
  unauthenticated: once('definition'),
  'permission-denied': once('definition'),
  'tls-failed': once('definition'),
  'request-too-large': once('definition'),
  'over-capacity': again('resources', false),
  'protocol-mismatch': once('internal'),
  'worker-name-taken': once('definition'),
  unavailable: again('machine', false),
  fenced: once('internal'),
  'journal-corrupt': once('internal'),
  'manifest-invalid': once('internal'),
  aborted: once('internal'),
  internal: again('internal'),
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorContext {
  readonly [part: string]: string | number | bigint | undefined;
}

export interface ErrorOptions {
  readonly cause?: unknown;
  /** Named in `[...]` at the end of the message. */
  readonly context?: ErrorContext;
  /** A place a person can open: `words.ts:7:13`, or an input's URI with its offset. */
  readonly where?: string;
  /** The user's own frames, mapped to their TypeScript source. */
  readonly userStack?: string;
  /** The map attempts whose shuffle objects cannot be read: they are to blame, not who reads. */
  readonly producers?: readonly string[] | undefined;
}

export class GristmillError extends Error {
  override readonly name: string = 'GristmillError';
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly userStack: string | undefined;
  readonly producers: readonly string[] | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message + suffix(options.context), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.where = options.where;
    this.userStack = options.userStack;
    this.producers = options.producers;
  }

  /** Total: whatever was thrown becomes a GristmillError, with the original as its cause. */
  static from(thrown: unknown, code: ErrorCode = 'internal'): GristmillError {
    if (thrown instanceof GristmillError) return thrown;
    const message = messageOf(thrown);
    return new GristmillError(code, message === '' ? code : message, { cause: thrown });
  }
}

/** Objects without a prototype and getters of user code throw when they are made text. */
function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'something was thrown that cannot be shown';
  }
}

function suffix(context: ErrorContext | undefined): string {
  const parts = Object.entries(context ?? {}).filter(([, value]) => value !== undefined);
  return parts.length === 0 ? '' : ` [${parts.map(([name, value]) => `${name}=${value}`).join(' ')}]`;
}

/** A failure as data on the wire and in the journal. */
export interface Failure extends ErrorKind {
  readonly code: ErrorCode;
  readonly message: string;
  readonly where?: string | undefined;
  readonly stack?: string | undefined;
  /** Of a fetch failure: the map attempts whose shuffle objects cannot be read. */
  readonly producers?: readonly string[] | undefined;
}

/** The one function that classifies. */
export function failureOf(thrown: unknown): Failure {
  const error = GristmillError.from(thrown);
  return {
    ...ERRORS[error.code],
    code: error.code,
    message: error.message,
    where: error.where,
    stack: error.userStack,
    // Who reads what another has left broken is not to blame.
    ...(error.producers && { countsTowardLimit: false, producers: error.producers }),
  };
}

/** True when a machine was lost or full, and the task has nothing to do with it: another attempt costs it nothing. */
export function isMachineFault(failure: Failure): boolean {
  const isOfMachine = failure.class === 'machine' || failure.class === 'resources';
  return isOfMachine && failure.retryable && !failure.countsTowardLimit && failure.code !== 'handed-back';
}

/** A failure that was data, as the error it was. */
export function errorOf(failure: Failure): GristmillError {
  return new GristmillError(failure.code, failure.message, {
    ...(failure.where !== undefined && { where: failure.where }),
    ...(failure.stack !== undefined && { userStack: failure.stack }),
    ...(failure.producers && { producers: failure.producers }),
  });
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

export function hasCode(thrown: unknown, code: ErrorCode): boolean {
  return thrown instanceof GristmillError && thrown.code === code;
}
