/**
 * Slots of tasks that ran out of memory, by what is durable: whoever leads, and however it came to know, gives them two of a worker
 * that has two, and one to everything else.
 */
import { attemptParts } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { Assignment } from '../../shared/protocol.js';
import type { Checker } from './checker.js';

export class SlotCheck {
  /** Of each worker. */
  readonly slots = new Map<string, number>();
  readonly #checker: Checker;

  constructor(checker: Checker) {
    this.#checker = checker;
  }

  onAssign(epoch: number, worker: string, { job, attempt, slots = 1 }: Assignment): void {
    const { durable, world } = this.#checker;
    const known = durable.jobs.get(job);
    // A leader that is behind may not have seen the failure.
    if (!known || epoch !== durable.epoch) return;
    const hasOutgrown = known.outgrown?.has(attemptParts(attempt).task) === true;
    const wanted = hasOutgrown ? Math.min(limits.outgrownSlots, this.slots.get(worker) ?? 0) : 1;
    if (slots !== wanted) world.violate(`${attempt} of ${job} has ${slots} slots of ${worker}, not ${wanted}`);
    if (hasOutgrown && attemptParts(attempt).n === 1) world.count('outgrown known to a successor');
  }
}
