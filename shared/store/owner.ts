/**
 * Who holds something durable, so that another process on the same host can tell whether it is still there. A process id
 * alone is used again by the system: with the time at which the process started it is not.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { errno } from './file-errors.js';

export interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Opaque; on Linux the ticks at which it started, the boot, and the namespace in which the pid counts. */
  readonly startTime: string;
  /** It serves one command alone: when it is gone, nobody continues its jobs. */
  readonly private: boolean;
}

export function currentOwner(isPrivate = true): Owner {
  return { host: hostname(), pid: process.pid, startTime: startTimeOf(process.pid) ?? '', private: isPrivate };
}

/** True only when it is certain: the process ran on this host, and is gone. */
export function ownerIsDead(owner: Owner): boolean {
  if (owner.host !== hostname()) return false;
  const [, boot, namespace] = owner.startTime.split(' ');
  if (process.platform === 'linux') {
    const here = surroundings();
    if (boot === undefined || boot === '' || here.boot === '') return false;
    if (boot !== here.boot) return true;
    // A container of the same host name counts its processes apart.
    if (namespace !== here.namespace) return false;
  }
  const started = startTimeOf(owner.pid);
  return started === undefined ? !exists(owner.pid) : started !== owner.startTime;
}

/** Undefined for a process that is gone, or a zombie, or whose start cannot be read. */
function startTimeOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return started(pid);
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The second field is the command in parentheses, which may hold anything.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  if (state === 'Z' || state === 'X') return GONE;
  const { boot, namespace } = surroundings();
  return `${fields[19] ?? ''} ${boot} ${namespace}`;
}

/** Differs from every start time. */
const GONE = 'gone';

let cached: { readonly boot: string; readonly namespace: string } | undefined;

function surroundings(): { readonly boot: string; readonly namespace: string } {
  cached ??= {
    boot: orEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    namespace: orEmpty(() => readlinkSync('/proc/self/ns/pid')),
  };
  return cached;
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function started(pid: number): string | undefined {
  try {
    const found = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', stdio: 'pipe' }).trim();
    return found === '' ? undefined : found.replaceAll(' ', '_');
  } catch {
    return undefined;
  }
}

/** Also true for a process of another user, which may not be signalled. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return errno(thrown) !== 'ESRCH';
  }
}
