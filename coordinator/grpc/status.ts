/** Errors on their way out: a gRPC status, and the code of the catalogue in the metadata `gristmill-code`. */
import { Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { GristmillError, type ErrorCode } from '../../shared/errors.js';

const STATUSES: Readonly<Partial<Record<ErrorCode, status>>> = {
  unauthenticated: status.UNAUTHENTICATED,
  'permission-denied': status.PERMISSION_DENIED,
  'request-too-large': status.RESOURCE_EXHAUSTED,
  'over-capacity': status.RESOURCE_EXHAUSTED,
  'invalid-request': status.INVALID_ARGUMENT,
  'invalid-id': status.INVALID_ARGUMENT,
  'bundle-corrupt': status.INVALID_ARGUMENT,
  'job-not-found': status.NOT_FOUND,
  'object-not-found': status.NOT_FOUND,
  'job-ended': status.FAILED_PRECONDITION,
  'protocol-mismatch': status.FAILED_PRECONDITION,
  'worker-name-taken': status.ALREADY_EXISTS,
  aborted: status.CANCELLED,
  unavailable: status.UNAVAILABLE,
  fenced: status.UNAVAILABLE,
  'store-unavailable': status.UNAVAILABLE,
  'store-timeout': status.UNAVAILABLE,
};

export function statusOf(thrown: unknown): StatusObject & Error {
  const error = GristmillError.from(thrown);
  const metadata = new Metadata();
  metadata.set('gristmill-code', error.code);
  const code = STATUSES[error.code] ?? status.INTERNAL;
  return Object.assign(new Error(error.message), { code, details: error.message, metadata });
}
