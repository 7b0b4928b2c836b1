/**
 * Processes that the kernel has killed because memory ran out, as it counts them for the cgroup of this process. A death by
 * SIGKILL says nothing of its reason; that the count has grown meanwhile does.
 */
import { limits } from '../shared/limits.js';
import { memoryFolders, ownCgroups, textOf } from './cgroup-files.js';

const MACHINE = '/proc/vmstat';

export class OomKills {
  readonly #read: () => number;
  /** The kills of which it is known whom they met, by their number. */
  readonly #claimed = new Set<number>();

  /** `read`: the count, 0 where there is none. */
  constructor(read: () => number = counterHere()) {
    this.#read = read;
  }

  /** Before a process does what it may be killed for: what `claim` is to be told. */
  mark(): number {
    return this.#read();
  }

  /**
   * True when there was a kill since the mark that nobody has claimed: then it was the one that claims. Of several it takes the
   * first, for the later ones may be claimed by those too that began later.
   */
  claim(mark: number): boolean {
    const count = this.#read();
    let kill = mark + 1;
    while (kill <= count && this.#claimed.has(kill)) kill++;
    if (kill > count) return false;
    this.#claimed.add(kill);
    const [oldest = 0] = this.#claimed;
    if (this.#claimed.size > limits.slotsMax) this.#claimed.delete(oldest);
    return true;
  }
}

/** How to read the count that applies to this process. */
function counterHere(): () => number {
  const path = filesFor(ownCgroups()).find((file) => countIn(textOf(file)) !== undefined);
  return path === undefined ? () => 0 : () => countIn(textOf(path)) ?? 0;
}

/** Files that may have the count, the closest first. Both kinds of cgroups, then the whole machine. */
export function filesFor(cgroups: string): readonly string[] {
  const ofVersion2 = memoryFolders('v2', cgroups).map((folder) => `${folder}/memory.events`);
  const ofVersion1 = memoryFolders('v1', cgroups).map((folder) => `${folder}/memory.oom_control`);
  return [...ofVersion2, ...ofVersion1, MACHINE];
}

/** `oom_kill 3` is a line of each of these files. */
export function countIn(text: string | undefined): number | undefined {
  const found = /^oom_kill (\d+)$/m.exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}
