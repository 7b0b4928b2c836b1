/** What the operating system says, as the store port's errors: what happened, to which path, what to do. */
import { GristmillError, type ErrorCode } from '../errors.js';

/** The system's name of an error, such as `ENOENT`; empty when it has none. */
export function errno(thrown: unknown): string {
  const code: unknown = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : '';
}

const NOT_FOUND = new Set(['ENOENT', 'ENOTDIR', 'EISDIR']);

/** True when there is no object at that path: nothing, a folder, or a file where a folder should be. */
export function isMissing(thrown: unknown): boolean {
  return NOT_FOUND.has(errno(thrown));
}

export function readError(thrown: unknown, path: string): GristmillError {
  if (isMissing(thrown)) return failure('object-not-found', `there is no object ${path}`, thrown, path);
  return common(thrown, path, 'read');
}

/**
 * An error before the object became visible: nothing happened. `isLast`: of the call that makes it visible, after
 * which an error of the device leaves the outcome unknown.
 */
export function writeError(thrown: unknown, path: string, isLast = false): GristmillError {
  switch (errno(thrown)) {
    case 'EEXIST':
      return failure('object-exists', `${path} exists already`, thrown, path);
    case 'ENOTDIR':
      return folderBlocked(thrown, path);
    case 'EISDIR':
    case 'ENOTEMPTY':
      return failure('store-denied', `cannot write ${path}: a folder lies there`, thrown, path);
    case 'ENOENT':
      return failure('store-unavailable', `cannot write ${path}: its folder went away meanwhile`, thrown, path);
    case 'ENOSYS':
    case 'EXDEV':
    case 'EMLINK':
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
      return failure(
        'store-denied',
        `cannot write ${path}: this file system has no hard links, which a store needs; choose a folder on another one`,
        thrown,
        path,
      );
    default:
      return common(thrown, path, 'write', isLast);
  }
}

export function folderBlocked(thrown: unknown, path: string): GristmillError {
  return failure('store-denied', `cannot write ${path}: a file lies where a folder is needed`, thrown, path);
}

/** The object is visible, but whether it would survive a power failure is unknown. */
export function unknownOutcome(thrown: unknown, path: string): GristmillError {
  return failure('store-timeout', `cannot say whether ${path} is safely on disk: ${text(thrown)}`, thrown, path);
}

function common(thrown: unknown, path: string, verb: 'read' | 'write', isUnknown = false): GristmillError {
  if (thrown instanceof GristmillError) return thrown;
  switch (errno(thrown)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return failure('disk-full', `no space left to ${verb} ${path}: free some, or choose another disk`, thrown, path);
    case 'EACCES':
    case 'EPERM':
      return failure(
        'store-denied',
        `not allowed to ${verb} ${path}: give ${user()} permission to ${verb} there, or choose another place` +
          (isUnknown && errno(thrown) === 'EPERM' ? ' (a file system without hard links says the same)' : ''),
        thrown,
        path,
      );
    case 'EROFS':
      return failure(
        'store-denied',
        `cannot ${verb} ${path}: the file system is read-only; choose another place`,
        thrown,
        path,
      );
    case 'ENAMETOOLONG':
    case 'ELOOP':
    case 'EINVAL':
      return failure('store-denied', `cannot ${verb} ${path}: ${text(thrown)}`, thrown, path);
    default:
      return isUnknown
        ? unknownOutcome(thrown, path)
        : failure('store-unavailable', `cannot ${verb} ${path}: ${text(thrown)}`, thrown, path);
  }
}

function failure(code: ErrorCode, message: string, cause: unknown, path: string): GristmillError {
  return new GristmillError(code, message, { cause, where: path });
}

function text(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function user(): string {
  const uid = process.geteuid?.();
  return uid === undefined ? 'this user' : `uid ${uid}`;
}
