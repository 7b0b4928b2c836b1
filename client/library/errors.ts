/**
 * What `gristmill/client` throws: always a GristmillError with its code, and of a class of its own where a program does
 * something about it. Those that say how a job ended have the job.
 */
import { errorOf, failureOf, GristmillError, type ErrorCode, type ErrorOptions } from '../../shared/errors.js';
import type { Job } from '../job-types.js';

/** The job has ended, and not with a whole result. */
export abstract class JobNotCompleted extends GristmillError {
  readonly job: Job;

  constructor(code: ErrorCode, message: string, job: Job, options: ErrorOptions = {}) {
    super(code, message, options);
    this.job = job;
  }
}

/** `code`, `where` and `userStack` are those of the failure that ended it. */
export class JobFailed extends JobNotCompleted {
  override readonly name = 'JobFailed';

  constructor(job: Job) {
    const failure = job.failure ?? failureOf(new GristmillError('internal', job.reason));
    const { code, message, where, userStack } = errorOf(failure);
    super(code, `job ${job.job} failed: ${message}`, job, {
      ...(where !== undefined && { where }),
      ...(userStack !== undefined && { userStack }),
    });
  }

  /** True when the job's own code, its definition or its input is to blame: it would fail again. */
  get isOfUser(): boolean {
    return ['user', 'definition', 'input'].includes(this.job.failure?.class ?? '');
  }
}

export class JobCancelled extends JobNotCompleted {
  override readonly name = 'JobCancelled';

  constructor(job: Job) {
    super('aborted', `job ${job.job} was cancelled${job.reason === '' ? '' : `: ${job.reason}`}`, job);
  }
}

/** Its deadline passed. What was finished by then is published: `job.parts`. */
export class JobExpired extends JobNotCompleted {
  override readonly name = 'JobExpired';

  constructor(job: Job) {
    super('deadline-passed', `job ${job.job} was not done by its deadline`, job);
  }
}

/** No coordinator answered, for as long as it was tried. */
export class Unavailable extends GristmillError {
  override readonly name = 'Unavailable';
}

/** The token is missing or wrong. */
export class Unauthenticated extends GristmillError {
  override readonly name = 'Unauthenticated';
}

/** The token is right, and its role allows less. */
export class PermissionDenied extends GristmillError {
  override readonly name = 'PermissionDenied';
}

/** The coordinator has as many jobs as it takes: the same submission may come again later. */
export class OverCapacity extends GristmillError {
  override readonly name = 'OverCapacity';
}

export class JobNotFound extends GristmillError {
  override readonly name = 'JobNotFound';
}

/** It cannot be cancelled any more. */
export class JobEnded extends GristmillError {
  override readonly name = 'JobEnded';
}

/** The job has no result yet, will have none, or what it had is gone. */
export class NoResult extends GristmillError {
  override readonly name = 'NoResult';
}

/** The program itself gave up, by a signal or by closing the client. */
export class Aborted extends GristmillError {
  override readonly name = 'Aborted';
}

type OwnClass = new (code: ErrorCode, message: string, options?: ErrorOptions) => GristmillError;

const CLASSES: Readonly<Partial<Record<ErrorCode, OwnClass>>> = {
  unavailable: Unavailable,
  unauthenticated: Unauthenticated,
  'permission-denied': PermissionDenied,
  'over-capacity': OverCapacity,
  'job-not-found': JobNotFound,
  'job-ended': JobEnded,
  'no-result': NoResult,
  aborted: Aborted,
};

/** Total: whatever was thrown, of the class that its code has here. */
export function typed(thrown: unknown): GristmillError {
  const error = GristmillError.from(thrown);
  const Own = CLASSES[error.code];
  if (Own === undefined || error.name !== 'GristmillError') return error; // it has its class
  return new Own(error.code, error.message, { cause: error, ...(error.where !== undefined && { where: error.where }) });
}

/** How a job ended, as an error; undefined when it has a whole result. */
export function errorOfOutcome(job: Job): JobNotCompleted | undefined {
  const outcome = job.outcome ?? job.state;
  if (outcome === 'failed') return new JobFailed(job);
  if (outcome === 'cancelled') return new JobCancelled(job);
  if (outcome === 'expired') return new JobExpired(job);
  return undefined;
}
