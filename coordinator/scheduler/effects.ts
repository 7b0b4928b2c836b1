/**
 * What is to be done to the world for a job, from its durable state alone. A successor that replays the journal comes to
 * the same list, so that whatever a dead leader left undone is done; each effect is idempotent.
 *
 * ```
 *  validating   read-inspection -> claim-output -> write-plan        (a dry run claims nothing)
 *  in_progress  map stage done:  write-stage-manifest         (again, under another name, when objects were lost)
 *  committing   remove-replaced -> publish each part -> discard-staged -> publish-audit -> write-manifest -> write-success
 *               (past the deadline: publish each part that is finished -> … -> write-manifest, and no success)
 *  completed, and expired with a result
 *               discard-staged -> keep-audit -> sweep-shuffle;  later once more: sweep-late
 *  failed, cancelled, expired
 *               remove-published -> discard-staged -> release-claim -> keep-audit -> sweep-shuffle;  later: sweep-late
 *  archived     sweep-shuffle -> sweep-job -> sweep-bundle;  once it is to be forgotten: sweep-evidence
 * ```
 *
 * What losing attempts have staged goes before the manifest comes: once the outcome is told, the next job may be staging
 * its own output there. Effects of one list may run at the same time; those of the next wait until all of them have ended. Of
 * the parts to publish a list has the next few.
 */
import { limits } from '../../shared/limits.js';
import type { StageVersion } from '../../shared/plan.js';
import { stageVersion } from './lost-maps.js';
import type { Step } from './records.js';
import {
  hasResult,
  isEnded,
  type CommittingJob,
  type EndedJob,
  type InProgressJob,
  type Job,
  type ValidatingJob,
} from './state.js';
import { isMapStageDone } from './work.js';

/** Done once per job; the map stage's manifest may be written several times. */
export type EndStep = Exclude<Step, 'stage-manifest'>;

export type Effect =
  | { readonly kind: 'read-inspection' }
  | { readonly kind: 'claim-output' }
  | { readonly kind: 'write-plan' }
  | ({ readonly kind: 'stage-manifest' } & StageVersion)
  | { readonly kind: 'publish'; readonly part: number }
  | { readonly kind: 'step'; readonly step: EndStep };

/** Unique among the effects of a job. */
export function effectName(effect: Effect): string {
  if (effect.kind === 'stage-manifest') return `stage-manifest ${effect.generation}-${effect.revision}`;
  if (effect.kind === 'publish') return `publish ${effect.part}`;
  return effect.kind === 'step' ? effect.step : effect.kind;
}

const step = (name: EndStep): readonly Effect[] => [{ kind: 'step', step: name }];

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
  return missingManifest(job);
}

/** Of a map stage that is done, or done again after objects were lost. */
function missingManifest({ work, steps }: InProgressJob | CommittingJob): readonly Effect[] {
  if (!isMapStageDone(work) || steps.has('stage-manifest')) return [];
  return [{ kind: 'stage-manifest', ...stageVersion(work) }];
}

function ofCommitting(job: CommittingJob): readonly Effect[] {
  if (job.request.overwrite && !job.steps.has('replaced-removed')) return step('replaced-removed');
  // Past the deadline nothing runs again that would need it.
  const stage = job.isPartial ? [] : missingManifest(job);
  if (stage.length > 0) return stage;
  const publishes = nextPublishes(job);
  if (publishes.length > 0) return publishes;
  const manifest: readonly EndStep[] = ['staged-discarded', 'audit-published', 'manifest-written'];
  if (job.isPartial) return firstOf(job, manifest);
  if (job.published.size < job.plan.partitions) return [];
  return firstOf(job, [...manifest, 'success-written']);
}

/** The first parts that are to be published: no more than can start soon, for the list is made again after each of them. */
function nextPublishes({ work, published, publishedTo = 0 }: CommittingJob): readonly Effect[] {
  const publishes: Effect[] = [];
  for (let part = publishedTo; part < work.sealed.length && publishes.length < limits.publishesListedMax; part++) {
    if (work.sealed[part] && !published.has(part)) publishes.push({ kind: 'publish', part });
  }
  return publishes;
}

/** True while the effect is still to be done, whether or not it is among the next of its kind. */
export function isPending(job: Job, effect: Effect): boolean {
  if (effect.kind !== 'publish') return pendingEffects(job).some((one) => effectName(one) === effectName(effect));
  if (job.state !== 'committing' || !pendingEffects(job).some(({ kind }) => kind === 'publish')) return false;
  return job.work.sealed[effect.part] !== undefined && !job.published.has(effect.part);
}

function ofEnded(job: EndedJob): readonly Effect[] {
  if (job.state === 'archived') {
    return firstOf(job, [
      'shuffle-swept',
      'job-swept',
      'bundle-swept',
      ...(job.steps.has('forgotten') ? (['evidence-swept'] as const) : []),
    ]);
  }
  // Before what may be kept for days.
  const late: readonly EndStep[] = job.steps.has('late-sweep-due') ? ['late-swept'] : [];
  if (hasResult(job)) {
    // At the commit it was done once; an attempt that came back later may have left something again.
    const staged: readonly EndStep[] = job.work ? ['staged-discarded'] : [];
    return firstOf(job, [...staged, 'audit-kept', ...late, 'shuffle-swept']);
  }
  // Whatever came to commit may have published more than the journal knows.
  const published: readonly EndStep[] = job.published ? ['published-removed'] : [];
  const staged: readonly EndStep[] = job.work ? ['staged-discarded'] : [];
  const claim: readonly EndStep[] = job.inspected && !job.request.dryRun ? ['claim-released'] : [];
  return firstOf(job, [...published, ...staged, ...claim, 'audit-kept', ...late, 'shuffle-swept']);
}

function firstOf(job: Job, steps: readonly EndStep[]): readonly Effect[] {
  const next = steps.find((name) => !job.steps.has(name));
  return next === undefined ? [] : step(next);
}
