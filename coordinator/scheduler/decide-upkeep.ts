/**
 * What becomes of what is over: slots behind a snapshot, ended jobs, archived ones.
 *
 * ```
 *  completed, partial_success, failed, expired, cancelled
 *      -- lateWriteMs after the outcome              -->  swept once more
 *      -- endedKeepMs after the outcome, cleaned up -->  archived     shuffle data, plan, logs and code are swept
 *      -- archivedKeepMs, or one of too many -->         forgotten    its evidence is swept, and no record is left of it
 * ```
 */
import type { Command, Decision, Now } from './events.js';
import { pendingEffects } from './effects.js';
import { isLateSweepDue, isLateSwept } from './late-sweep.js';
import type { JournalRecord } from './records.js';
import type { Retention } from './retention.js';
import { isEnded, type DurableState, type EndedJob } from './state.js';
import type { SchedulerState } from './volatile.js';

/** A snapshot is in the store: what lies far enough behind it may go. */
export function decideSnapshot({ durable, volatile }: SchedulerState, slot: number, now: Now): Decision {
  const { snapshots } = durable;
  if ((snapshots.at(-1)?.slot ?? 0) >= slot) return { records: [], commands: [] };
  const { retention } = volatile;
  const taken: JournalRecord = {
    type: 'snapshot-taken',
    slot,
    atMs: now.wallMs,
    replaces: replacedBy(durable, retention),
  };
  const kept = [...snapshots.filter((before) => before.slot !== taken.replaces), { slot, atMs: now.wallMs }];
  const upTo = collectable(kept, retention, now);
  const collected: readonly JournalRecord[] =
    upTo > durable.collected ? [{ type: 'journal-collected', slot: upTo, atMs: now.wallMs }] : [];
  const collect: Command = {
    type: 'collect-journal',
    upTo: Math.max(upTo, durable.collected),
    fences: durable.fences,
    snapshots: kept.map((one) => one.slot).filter((one) => one >= upTo),
  };
  return { records: [taken, ...collected], commands: [collect] };
}

/** The last snapshot need not be remembered when it came soon after the one before it. */
function replacedBy({ snapshots }: DurableState, retention: Retention): number | undefined {
  const [before, last] = snapshots.slice(-2);
  return before && last && last.atMs - before.atMs < retention.snapshotSpacingMs ? last.slot : undefined;
}

/** The last slot that nobody needs: before a snapshot that is old enough, and not the newest, which might be damaged. */
function collectable(snapshots: DurableState['snapshots'], { journalKeepMs }: Retention, now: Now): number {
  const old = snapshots.slice(0, -1).filter(({ atMs }) => atMs + journalKeepMs <= now.wallMs);
  return old.at(-1)?.slot ?? 0;
}

/** Jobs whose time is over. Looks at all of them, so it is asked now and then, not at every event. */
export function decideRetention({ durable, volatile }: SchedulerState, now: Now): Decision {
  const { retention, boards } = volatile;
  const { jobs } = retention;
  if (!jobs || now.monotonicMs < volatile.nextUpkeepMs) return { records: [], commands: [] };
  volatile.nextUpkeepMs = now.monotonicMs + jobs.everyMs;
  const records: JournalRecord[] = [];
  const archived: EndedJob[] = [];
  for (const job of durable.jobs.values()) {
    if (!isEnded(job)) continue;
    if (job.state === 'archived') archived.push(job);
    else if (isLateSweepDue(job, jobs, now)) {
      records.push({ type: 'step-done', job: job.id, atMs: now.wallMs, step: 'late-sweep-due' });
    } else if (job.endedAtMs + jobs.endedKeepMs <= now.wallMs && isCleanedUp(job) && !boards.has(job.id)) {
      const reason = 'its outcome is kept, and what it was made from is not';
      records.push({ type: 'job-moved', job: job.id, atMs: now.wallMs, to: 'archived', reason, failure: undefined });
    }
  }
  const tooMany = archived.length - jobs.archivedJobsMax;
  for (const [place, job] of archived.entries()) {
    if (job.steps.has('forgotten') || pendingEffects(job).length > 0) continue;
    if (place < tooMany || job.endedAtMs + jobs.archivedKeepMs <= now.wallMs) {
      records.push({ type: 'step-done', job: job.id, atMs: now.wallMs, step: 'forgotten' });
    }
  }
  return { records, commands: [] };
}

/** All is done for it but sweeping what is kept for a while. */
function isCleanedUp(job: EndedJob): boolean {
  if (!isLateSwept(job)) return false;
  return pendingEffects(job).every((effect) => effect.kind === 'step' && effect.step === 'shuffle-swept');
}
