/** The core behind a service that listens already: whoever calls before it leads is told to come again. */
import { GristmillError } from '../shared/errors.js';
import type { Coordinator } from './core.js';

export class Leading {
  #core: Coordinator | undefined;

  /** Throws `unavailable` until it leads. */
  get core(): Coordinator {
    if (this.#core) return this.#core;
    throw new GristmillError('unavailable', 'the coordinator reads its journal, and will lead when it has');
  }

  /** Undefined until it leads. */
  get known(): Coordinator | undefined {
    return this.#core;
  }

  begin(core: Coordinator): void {
    this.#core = core;
  }
}
