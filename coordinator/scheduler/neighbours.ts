/**
 * Which worker gets which partitions, where they are small: neighbours lie side by side in every shuffle object, and whoever
 * has several of them one after the other reads them together.
 *
 * Partitions are cut into groups of equal size. A worker has one group for each task that it runs at a time, and goes
 * through it in order; while a task of a group runs there, the next one waits for it, because the first reads for all of
 * them. When no group is left, a worker takes tasks from the far end of what others have before them, and reads those alone.
 * Nothing depends on it but requests: any worker can do any task at any time.
 */
import type { WorkerId } from '../../shared/ids.js';
import { limits } from '../../shared/limits.js';
import type { PartitionRange } from '../../shared/protocol.js';
import type { Work } from './state.js';

/** How many partitions a worker should read together: as many as make one read worth its request. */
export function groupSize(work: Work | undefined, slots: number): number {
  const objects = work?.maps?.bytes;
  if (!work || !objects || objects.length < limits.neighbourObjectsMin) return 1;
  const partitions = work.sealed.length;
  let bytes = 0;
  for (const objectBytes of objects) bytes += objectBytes;
  const rangeBytes = Math.max(1, bytes / objects.length / partitions);
  const forReads = Math.floor(limits.neighbourReadBytes / rangeBytes);
  const forSlots = Math.floor(partitions / (Math.max(1, slots) * limits.neighbourGroupsPerSlot));
  return Math.max(1, Math.min(forReads, forSlots, limits.neighboursMax));
}

interface Group {
  /** Undefined when it is gone, and with it what it has read. */
  readonly worker: WorkerId | undefined;
  readonly range: PartitionRange;
}

export class Neighbours {
  readonly #size: number;
  readonly #tasks: number;
  readonly #groups = new Map<number, Group>();
  /** Every group before it has been somebody's. */
  #next = 0;

  constructor(tasks: number, size: number) {
    this.#tasks = tasks;
    this.#size = size;
  }

  /**
   * The waiting task for a free slot of the worker. `running`: partitions that it is at work on; `isHere`: workers that go on
   * with what they have.
   */
  offer(
    worker: WorkerId,
    running: Iterable<number>,
    isWaiting: (index: number) => boolean,
    isHere: (worker: WorkerId) => boolean,
  ): number | undefined {
    const busy = new Set<number>();
    for (const index of running) busy.add(this.#groupOf(index));
    for (const [number, group] of this.#groups) {
      const isFree = group.worker === worker ? !busy.has(number) : !isTaken(group, isHere);
      const index = isFree ? this.#waitingIn(group.range, isWaiting) : undefined;
      if (index !== undefined) return index;
    }
    for (; this.#next * this.#size < this.#tasks; this.#next++) {
      if (this.#groups.has(this.#next)) continue;
      const index = this.#waitingIn(this.#rangeOf(this.#next), isWaiting);
      if (index !== undefined) return index;
    }
    for (let index = this.#tasks - 1; index >= 0; index--) if (isWaiting(index)) return index;
    return undefined;
  }

  /** The worker begins with a task: what it is to read together for it; undefined for a task that it reads alone. */
  begin(worker: WorkerId, index: number, isHere: (worker: WorkerId) => boolean): PartitionRange | undefined {
    const number = this.#groupOf(index);
    const group = this.#groups.get(number);
    if (group?.worker === worker) return group.range;
    if (group && isTaken(group, isHere)) return undefined;
    const range = { first: index, end: this.#rangeOf(number).end };
    this.#groups.set(number, { worker, range });
    return range;
  }

  /** The worker is dead: another process under its name has nothing of what that one has read. */
  forget(worker: WorkerId): void {
    for (const [number, group] of this.#groups) {
      if (group.worker === worker) this.#groups.set(number, { ...group, worker: undefined });
    }
  }

  #groupOf(index: number): number {
    return Math.floor(index / this.#size);
  }

  #rangeOf(group: number): PartitionRange {
    return { first: group * this.#size, end: Math.min(this.#tasks, (group + 1) * this.#size) };
  }

  #waitingIn({ first, end }: PartitionRange, isWaiting: (index: number) => boolean): number | undefined {
    for (let index = first; index < end; index++) if (isWaiting(index)) return index;
    return undefined;
  }
}

function isTaken({ worker }: Group, isHere: (worker: WorkerId) => boolean): boolean {
  return worker !== undefined && isHere(worker);
}
