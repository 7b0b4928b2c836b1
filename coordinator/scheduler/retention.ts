/** How long what is over is kept. Decided by the wall clock of records: nothing that is right depends on it. */
import { limits } from '../../shared/limits.js';

export interface JobRetention {
  /** From a job's outcome until it is archived: until then its intermediate data, plan and logs are there. */
  readonly endedKeepMs: number;
  /** From a job's outcome until it is swept once more: what was written for it may land so late. */
  readonly lateWriteMs: number;
  /** From a job's outcome until it is forgotten, once it is archived. */
  readonly archivedKeepMs: number;
  /** Archived jobs beyond it are forgotten, the oldest first. */
  readonly archivedJobsMax: number;
  /** Code that was uploaded so lately stays: its job may not be submitted yet. */
  readonly uploadGraceMs: number;
  /** Between two looks at what is over. */
  readonly everyMs: number;
}

export interface Retention {
  /** A slot is deleted once there has been a snapshot for so long. */
  readonly journalKeepMs: number;
  /** Snapshots at least so far apart are remembered while slots after them are. */
  readonly snapshotSpacingMs: number;
  /** Undefined: no job is archived, and what was intermediate goes with the outcome. For stores that serve one job. */
  readonly jobs: JobRetention | undefined;
}

export const privateRetention: Retention = {
  journalKeepMs: limits.journalKeepMs,
  snapshotSpacingMs: limits.snapshotSpacingMs,
  jobs: undefined,
};

/** Of a coordinator that stands and serves job after job. */
export function standingRetention(
  lateWriteMs: number = limits.lateWriteMs,
): Retention & { readonly jobs: JobRetention } {
  return {
    ...privateRetention,
    jobs: {
      endedKeepMs: limits.endedKeepMs,
      lateWriteMs,
      archivedKeepMs: limits.archivedKeepMs,
      archivedJobsMax: limits.archivedJobsMax,
      uploadGraceMs: limits.uploadGraceMs,
      everyMs: Math.min(limits.upkeepMs, lateWriteMs),
    },
  };
}
