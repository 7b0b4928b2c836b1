/** How far a coordinator has come whose ports listen already: whoever calls before it leads is told to come again. */
import { GristmillError } from '../shared/errors.js';
import type { Coordinator } from './core.js';

/** Its store does not answer, for a reason; it reads the journal; it leads. */
export type Phase = { readonly waitsFor: string } | 'replaying' | Coordinator;

export class Leading {
  #phase: Phase = 'replaying';

  /** Throws `unavailable` until it leads. */
  get core(): Coordinator {
    const phase = this.#phase;
    if (isLeader(phase)) return phase;
    const why = phase === 'replaying' ? 'reads its journal' : `waits for its store: ${phase.waitsFor}`;
    throw new GristmillError('unavailable', `the coordinator does not lead yet: it ${why}`);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The next phase. */
  is(phase: Phase): void {
    this.#phase = phase;
  }
}

export function isLeader(phase: Phase): phase is Coordinator {
  return phase !== 'replaying' && !('waitsFor' in phase);
}
