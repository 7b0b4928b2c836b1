/** Suites over containers. */
import { describe } from 'vitest';
import { hasDocker } from '../harness/docker.js';

if (!hasDocker) console.log('skipped: no Docker engine with Compose v2 answers here');

/** Skipped where there is no engine, unless it is required. */
export function describeWithDocker(name: string, suite: () => void): void {
  describe.skipIf(!hasDocker && process.env['TEST_REQUIRE_DOCKER'] !== '1')(name, suite);
}
