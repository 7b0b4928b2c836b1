/** A chapter of tests that need separate hosts: where there can be none it is skipped, with a line that says why. */
import { describe } from 'vitest';
import { whyNot } from '../../harness/namespaces.js';

const missing = whyNot();
if (missing !== undefined) console.log(`the tests of separate hosts are skipped: ${missing}`);

export function describeHosts(name: string, chapter: () => void): void {
  describe.skipIf(missing !== undefined)(name, chapter);
}
