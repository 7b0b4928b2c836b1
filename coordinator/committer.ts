/**
 * Carries out the effects of a job: claim, plan, commit and cleaning up. What is to be done comes from the durable state
 * (`scheduler/effects.ts`); every effect is idempotent, for a successor may do it again.
 *
 * The commit: remove what `--overwrite` replaces -> publish each part -> `_audit.jsonl` -> `_manifest.json` -> `_SUCCESS`.
 * `_errors.jsonl` is written only when there are bad records to name; without them there is no such file.
 */
import type { Clock } from '../shared/clock.js';
import { encodeManifest } from '../shared/codec/manifest.js';
import { encodeStageManifest } from '../shared/codec/stage-manifest.js';
import { delay } from '../shared/clock.js';
import { ERRORS, failureOf, GristmillError, hasCode } from '../shared/errors.js';
import { gate } from '../shared/gate.js';
import type { JobId } from '../shared/ids.js';
import { limits } from '../shared/limits.js';
import { outputNames, storeKeys, type StageVersion } from '../shared/plan.js';
import type { ObjectStore } from '../shared/store/object-store.js';
import { putOnce } from '../shared/store/put-once.js';
import type { Owner } from '../shared/store/owner.js';
import { auditLog } from './audit.js';
import type { DataRoots } from './data-roots.js';
import { readInspection, writePlan } from './inspection.js';
import { makeManifest, makeStageManifest } from './manifest.js';
import type { OutputPlace } from './outputs.js';
import type { Effect, EndStep } from './scheduler/effects.js';
import type { EffectResult } from './scheduler/events.js';
import { isEnded, workOf, type Job } from './scheduler/state.js';
import { discardStaged, sweep, sweepLate, sweepShuffle, type SweepPorts } from './sweeps.js';

export interface CommitterPorts extends SweepPorts {
  /** Which files jobs may use; absent: every one. */
  readonly dataRoots?: DataRoots;
  readonly owner: Owner;
  readonly clock: Clock;
  /** Removes the code of an archived job, unless it is wanted. */
  readonly dropCode: (job: Job) => Promise<void>;
  /** Whether the effect is still among what the job, as it is now, has to do. */
  readonly isPending: (job: JobId, effect: Effect) => boolean;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Does the effect, waiting for a store that is away. What cannot be done is a failure, or given up when it only cleans. */
export async function carryOut(
  ports: CommitterPorts,
  job: Job,
  effect: Effect,
  signal: AbortSignal,
): Promise<EffectResult> {
  for (let tries = 0; ; tries++) {
    try {
      return await attempt(ports, job, effect);
    } catch (thrown) {
      const winner = effect.kind === 'publish' ? workOf(job)?.sealed[effect.part] : undefined;
      if (winner && hasCode(thrown, 'staged-missing')) return { kind: 'staged-missing', attempt: winner.attempt };
      const failure = failureOf(thrown);
      const isAway = failure.code === 'store-unavailable' || failure.code === 'store-timeout';
      if (!isAway && (!ERRORS[failure.code].retryable || tries >= limits.storeRetriesMax)) {
        return { kind: isEnded(job) ? 'given-up' : 'failed', failure };
      }
    }
    const waitMs = Math.min(limits.attemptBackoffMs * 2 ** Math.min(tries, 16), limits.attemptBackoffMsMax);
    await delay(ports.clock, waitMs * (0.5 + ports.random() / 2), signal);
    if (!ports.isPending(job.id, effect)) return { kind: 'dropped' };
  }
}

async function attempt(ports: CommitterPorts, job: Job, effect: Effect): Promise<EffectResult> {
  switch (effect.kind) {
    case 'read-inspection': {
      const inspection = await readInspection(ports.store, job);
      await ports.dataRoots?.check(inspection);
      const { descriptor, output } = inspection;
      const { name, kind, sink, deadlineMs, speculate = false } = descriptor;
      const deadline = deadlineMs === undefined ? {} : { deadlineMs };
      const inspected = { name, kind, format: sink.format, output, speculate, ...deadline };
      return { kind: 'inspected', inspected };
    }
    case 'claim-output': {
      const { owner } = ports;
      const { overwrite } = job.request;
      return {
        kind: 'claimed',
        claim: await ports.outputs.claim({ output: outputOf(job), job: job.id, owner, overwrite }),
      };
    }
    case 'write-plan':
      return { kind: 'planned', ...(await writePlan(ports.store, job)) };
    case 'stage-manifest':
      await putStageManifest(ports.store, job, effect);
      return { kind: 'done' };
    case 'publish':
      await publish(ports, job, effect.part);
      return { kind: 'done' };
    case 'step':
      await takeStep(ports, job, effect.step);
      return { kind: 'done' };
  }
}

function outputOf(job: Job): string {
  if (!job.inspected) throw new GristmillError('internal', 'the output is not known yet', { context: { job: job.id } });
  return job.inspected.output;
}

async function publish({ outputs }: CommitterPorts, job: Job, part: number): Promise<void> {
  if (job.state === 'committing' && job.published.size === 0) await gate('committing');
  await gate('publish');
  const place = outputs.storeFor(outputOf(job));
  const seal = workOf(job)?.sealed[part]?.seal;
  if (!seal?.key.startsWith(place.prefix)) {
    throw new GristmillError('publish-lost', `a seal names a key outside of the output`, {
      context: { job: job.id, part },
    });
  }
  await place.store.publish(seal);
}

async function putStageManifest(store: ObjectStore, job: Job, version: StageVersion): Promise<void> {
  if (job.state !== 'in_progress' && job.state !== 'committing') return;
  await gate(`stage-manifest-${version.generation}-${version.revision}`);
  const manifest = encodeStageManifest(makeStageManifest(job, version.generation));
  await store.put(storeKeys.stageManifest(job.id, 'map', version), manifest);
}

async function takeStep(ports: CommitterPorts, job: Job, step: EndStep): Promise<void> {
  const { store, outputs } = ports;
  switch (step) {
    case 'replaced-removed':
      await gate('committing');
      await removeReplaced(outputs.storeFor(outputOf(job)), job);
      return;
    case 'audit-published':
      await putNamed(ports, job, outputNames.audit, auditLog(job));
      return;
    case 'manifest-written':
      if (job.state !== 'committing') return;
      await gate('manifest');
      await putNamed(ports, job, outputNames.manifest, encodeManifest(makeManifest(job)));
      return;
    case 'success-written':
      await putNamed(ports, job, outputNames.success, new Uint8Array(0));
      return;
    case 'published-removed':
      await removePublished(outputs.storeFor(outputOf(job)), job);
      return;
    case 'staged-discarded':
      await discardStaged(ports, job, outputOf(job));
      return;
    case 'claim-released':
      await outputs.release({ output: outputOf(job), job: job.id });
      return;
    case 'audit-kept':
      await store.put(storeKeys.audit(job.id), auditLog(job));
      return;
    case 'shuffle-swept':
      await sweepShuffle(ports, job);
      return;
    case 'late-swept':
      await sweepLate(ports, job, outputOf(job));
      return;
    case 'job-swept':
      await sweep(store, storeKeys.jobPrefix(job.id), { but: storeKeys.audit(job.id) });
      return;
    case 'bundle-swept':
      await ports.dropCode(job);
      return;
    case 'evidence-swept':
      await sweep(store, storeKeys.jobPrefix(job.id));
      return;
    case 'late-sweep-due':
    case 'forgotten':
      return;
  }
}

/** What says that there is a result goes first, so that no reader takes half of it for one. */
async function removeReplaced({ store, prefix }: OutputPlace, job: Job): Promise<void> {
  await store.delete([prefix + outputNames.success], { forReuse: true });
  await store.delete([prefix + outputNames.manifest], { forReuse: true });
  const replaces = job.state === 'committing' ? job.claim.replaces : [];
  if (replaces.length === 0) return;
  await store.delete(
    replaces.map((name) => prefix + name),
    { forReuse: true },
  );
}

/** Of a job that fails while it publishes. The old result that it was to replace is gone only after its step. */
async function removePublished({ store, prefix }: OutputPlace, job: Job): Promise<void> {
  if (!job.request.overwrite || job.steps.has('replaced-removed')) {
    for (const name of [outputNames.success, outputNames.manifest, outputNames.audit])
      await store.delete([prefix + name], { forReuse: true });
  }
  for (const winner of workOf(job)?.sealed ?? []) if (winner) await store.discard(winner.seal);
}

/**
 * Only where nothing is: a put that overwrites, and lands late, would replace what a later job has written. The claim and
 * `remove-replaced` have seen to all that was there, so what is there now has come late itself, or is of an earlier try of ours.
 */
async function putNamed(ports: CommitterPorts, job: Job, name: string, bytes: Uint8Array): Promise<void> {
  const { store, prefix } = ports.outputs.storeFor(outputOf(job));
  const { clock, random } = ports;
  for (let rounds = 0; (await putOnce(store, prefix + name, bytes, { clock, random })) === 'lost'; rounds++) {
    if (rounds === limits.storeRetriesMax) {
      throw new GristmillError('store-unavailable', `somebody else writes to ${prefix}${name}`, {
        context: { job: job.id },
      });
    }
    await store.delete([prefix + name], { forReuse: true });
  }
}
