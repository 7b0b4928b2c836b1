/**
 * Logs of the engine: JSON lines on stderr, written before the call returns, so that none is lost at an exit. pino is
 * loaded only where somebody reads them.
 */
import type { Logger } from 'pino';
import { GristmillError } from '../shared/errors.js';

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** What may be logged of an error: no property that somebody attached to it, such as a request with its headers. */
function errorFields(thrown: unknown): object {
  if (!(thrown instanceof Error)) return { message: withoutQueries(String(thrown)) };
  return {
    type: thrown.name,
    ...(thrown instanceof GristmillError && { code: thrown.code, where: thrown.where }),
    message: withoutQueries(thrown.message),
    stack: withoutQueries(thrown.stack ?? ''),
    ...(thrown.cause !== undefined && { cause: errorFields(thrown.cause) }),
  };
}

/** A signed URL's query is a credential. */
export function withoutQueries(text: string): string {
  return text.replace(/(https?:\/\/[^\s?"']*)\?[^\s"']*/g, '$1?...');
}

export const serializers = {
  err: errorFields,
  error: errorFields,
  uri: (uri: unknown) => withoutQueries(String(uri)),
};

export async function createLogger(level: LogLevel): Promise<Logger> {
  if (level === 'silent') return silentLogger;
  const { pino } = await import('pino');
  return pino({ level, base: null, serializers }, pino.destination({ fd: 2, sync: true }));
}

const nothing = () => undefined;

/** The part of pino's logger that Gristmill uses, without pino. */
const silent = {
  level: 'silent',
  fatal: nothing,
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  silent: nothing,
  flush: nothing,
  bindings: () => ({}),
  isLevelEnabled: () => false,
  child: () => silentLogger,
};

export const silentLogger = silent as unknown as Logger;
