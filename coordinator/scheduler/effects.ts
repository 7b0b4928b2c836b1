/**
 * What is to be done to the world for a job, from its durable state alone. A successor that replays the journal comes to
 * the same list, so that whatever a dead leader left undone is done; each effect is idempotent.
 *
 * ```
 *  validating   read-inspection -> claim-output -> write-plan        (a dry run claims nothing)
 *  in_progress  map stage done:  write-stage-manifest
 *  committing   remove-replaced -> publish each part -> discard-staged -> publish-audit -> write-manifest -> write-success
 *  completed    keep-audit -> sweep-shuffle
 *  failed, cancelled, expired
 *               remove-published -> discard-staged -> release-claim -> keep-audit -> sweep-shuffle
 * ```
 *
 * What losing attempts have staged goes before the manifest comes: once the outcome is told, the next job may be staging
 * its own output there. Effects of one list may run at the same time; those of the next wait until all of them have ended.
 */
import type { Step } from './records.js';
import {
  isEnded,
  type CommittingJob,
  type EndedJob,
  type InProgressJob,
  type Job,
  type ValidatingJob,
} from './state.js';
import { isMapStageDone } from './work.js';

export type Effect =
  | { readonly kind: 'read-inspection' }
  | { readonly kind: 'claim-output' }
  | { readonly kind: 'write-plan' }
  | { readonly kind: 'publish'; readonly part: number }
  | { readonly kind: 'step'; readonly step: Step };

/** Unique among the effects of a job. */
export function effectName(effect: Effect): string {
  if (effect.kind === 'publish') return `publish ${effect.part}`;
  return effect.kind === 'step' ? effect.step : effect.kind;
}

const step = (name: Step): readonly Effect[] => [{ kind: 'step', step: name }];

export function pendingEffects(job: Job): readonly Effect[] {
  if (isEnded(job)) return ofEnded(job);
  switch (job.state) {
    case 'validating':
      return ofValidating(job);
    case 'queued':
      return [];
    case 'in_progress':
      return ofInProgress(job);
    case 'committing':
      return ofCommitting(job);
  }
}

function ofValidating(job: ValidatingJob): readonly Effect[] {
  if (!job.inspection) return [];
  if (!job.inspected) return [{ kind: 'read-inspection' }];
  if (!job.claim && !job.request.dryRun) return [{ kind: 'claim-output' }];
  return job.plan ? [] : [{ kind: 'write-plan' }];
}

function ofInProgress(job: InProgressJob): readonly Effect[] {
  return isMapStageDone(job.work) && !job.steps.has('stage-manifest') ? step('stage-manifest') : [];
}

function ofCommitting(job: CommittingJob): readonly Effect[] {
  if (job.request.overwrite && !job.steps.has('replaced-removed')) return step('replaced-removed');
  const publishes: Effect[] = [];
  for (const [part, winner] of job.work.sealed.entries()) {
    if (winner && !job.published.has(part)) publishes.push({ kind: 'publish', part });
  }
  if (publishes.length > 0) return publishes;
  if (job.published.size < job.plan.partitions) return [];
  return firstOf(job, ['staged-discarded', 'audit-published', 'manifest-written', 'success-written']);
}

function ofEnded(job: EndedJob): readonly Effect[] {
  const outcome = job.state === 'archived' ? job.outcome : job.state;
  if (outcome === 'completed' || outcome === 'partial_success') {
    // At the commit it was done once; an attempt that came back later may have left something again.
    const staged: readonly Step[] = job.work ? ['staged-discarded'] : [];
    return firstOf(job, [...staged, 'audit-kept', 'shuffle-swept']);
  }
  // Whatever came to commit may have published more than the journal knows.
  const published: readonly Step[] = job.published ? ['published-removed'] : [];
  const staged: readonly Step[] = job.work ? ['staged-discarded'] : [];
  const claim: readonly Step[] = job.inspected && !job.request.dryRun ? ['claim-released'] : [];
  return firstOf(job, [...published, ...staged, ...claim, 'audit-kept', 'shuffle-swept']);
}

function firstOf(job: Job, steps: readonly Step[]): readonly Effect[] {
  const next = steps.find((name) => !job.steps.has(name));
  return next === undefined ? [] : step(next);
}
