/** The entry point `gristmill/client`: jobs of a coordinator, from a program. See docs/guide/client.md. */
export { GristmillError, type ErrorCode, type Failure, type FailureClass } from '../shared/errors.js';
export type { Counts } from '../shared/counts.js';
export type { JobId } from '../shared/ids.js';
export { bundleJob as bundle, type Bundle } from './bundle/bundle.js';
export type { Job, JobEvent, JobState, LogChunk, LogOptions, StageProgress } from './job-types.js';
export type { WatchOptions } from './job-client.js';
export { Client, type ClientOptions, type SubmitOptions } from './library/client.js';
export { JobHandle, SubmittedJob, type WaitOptions } from './library/job-handle.js';
export { JobResult, type ResultPart } from './library/result.js';
export {
  Aborted,
  JobCancelled,
  JobEnded,
  JobExpired,
  JobFailed,
  JobNotCompleted,
  JobNotFound,
  NoResult,
  OverCapacity,
  PermissionDenied,
  Unauthenticated,
  Unavailable,
} from './library/errors.js';
