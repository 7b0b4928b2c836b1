/**
 * Processes that the kernel has killed because memory ran out, as it counts them for the cgroup of this process. A death by
 * SIGKILL says nothing of its reason; that the count has grown meanwhile does.
 */
import { readFileSync } from 'node:fs';
import { limits } from '../shared/limits.js';

/** The file, and where in it the count is. Both kinds of cgroups, then the whole machine. */
const COUNTS: readonly { readonly under: string; readonly controller: string; readonly file: string }[] = [
  { under: '/sys/fs/cgroup', controller: '', file: 'memory.events' },
  { under: '/sys/fs/cgroup/memory', controller: 'memory', file: 'memory.oom_control' },
];
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
  const path = filesFor(textOf('/proc/self/cgroup') ?? '').find((file) => countIn(textOf(file)) !== undefined);
  return path === undefined ? () => 0 : () => countIn(textOf(path)) ?? 0;
}

/** Files that may have the count, the closest first: in a container its own cgroup is mounted as the root of them all. */
export function filesFor(cgroups: string): readonly string[] {
  const files = COUNTS.flatMap(({ under, controller, file }) => {
    const line = cgroups.split('\n').find((one) => one.split(':')[1]?.split(',').includes(controller));
    const own = line?.split(':').slice(2).join(':');
    return own === undefined ? [] : [`${under}${own === '/' ? '' : own}/${file}`, `${under}/${file}`];
  });
  return [...files, MACHINE];
}

/** `oom_kill 3` is a line of each of these files. */
export function countIn(text: string | undefined): number | undefined {
  const found = /^oom_kill (\d+)$/m.exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not this kind of cgroup, or not Linux
  }
}
