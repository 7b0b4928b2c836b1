/** Where the kernel says what it counts for the control group of this process, and how that is read. */
import { readFileSync } from 'node:fs';

/** Which processes share a limit: all controllers of version 2 have one tree, those of version 1 each their own. */
const TREES = {
  v2: { root: '/sys/fs/cgroup', controller: '' },
  v1: { root: '/sys/fs/cgroup/memory', controller: 'memory' },
} as const;

/** What the kernel lists of the groups of this process; empty where there are none. */
export function ownCgroups(read: (path: string) => string | undefined = textOf): string {
  return read('/proc/self/cgroup') ?? '';
}

/** Folders that may be those of its memory, the closest first: in a container its own group is mounted as the root of them all. */
export function memoryFolders(version: keyof typeof TREES, cgroups: string): readonly string[] {
  const { root, controller } = TREES[version];
  const line = cgroups.split('\n').find((one) => one.split(':')[1]?.split(',').includes(controller));
  const own = line?.split(':').slice(2).join(':');
  return own === undefined ? [] : [`${root}${own === '/' ? '' : own}`, root];
}

export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // not this kind of group, or not Linux
  }
}
