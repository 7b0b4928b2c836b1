/**
 * What the kernel says of the memory of this worker, where running out of it would be the end of all its processes: in a control
 * group of version 2 whose `memory.oom.group` is 1, as Kubernetes makes them.
 */
import { memoryFolders, ownCgroups, textOf } from './cgroup-files.js';

export interface MemoryReadings {
  /** Bytes that the worker may hold; undefined where that has no limit. May change while it runs. */
  limit(): number | undefined;
  /** Bytes that it holds, its files in the kernel's cache among them. */
  held(): number;
  /** Of those, the cached files: the kernel drops them before it ends anything. */
  cached(): number;
  /** Bytes that one process holds and shares with no file; 0 when it has ended. */
  ownOf(pid: number): number;
}

/** Undefined where nobody has to watch: there is no limit, or the kernel ends one process alone. */
export function memoryReadingsHere(read: (path: string) => string | undefined = textOf): MemoryReadings | undefined {
  const own = memoryFolders('v2', ownCgroups(read));
  const folder = own.find((each) => read(`${each}/memory.oom.group`) !== undefined);
  if (folder === undefined || read(`${folder}/memory.oom.group`)?.trim() !== '1') return undefined;
  const limit = () => bytesIn(read(`${folder}/memory.max`), /^(\d+)$/m);
  if (limit() === undefined) return undefined;
  return {
    limit,
    held: () => bytesIn(read(`${folder}/memory.current`), /^(\d+)$/m) ?? 0,
    cached: () => {
      const stat = read(`${folder}/memory.stat`);
      return (bytesIn(stat, /^inactive_file (\d+)$/m) ?? 0) + (bytesIn(stat, /^active_file (\d+)$/m) ?? 0);
    },
    ownOf: (pid) => (bytesIn(read(`/proc/${pid}/status`), /^RssAnon:\s*(\d+) kB$/m) ?? 0) * 1024,
  };
}

function bytesIn(text: string | undefined, number: RegExp): number | undefined {
  const found = number.exec(text ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}
