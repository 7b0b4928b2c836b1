/**
 * How much memory a process and its descendants hold, seen from outside in /proc.
 *
 * The peak of each process is `VmHWM`, the kernel's own high-water mark, so that nothing between two looks is missed, only
 * what happens after the last look before its end. The peak of all together is the largest sum of resident sets seen at
 * one look: a shared page counts once for each process. Where there is no /proc nothing is seen.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** What an executor calls itself; the agent's other children have their program's names. */
const executorTitle = 'gristmill-executor';
const pageBytes = 4096;

export const canSeeMemory: boolean = existsSync('/proc/self/status');

export type Role = 'command' | 'executor' | 'other';

export interface ProcessPeak {
  readonly pid: number;
  /** The command is the process that was started; executors are known by their titles. */
  readonly role: Role;
  /** As it was last seen. */
  readonly title: string;
  readonly peakBytes: number;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // it has ended meanwhile
  }
}

/** The fields of a stat file after the command's name, which may hold anything. */
export function statFields(pid: number | 'self'): readonly string[] | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Every process with its parent and its resident set. */
function processTable(): ReadonlyMap<number, { readonly parent: number; readonly bytes: number }> {
  const table = new Map<number, { parent: number; bytes: number }>();
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statFields(Number(name)) : undefined;
    if (fields === undefined) continue;
    table.set(Number(name), { parent: Number(fields[1]), bytes: Number(fields[21]) * pageBytes });
  }
  return table;
}

/** Undefined for a process that has ended, and for one that is a zombie and has no memory any more. */
function highWaterBytes(pid: number): number | undefined {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

export class ResidentWatch {
  readonly #command: number;
  readonly #peaks = new Map<number, ProcessPeak>();
  #sumBytes = 0;

  constructor(command: number) {
    this.#command = command;
  }

  /** To be called again and again, and once more as late as possible. */
  look(): void {
    const table = processTable();
    let sumBytes = 0;
    for (const [pid, { bytes }] of table) {
      let at: number | undefined = pid;
      while (at !== undefined && at !== this.#command) at = table.get(at)?.parent;
      if (at === undefined) continue;
      sumBytes += bytes;
      this.#see(pid);
    }
    this.#sumBytes = Math.max(this.#sumBytes, sumBytes);
  }

  #see(pid: number): void {
    const peakBytes = highWaterBytes(pid);
    if (peakBytes === undefined) return;
    const title = (textOf(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
    const role = pid === this.#command ? 'command' : title.startsWith(executorTitle) ? 'executor' : 'other';
    // The mark only grows, but begins anew when a forked process becomes another program: the last one is right.
    this.#peaks.set(pid, { pid, role, title, peakBytes });
  }

  /** All that were seen, whether they still run or not. */
  get processes(): readonly ProcessPeak[] {
    return [...this.#peaks.values()];
  }

  /** Of all together at one look. */
  get peakSumBytes(): number {
    return this.#sumBytes;
  }
}
