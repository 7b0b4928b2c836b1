/** A deadline is neither early nor forgotten, whoever leads when it passes. */
import type { JournalRecord } from '../../coordinator/scheduler/records.js';
import type { Job } from '../../coordinator/scheduler/state.js';
import { isActive } from '../../coordinator/scheduler/transition.js';
import type { JobId } from '../../shared/ids.js';
import type { World } from './world.js';

type JobRecord = Extract<JournalRecord, { readonly job: JobId }>;

export class DeadlineChecker {
  readonly #world: World;
  /** When something was recorded of a job past its deadline that did not end it. */
  readonly #late = new Map<JobId, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The job as it was before the record. */
  onRecord(job: Job | undefined, record: JobRecord): void {
    const deadlineMs = record.type === 'job-inspected' ? record.inspected.deadlineMs : job?.inspected?.deadlineMs;
    if (!job || deadlineMs === undefined || !isActive(job.state) || job.state === 'committing') return;
    const dueMs = job.submittedAtMs + deadlineMs;
    const isExpiry = record.type === 'job-moved' && (record.to === 'expired' || record.isPartial === true);
    if (isExpiry && record.atMs < dueMs) this.#world.violate(`${job.id} expires before its deadline`);
    if (isExpiry) this.#count('deadline passes');
    // What came in together with the passing of the deadline is recorded with it, at the same time.
    const lateMs = this.#late.get(job.id);
    if (lateMs !== undefined && record.atMs > lateMs) {
      this.#world.violate(`${job.id} goes on past its deadline: ${record.type} follows`);
    }
    if (record.atMs > dueMs && record.type !== 'job-moved') this.#late.set(job.id, record.atMs);
    else this.#late.delete(job.id);
  }

  #count(what: string): void {
    this.#world.faults.set(what, (this.#world.faults.get(what) ?? 0) + 1);
  }
}
