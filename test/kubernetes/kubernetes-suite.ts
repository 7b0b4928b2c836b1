/** Suites over a cluster. */
import { describe } from 'vitest';
import { hasKubernetes } from '../harness/kubernetes.js';

if (!hasKubernetes) console.log('skipped: kubectl has no context whose cluster answers');

/** Skipped where there is none, unless it is required. */
export function describeWithKubernetes(name: string, suite: () => void): void {
  describe.skipIf(!hasKubernetes && process.env['TEST_REQUIRE_KUBERNETES'] !== '1')(name, suite);
}
