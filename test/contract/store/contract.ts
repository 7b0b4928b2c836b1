/** What every store promises: one suite, run over each implementation. */
import { describe } from 'vitest';
import { describeFailure } from './failure.js';
import { describeObjects } from './objects.js';
import { describeStaging } from './staging.js';
import type { Subject } from './subject.js';

export function describeStore(name: string, make: () => Promise<Subject>): void {
  describe(name, () => {
    describeObjects(make);
    describeStaging(make);
    describeFailure(make);
  });
}
