/** Keys: what they may be, how they are ordered, and the names that a directory store keeps for itself. */
import { GristmillError } from '../errors.js';

/** The folder beside an object in which its staged writes lie until they are published. */
export const STAGING = '_staging';
/** Files in which a put collects its bytes; nobody's glob matches a leading dot. */
export const PUT_PREFIX = '.gristmill-put-';

/** True for names that no listing shows and no writer may use. */
export function isReserved(name: string): boolean {
  return name === STAGING || name.startsWith(PUT_PREFIX);
}

const FORBIDDEN = /[\0\p{Surrogate}]/u;

/** A key as it came in, or `invalid-id`: parsed, never concatenated into a path unseen. */
export function checkKey(key: string): string {
  for (const segment of key.split('/')) checkSegment(segment, key);
  return key;
}

/** A key that may be written: also none of the reserved names. */
export function checkWritableKey(key: string): string {
  for (const segment of key.split('/')) {
    checkSegment(segment, key);
    if (isReserved(segment)) throw invalid(key, `the name ${segment} is reserved`);
  }
  return key;
}

/** A prefix: the beginning of a key, with or without a final slash, or nothing. */
export function checkPrefix(prefix: string): string {
  const segments = prefix.split('/');
  const last = segments.pop() ?? '';
  for (const segment of segments) checkSegment(segment, prefix);
  if (FORBIDDEN.test(last)) throw invalid(prefix, 'it has a character that no file name can have');
  return prefix;
}

/** The attempt's name is part of a file name. */
export function checkAttempt(attempt: string): string {
  checkSegment(attempt, attempt);
  if (attempt.includes('/')) throw invalid(attempt, 'an attempt has no slash');
  return attempt;
}

function checkSegment(segment: string, key: string): void {
  if (segment === '') throw invalid(key, 'it has an empty segment');
  if (segment === '.' || segment === '..') throw invalid(key, `it has the segment ${segment}`);
  if (FORBIDDEN.test(segment)) throw invalid(key, 'it has a character that no file name can have');
}

function invalid(key: string, reason: string): GristmillError {
  return new GristmillError('invalid-id', `not a key: ${JSON.stringify(key)}: ${reason}`);
}

/** `a/b/` of `a/b/c`: everything up to the last slash. */
export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf('/') + 1);
}

/** Ascending by UTF-8 bytes, which is by code point; JavaScript's `<` puts U+E000 to U+FFFF after surrogates. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    const isLeftPair = left >= 0xd800 && left <= 0xdfff;
    const isRightPair = right >= 0xd800 && right <= 0xdfff;
    if (isLeftPair !== isRightPair) return isLeftPair ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}
