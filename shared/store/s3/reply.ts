/** What came of one request, and what follows from it for whoever sent it. */
import type { IncomingHttpHeaders } from 'node:http';

export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/** The server answered, and did not do it. */
export interface Refusal {
  readonly kind: 'refusal';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** S3's name of it, such as `NoSuchKey`; empty when the answer has none. */
  readonly code: string;
  /** What the server says of it, shortened. */
  readonly says: string;
  /** What it says began as S3 says it and cannot be read: it came short, though it looks whole. */
  readonly isGarbled?: boolean;
}

/** No answer, or half of one. */
export interface Silence {
  readonly kind: 'silence';
  /** A connection was there, so the request may have arrived, or may arrive yet. */
  readonly wasSent: boolean;
  readonly reason: string;
  /** The system's name of the error, such as `ECONNREFUSED`. */
  readonly errno: string;
  readonly cause: Error;
}

export type Reply = Answer | Refusal | Silence;

/**
 * `settled`: the server has said what there is to say. `untouched`: nothing happened, and later it may. `unknown`: it may
 * have happened, or may happen yet.
 */
export type Outcome = 'settled' | 'untouched' | 'unknown';

export function outcomeOf(reply: Reply): Outcome {
  if (reply.kind === 'answer') return 'settled';
  if (reply.kind === 'silence') return reply.wasSent ? 'unknown' : 'untouched';
  // A server over its limit says so before it does anything.
  if (reply.status === 429) return 'untouched';
  // 503 is also said of a write that reached too few disks, and 409 while another write to the key is under way.
  if (reply.status >= 500 && !isForGood(reply)) return 'unknown';
  if (reply.status === 408 || reply.code === 'RequestTimeout') return 'unknown';
  if (reply.status === 409 && CONFLICTS.has(reply.code)) return 'unknown';
  // It was refused, and nobody knows why: a key that is not there, or a bucket. Once more, it says so.
  if (reply.isGarbled === true) return 'untouched';
  return 'settled';
}

const CONFLICTS = new Set(['ConditionalRequestConflict', 'OperationAborted']);

/** Errors of the server that do not pass by themselves. */
function isForGood({ status, code }: Refusal): boolean {
  return status === 501 || status === 507 || code === 'NotImplemented' || FULL.has(code);
}

export const FULL: ReadonlySet<string> = new Set([
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
  'QuotaExceeded',
]);

/** True when no answer came, or one that only says that the server cannot now: what a circuit breaker counts. */
export function isAway(reply: Reply): boolean {
  if (reply.kind === 'answer') return false;
  if (reply.kind === 'silence') return true;
  if (reply.isGarbled === true && reply.status < 500) return false;
  return outcomeOf(reply) !== 'settled' && reply.status !== 409;
}
