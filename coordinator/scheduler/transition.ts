/**
 * The life of a job, as one table.
 *
 * ```
 *  validating ----> queued ----> in_progress ----> committing ----> completed ------------+
 *     |  |            |              |                 |  |  +-----> partial_success ------+
 *     |  |            |              |                 |  +--------> expired --------------+--> archived
 *     |  |            +--------------+-----------------+-----------> failed ---------------+
 *     |  |            |              |   (not from committing) ----> cancelled, expired ---+
 *     |  +--(failed, cancelled, expired)                                                   |
 *     +-----(completed: a dry run)---------------------------------------------------------+
 * ```
 *
 * From `committing` on, cancel and deadline are refused: winners and seals are in the journal and will be published.
 * A job whose deadline passes with some parts finished goes through `committing` with those alone, and is expired then.
 * An outcome never changes; only what was kept of it may later be archived.
 */
import { GristmillError } from '../../shared/errors.js';

export const JOB_STATES = [
  'validating',
  'queued',
  'in_progress',
  'committing',
  'completed',
  'partial_success',
  'failed',
  'expired',
  'cancelled',
  'archived',
] as const;

export type JobState = (typeof JOB_STATES)[number];

/** States in which a job still has something to do. */
export type ActiveState = 'validating' | 'queued' | 'in_progress' | 'committing';
export type Outcome = Exclude<JobState, ActiveState | 'archived'>;

const TABLE: Readonly<Record<JobState, readonly JobState[]>> = {
  validating: ['queued', 'completed', 'failed', 'expired', 'cancelled'],
  queued: ['in_progress', 'failed', 'expired', 'cancelled'],
  in_progress: ['committing', 'failed', 'expired', 'cancelled'],
  committing: ['completed', 'partial_success', 'failed', 'expired'],
  completed: ['archived'],
  partial_success: ['archived'],
  failed: ['archived'],
  expired: ['archived'],
  cancelled: ['archived'],
  archived: [],
};

export function mayMove(from: JobState, to: JobState): boolean {
  return TABLE[from].includes(to);
}

/** Refuses an edge that is not in the table. */
export function checkMove(from: JobState, to: JobState): void {
  if (!mayMove(from, to)) throw new GristmillError('internal', `a job never goes from ${from} to ${to}`);
}

export function isActive(state: JobState): state is ActiveState {
  return state === 'validating' || state === 'queued' || state === 'in_progress' || state === 'committing';
}

export const OUTCOMES: readonly Outcome[] = JOB_STATES.filter(
  (state): state is Outcome => !isActive(state) && state !== 'archived',
);
