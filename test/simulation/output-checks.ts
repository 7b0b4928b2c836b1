/** What is checked of an output at its commit: the manifest, and that its parts are the winners'. */
import type { CommittingJob } from '../../coordinator/scheduler/state.js';
import { parseManifest } from '../../shared/codec/manifest.js';
import { outputNames } from '../../shared/plan.js';
import type { Checker } from './checker.js';

/** Parts that a commit makes visible. */
export function wantedParts(job: CommittingJob): number {
  return job.isPartial ? job.work.sealedWon : job.plan.partitions;
}

export function checkManifest(checker: Checker, job: CommittingJob, prefix: string, bytes: Uint8Array): void {
  const manifest = parseManifest(bytes);
  if (manifest.job !== job.id) checker.world.violate(`the manifest of ${prefix} is of ${manifest.job}, not ${job.id}`);
  if (manifest.complete === job.isPartial)
    checker.world.violate(`the manifest of ${prefix} says complete: ${manifest.complete}`);
  if (manifest.parts.length !== wantedParts(job)) {
    checker.world.violate(`the manifest of ${prefix} has ${manifest.parts.length} of ${job.plan.partitions} parts`);
  }
  for (const part of manifest.parts) {
    const found = checker.objects.get(prefix + part.key);
    if (found?.bytes.length !== part.bytes) {
      checker.world.violate(
        `the manifest lists ${part.key} with ${part.bytes} bytes; there are ${found?.bytes.length}`,
      );
    }
  }
  checkParts(checker, job, prefix);
}

/** What readers see is what the winners sealed. */
export function checkParts(checker: Checker, job: CommittingJob, prefix: string): void {
  for (const [part, winner] of job.work.sealed.entries()) {
    if (!winner && job.isPartial) continue;
    const found = checker.objects.get(prefix + outputNames.part(part, job.inspected.format));
    if (!winner || found?.bytes.length !== winner.seal.bytes) {
      checker.world.violate(`part ${part} of ${prefix} is not what its winner sealed`);
    }
  }
}
